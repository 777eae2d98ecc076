"""Makes the tiny models with known answers that `edgepack runtime add` tries a runtime with.

They lie in edgepack/runners/selftest_files; run this again only to change what the self-test covers.
"""

from __future__ import annotations

import json
import shutil
import tempfile
import warnings
from pathlib import Path

import numpy as np
import torch
from torch import nn

from edgepack.compare import Array

FOLDER = Path(__file__).parent.parent / "edgepack" / "runners" / "selftest_files"
SHAPE = (1, 8, 12, 12)


class Net(nn.Module):  # type: ignore[misc]  # torch is untyped here
    """The layers that phones have kernels of their own for, in one network."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(8, 16, 3, padding=1), nn.BatchNorm2d(16), nn.ReLU(),
            nn.Conv2d(16, 16, 3, padding=1, groups=16), nn.BatchNorm2d(16), nn.ReLU(),
            nn.Conv2d(16, 32, 1), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(32, 10),
        )  # fmt: skip

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Run the layers."""
        return self.layers(x)


def make_net() -> Net:
    """A network with random weights and statistics, the same each time."""
    torch.manual_seed(20)
    net = Net()
    net.eval()
    for module in net.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.normal_(module.running_mean, std=0.3)
            nn.init.uniform_(module.running_var, 0.5, 2)
            nn.init.uniform_(module.weight, 0.5, 2)
            nn.init.normal_(module.bias, std=0.3)
    return net


def values(count: int) -> Array:
    """Numbers between -1 and 1 that need no generator: the self-test makes them again by the same formula."""
    return np.sin(np.arange(count, dtype=np.float64) * 1.7).astype(np.float32)


def save_torch(net: Net, x: torch.Tensor) -> dict[str, object]:
    """Write the .ptl files, and give what they compute of `x`."""
    frozen = torch.jit.freeze(torch.jit.trace(net, x))
    frozen._save_for_lite_interpreter(str(FOLDER / "float32.ptl"))
    quantised = quantise(net, x)
    quantised._save_for_lite_interpreter(str(FOLDER / "int8.ptl"))
    save_with_missing_operator()
    return {
        "float32.ptl": answer(SHAPE, frozen(x).numpy(), relative=1e-4),
        "int8.ptl": answer(SHAPE, quantised(x).numpy(), absolute=0.003),
    }


def quantise(net: Net, x: torch.Tensor) -> torch.jit.ScriptModule:
    """Quantise to int8 for QNNPACK, calibrated with the one input."""
    torch.backends.quantized.engine = "qnnpack"
    parts = (("0", "1", "2"), ("3", "4", "5"), ("6", "7"))
    fused = torch.ao.quantization.fuse_modules(net, [[f"layers.{one}" for one in part] for part in parts])
    wrapped = torch.ao.quantization.QuantWrapper(fused).eval()
    wrapped.qconfig = torch.ao.quantization.get_default_qconfig("qnnpack")
    prepared = torch.ao.quantization.prepare(wrapped)
    prepared(x)
    return torch.jit.freeze(torch.jit.trace(torch.ao.quantization.convert(prepared), x))


def save_with_missing_operator() -> None:
    """Write a .ptl that calls an operator of nobody's."""
    library = torch.library.Library("edgepack", "DEF")
    library.define("missing(Tensor x) -> Tensor")

    class Missing(nn.Module):  # type: ignore[misc]  # as above
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return torch.ops.edgepack.missing(x)

    torch.jit.script(Missing())._save_for_lite_interpreter(str(FOLDER / "missing_operator.ptl"))


def save_tflite(net: Net, x: torch.Tensor) -> dict[str, object]:
    """Write the .tflite files, and give what they compute of `x`."""
    from ai_edge_quantizer import quantizer, recipe

    made = FOLDER / "float32.tflite"
    export_tflite(net, x, made)
    quantisation = quantizer.Quantizer(str(made), recipe.static_wi8_ai8())
    result = quantisation.quantize(quantisation.calibrate({None: [{"x": x.numpy()}]}))
    result.export_model(str(FOLDER / "int8.tflite"), overwrite=True)
    make_operator_unknown(made, FOLDER / "missing_operator.tflite")
    return {
        "float32.tflite": run_tflite(made, x.numpy(), relative=1e-4),
        "int8.tflite": run_tflite(FOLDER / "int8.tflite", x.numpy(), absolute=1.0),
    }


def export_tflite(net: Net, x: torch.Tensor, made: Path) -> None:
    """Convert the network, whose input keeps its layout."""
    import onnx
    from onnx2tf.tflite_builder import export_tflite_model_flatbuffer_direct

    with tempfile.TemporaryDirectory() as folder:
        graph = Path(folder) / "net.onnx"
        torch.onnx.export(net, (x,), str(graph), input_names=["x"], output_names=["y"], dynamo=False)
        export_tflite_model_flatbuffer_direct(
            onnx_graph=onnx.load(graph),
            output_folder_path=folder,
            output_file_name="net",
            keep_shape_absolutely_input_names=["x"],
        )
        shutil.copyfile(Path(folder) / "net_float32.tflite", made)


def make_operator_unknown(path: Path, made: Path) -> None:
    """Write the file again, its first kind of operator turned into one of nobody's."""
    from ai_edge_litert import schema_py_generated as schema
    from flatbuffers import Builder

    model = schema.ModelT.InitFromPackedBuf(path.read_bytes(), 0)
    code = model.operatorCodes[0]
    code.builtinCode = code.deprecatedBuiltinCode = schema.BuiltinOperator.CUSTOM
    code.customCode = "edgepack_missing"
    for operator in model.subgraphs[0].operators:
        if operator.opcodeIndex == 0:
            operator.builtinOptionsType, operator.builtinOptions = 0, None
    builder = Builder(1 << 14)
    builder.Finish(model.Pack(builder), b"TFL3")
    made.write_bytes(bytes(builder.Output()))


def run_tflite(path: Path, x: Array, **allowed: float) -> dict[str, object]:
    """Run a file on `x`, quantised as the file wants it, and give the answer."""
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(str(path))
    interpreter.allocate_tensors()
    taken, given = interpreter.get_input_details()[0], interpreter.get_output_details()[0]
    assert tuple(taken["shape"]) == x.shape
    scale, zero_point = taken["quantization"]
    fed = np.clip(np.rint(x / scale + zero_point), -128, 127).astype(np.int8) if scale else x
    interpreter.set_tensor(taken["index"], fed)
    interpreter.invoke()
    return answer(x.shape, interpreter.get_tensor(given["index"]), scale=float(scale), **allowed)


def answer(shape: tuple[int, ...], output: Array, **figures: float) -> dict[str, object]:
    """What edgepack/runners/selftest.py reads; a scale means that the input is quantised around zero."""
    return {"shape": shape, "output": output.tolist()} | figures


def main() -> None:
    """Make the files and write down their answers."""
    warnings.simplefilter("ignore")
    FOLDER.mkdir(exist_ok=True)
    x = torch.from_numpy(values(int(np.prod(SHAPE))).reshape(SHAPE))
    with torch.no_grad():
        answers = save_tflite(make_net(), x) | save_torch(make_net(), x)
    (FOLDER / "answers.json").write_text(json.dumps(answers, indent=1) + "\n", encoding="ascii")


if __name__ == "__main__":
    main()
