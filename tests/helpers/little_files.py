"""Little .tflite files, made operator by operator, and what they compute."""

from collections import Counter

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter

from edgepack.backends.tflite.finish import finish

TYPES = {
    np.dtype(np.float32): schema.TensorType.FLOAT32,
    np.dtype(np.int32): schema.TensorType.INT32,
    np.dtype(np.int64): schema.TensorType.INT64,
    np.dtype(np.bool_): schema.TensorType.BOOL,
    np.dtype(np.int8): schema.TensorType.INT8,
    np.dtype(np.int16): schema.TensorType.INT16,
    np.dtype(np.int64): schema.TensorType.INT64,
}
TO_CHANNELS_FIRST, TO_CHANNELS_LAST = (0, 3, 1, 2), (0, 2, 3, 1)


class Builder:
    """One graph. Tensors are indices; shapes of results are found by the caller."""

    def __init__(self):
        self.model = schema.ModelT()
        self.model.version, self.model.buffers, self.model.operatorCodes = 3, [schema.BufferT()], []
        self.graph = schema.SubGraphT()
        self.model.subgraphs = [self.graph]
        self.graph.tensors, self.graph.operators = [], []
        self.graph.inputs, self.graph.outputs = [], []

    def tensor(self, shape, dtype=np.float32, value=None, scale=None, zero_point=0):
        """Add a tensor; a scale, or one for each row, makes its integers stand for real numbers."""
        made = schema.TensorT()
        if scale is not None:
            made.quantization = schema.QuantizationParametersT()
            made.quantization.scale = np.atleast_1d(scale).astype(np.float32)
            made.quantization.zeroPoint = np.full(np.size(scale), zero_point, np.int64)
        made.shape, made.type = list(shape), TYPES[np.dtype(dtype)]
        made.name, made.buffer = f"t{len(self.graph.tensors)}".encode(), 0
        if value is not None:
            buffer = schema.BufferT()
            buffer.data = np.frombuffer(value.tobytes(), np.uint8)
            self.model.buffers.append(buffer)
            made.buffer = len(self.model.buffers) - 1
        self.graph.tensors.append(made)
        return len(self.graph.tensors) - 1

    def input(self, shape, dtype=np.float32, **quantisation):
        self.graph.inputs.append(self.tensor(shape, dtype, **quantisation))
        return self.graph.inputs[-1]

    def constant(self, value):
        array = np.asarray(value)
        array = array.astype({"f": np.float32, "i": np.int32, "b": np.bool_}[array.dtype.kind])
        return self.tensor(array.shape, array.dtype, array)

    def shape(self, tensor):
        return tuple(self.graph.tensors[tensor].shape)

    def op(self, kind, inputs, shape, dtype=np.float32, scale=None, zero_point=0, **options):
        """Append an operator; `options` are its schema options' fields, with `type` for their class."""
        made = schema.OperatorT()
        code = schema.OperatorCodeT()
        code.builtinCode, code.version = getattr(schema.BuiltinOperator, kind), options.pop("version", 1)
        code.deprecatedBuiltinCode = min(code.builtinCode, 127)
        self.model.operatorCodes.append(code)
        made.opcodeIndex, made.inputs = len(self.model.operatorCodes) - 1, list(inputs)
        if name := options.pop("type", None):
            made.builtinOptionsType = getattr(schema.BuiltinOptions, name)
            made.builtinOptions = getattr(schema, f"{name}T")()
            for field, value in options.items():
                setattr(made.builtinOptions, field, value)
        shapes = shape if isinstance(shape, list) else [shape]
        made.outputs = [self.tensor(one, dtype, scale=scale, zero_point=zero_point) for one in shapes]
        self.graph.operators.append(made)
        return made.outputs if isinstance(shape, list) else made.outputs[0]

    def leave_open(self, tensor, signature):
        """Say which sizes of a tensor only a run tells, by -1."""
        self.graph.tensors[tensor].shapeSignature = list(signature)
        return tensor

    def transpose(self, tensor, order):
        shape = self.shape(tensor)
        dtype = next(one for one, code in TYPES.items() if code == self.graph.tensors[tensor].type)
        inputs = [tensor, self.constant(np.array(order))]
        return self.op("TRANSPOSE", inputs, tuple(shape[k] for k in order), dtype, type="TransposeOptions")

    def write(self, path, *outputs):
        self.graph.outputs = list(outputs)
        builder = flatbuffers.Builder(0)
        builder.Finish(self.model.Pack(builder), b"TFL3")
        path.write_bytes(builder.Output())
        return path


def random_input(rng, shape, dtype):
    """Floats around zero, or any integers that the type holds."""
    if np.issubdtype(dtype, np.integer):
        return rng.integers(np.iinfo(dtype).min, np.iinfo(dtype).max, shape, dtype, endpoint=True)
    return rng.normal(size=shape).astype(dtype)


def run(path, seed=0):
    """Run a file on random inputs."""
    interpreter = Interpreter(str(path), num_threads=1)
    interpreter.allocate_tensors()
    rng = np.random.default_rng(seed)
    for detail in interpreter.get_input_details():
        interpreter.set_tensor(detail["index"], random_input(rng, detail["shape"], detail["dtype"]))
    interpreter.invoke()
    return [interpreter.get_tensor(detail["index"]) for detail in interpreter.get_output_details()]


def kinds(path):
    """Count a file's operators by kind."""
    model = schema.ModelT.InitFromObj(schema.Model.GetRootAs(path.read_bytes(), 0))
    names = {code: name for name, code in vars(schema.BuiltinOperator).items() if isinstance(code, int)}
    codes = [names[max(code.builtinCode, code.deprecatedBuiltinCode)] for code in model.operatorCodes]
    return Counter(codes[operator.opcodeIndex] for operator in model.subgraphs[0].operators)


def finished(path):
    """Finish a file in place, and check that it computes what it did."""
    before = run(path)
    finish(path)
    for got, expected in zip(run(path), before, strict=True):
        np.testing.assert_allclose(got, expected, rtol=1e-5, atol=1e-5, strict=True)
    return kinds(path)
