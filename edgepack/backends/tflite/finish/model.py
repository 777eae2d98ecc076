"""A .tflite file in memory, to be changed and written again."""

from __future__ import annotations

import mmap
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from edgepack.backends.tflite.finish.writing import indices, write_file
from edgepack.backends.tflite.flatbuffer import operator_of

if TYPE_CHECKING:
    from edgepack.compare import Array

_DTYPES = {
    schema.TensorType.FLOAT32: np.float32,
    schema.TensorType.FLOAT16: np.float16,
    schema.TensorType.INT32: np.int32,
    schema.TensorType.INT64: np.int64,
    schema.TensorType.BOOL: np.bool_,
}
_WRITTEN = _DTYPES | {schema.TensorType.INT8: np.int8}
"""Also int8, which can be written but not read: its scale is no part of the array."""
_OPTIONS = {
    "CONV_2D": schema.Conv2DOptionsT,
    "DEQUANTIZE": schema.DequantizeOptionsT,
    "FULLY_CONNECTED": schema.FullyConnectedOptionsT,
    "RESHAPE": schema.ReshapeOptionsT,
    "TRANSPOSE": schema.TransposeOptionsT,
}
_VERSIONS = {"CONV_2D": 3, "DEQUANTIZE": 3, "FULLY_CONNECTED": 6}
"""Of operators that are added: for scales per channel, float16, and no bias (op_version.cc); others are 1."""
ACTIVATIONS = {
    "RELU": schema.ActivationFunctionType.RELU,
    "RELU6": schema.ActivationFunctionType.RELU6,
    "RELU_N1_TO_1": schema.ActivationFunctionType.RELU_N1_TO_1,
}
SAME, VALID = schema.Padding.SAME, schema.Padding.VALID
NO_ACTIVATION = schema.ActivationFunctionType.NONE


@dataclass(slots=True, eq=False)
class Operator:
    """One operator of the main graph.

    Attributes:
        kind: "CONV_2D", or a custom operator's own name.
        inputs: Indices of tensors; -1 for one left out.
        outputs: Likewise.
        raw: The schema's object, whose options may be changed.
    """

    kind: str
    inputs: list[int]
    outputs: list[int]
    raw: Any = field(repr=False)

    @property
    def options(self) -> Any:
        """The operator's built-in options, or None."""
        return self.raw.builtinOptions


class FlatModel:
    """A model whose main graph can be changed; other graphs (of IF and WHILE) stay as they are.

    Attributes:
        operators: Of the main graph, in the order of execution.
    """

    operators: list[Operator]

    def __init__(self, model: Any) -> None:
        self._model = model
        self._graph = model.subgraphs[0]
        kinds = [operator_of(code) for code in model.operatorCodes or ()]
        self.operators = [
            Operator(kinds[raw.opcodeIndex], indices(raw.inputs), indices(raw.outputs), raw)
            for raw in self._graph.operators or ()
        ]
        made = {tensor for operator in self.operators for tensor in operator.outputs}
        self._given = {*range(len(self._graph.tensors))} - made - {*self.inputs}
        self._names = {bytes(tensor.name) for tensor in self._graph.tensors}

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read a file."""
        with path.open("rb") as file:
            # Mapped: weights that stay as they are get copied once, on the way to the new file.
            content = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        return cls(schema.ModelT.InitFromObj(schema.Model.GetRootAs(content, 0)))

    @property
    def inputs(self) -> list[int]:
        """Tensors that the main graph is given."""
        return indices(self._graph.inputs)

    @property
    def outputs(self) -> list[int]:
        """Tensors that the main graph gives."""
        return indices(self._graph.outputs)

    def shape(self, tensor: int) -> tuple[int, ...]:
        """A tensor's shape; -1 for a size that only a run tells, where the file declares a 1 as well."""
        raw = self._graph.tensors[tensor]
        shape = raw.shape if raw.shapeSignature is None else raw.shapeSignature
        return () if shape is None else tuple(map(int, shape))

    def name(self, tensor: int) -> str:
        """A tensor's name."""
        return bytes(self._graph.tensors[tensor].name).decode()

    def constant(self, tensor: int) -> Array | None:
        """The value of a constant, or None; also None where its type is none that the passes know."""
        if tensor < 0:
            return None
        raw = self._graph.tensors[tensor]
        data = self._model.buffers[raw.buffer].data
        if data is None or len(data) == 0 or raw.type not in _DTYPES:
            return None
        value: Array = np.frombuffer(data, _DTYPES[raw.type]).reshape(self.shape(tensor))
        return value

    def is_constant(self, tensor: int) -> bool:
        """True for a tensor that nothing computes; an empty one has no data."""
        return tensor in self._given

    def is_float(self, tensor: int) -> bool:
        """True for a float32 tensor."""
        return bool(self._graph.tensors[tensor].type == schema.TensorType.FLOAT32)

    def is_int8(self, tensor: int) -> bool:
        """True for a tensor of 8-bit integers."""
        return bool(self._graph.tensors[tensor].type == schema.TensorType.INT8)

    def scales(self, tensor: int) -> tuple[float, ...]:
        """A quantised tensor's scales, one or one per channel; empty for other tensors."""
        quantisation = self._graph.tensors[tensor].quantization
        given = None if quantisation is None else quantisation.scale
        return () if given is None else tuple(map(float, given))

    def add_constant(self, value: Array, name: str, scales: Sequence[float] = ()) -> int:
        """Add a constant and give its index; its integers are multiples of a scale, or one for each row."""
        buffer = schema.BufferT()
        buffer.data = np.ascontiguousarray(value).reshape(-1).view(np.uint8)
        self._model.buffers.append(buffer)
        tensor = schema.TensorT()
        tensor.type = next(code for code, dtype in _WRITTEN.items() if dtype == value.dtype)
        tensor.buffer = len(self._model.buffers) - 1
        if scales:
            tensor.quantization = schema.QuantizationParametersT()
            tensor.quantization.scale = np.array(scales, np.float32)
            tensor.quantization.zeroPoint = np.zeros(len(scales), np.int64)
        index = self._add(tensor, value.shape, name)
        self._given.add(index)
        return index

    def add_view(self, constant: int, shape: Sequence[int]) -> int:
        """Add a constant of the same data in another shape, and give its index."""
        index = self.add_tensor(constant, shape)
        self._graph.tensors[index].buffer = self._graph.tensors[constant].buffer
        self._given.add(index)
        return index

    def add_tensor(self, like: int, shape: Sequence[int]) -> int:
        """Add a tensor that is computed, of another one's type, and give its index."""
        tensor = schema.TensorT()
        tensor.type = self._graph.tensors[like].type
        tensor.quantization = self._graph.tensors[like].quantization
        return self._add(tensor, shape, self.name(like))

    def _add(self, tensor: Any, shape: Sequence[int], name: str) -> int:
        encoded, count = name.encode(), 0
        while encoded in self._names:
            count += 1
            encoded = f"{name}_{count}".encode()
        self._names.add(encoded)
        tensor.name = encoded
        _declare(tensor, shape)
        self._graph.tensors.append(tensor)
        return len(self._graph.tensors) - 1

    def swap_names(self, one: int, other: int) -> None:
        """Let two tensors bear each other's names."""
        first, second = self._graph.tensors[one], self._graph.tensors[other]
        first.name, second.name = second.name, first.name

    def make_operator(self, kind: str, inputs: Sequence[int], outputs: Sequence[int]) -> Operator:
        """Make one of the kinds that passes add, without options set; it is not in `operators` yet."""
        raw = schema.OperatorT()
        raw.opcodeIndex = self._opcode(kind)
        raw.builtinOptions = _OPTIONS[kind]()
        raw.builtinOptionsType = getattr(schema.BuiltinOptions, _OPTIONS[kind].__name__.removesuffix("T"))
        if kind == "RESHAPE":
            raw.builtinOptions.newShape = np.array(self.shape(outputs[0]), np.int32)
        return Operator(kind, list(inputs), list(outputs), raw)

    def _opcode(self, kind: str) -> int:
        wanted, version = getattr(schema.BuiltinOperator, kind), _VERSIONS.get(kind, 1)
        for index, code in enumerate(self._model.operatorCodes):
            if not code.customCode and max(code.builtinCode, code.deprecatedBuiltinCode) == wanted:
                code.version = max(code.version, version)
                return index
        code = schema.OperatorCodeT()
        code.builtinCode, code.deprecatedBuiltinCode, code.version = wanted, min(wanted, 127), version
        self._model.operatorCodes.append(code)
        return len(self._model.operatorCodes) - 1

    def write(self, path: Path) -> None:
        """Write the file anew, whole or not at all, without what nothing uses any more."""
        for operator in self.operators:
            operator.raw.inputs = np.array(operator.inputs, np.int32)
            operator.raw.outputs = np.array(operator.outputs, np.int32)
        self._graph.operators = [operator.raw for operator in self.operators]
        write_file(self._model, path)


def _declare(tensor: Any, shape: Sequence[int]) -> None:
    tensor.shape = np.array([1 if size < 0 else size for size in shape], np.int32)
    tensor.shapeSignature = np.array(shape, np.int32) if min(shape, default=0) < 0 else None
