"""What a developer would write by hand: every library call of one build, one after the other, in one process.

The baseline of the benchmark. It makes the same two files as `edgepack build` with float32 only, by the same
library functions, and checks each on one input.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib
import io
import runpy
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor, nn

IMAGE = (1, 3, 224, 224)
OPSET = 17
TOLERANCE = 1e-4
"""Largest error relative to the largest reference output."""


def load(source: str) -> nn.Module:
    """Make the model that "module:attr" or "file.py:attr" names."""
    place, _, name = source.partition(":")
    found = (
        runpy.run_path(place)[name]
        if place.endswith(".py")
        else getattr(importlib.import_module(place), name)
    )
    return found().eval()


def make_ptl(model: nn.Module, image: Tensor, path: Path) -> None:
    """Trace, freeze, optimise and save, as PyTorch's own recipe says."""
    import torch
    from torch.utils.mobile_optimizer import optimize_for_mobile

    frozen = torch.jit.freeze(torch.jit.trace(model, image))
    optimize_for_mobile(frozen)._save_for_lite_interpreter(str(path))


def run_ptl(path: Path, image: Tensor) -> NDArray[Any]:
    """Run the file in PyTorch's lite interpreter."""
    from torch.jit.mobile import _load_for_lite_interpreter

    output: Tensor = _load_for_lite_interpreter(str(path))(image)
    result: NDArray[Any] = output.numpy()
    return result


def make_tflite(model: nn.Module, image: Tensor, folder: Path) -> Path:
    """Export to ONNX and convert by onnx2tf's quick converter."""
    import onnx
    import torch
    from onnx2tf.tflite_builder import export_tflite_model_flatbuffer_direct

    graph = folder / "model.onnx"
    torch.onnx.export(
        model,
        (image,),
        graph,
        dynamo=False,
        input_names=["image"],
        output_names=["logits"],
        opset_version=OPSET,
    )
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        export_tflite_model_flatbuffer_direct(
            onnx_graph=onnx.load(graph), output_folder_path=str(folder), output_file_name="model"
        )
    return folder / "model_float32.tflite"


def run_tflite(path: Path, image: NDArray[Any]) -> NDArray[Any]:
    """Run the file in LiteRT, which takes channels last."""
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(str(path))
    interpreter.allocate_tensors()
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], image.transpose(0, 2, 3, 1))
    interpreter.invoke()
    output: NDArray[Any] = interpreter.get_tensor(interpreter.get_output_details()[0]["index"])
    return output


def check(name: str, got: NDArray[Any], reference: NDArray[Any]) -> None:
    """End the program when a file does not compute what the model does."""
    error = abs(got - reference).max() / abs(reference).max()
    if not error <= TOLERANCE:
        raise SystemExit(f"{name} is wrong: error {error:.3g}")


def main() -> None:
    """Make and check both files, and say how long each step took."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("source", help="module:attr or file.py:attr of a model that takes one image")
    parser.add_argument("folder", type=Path, help="where the files go")
    arguments = parser.parse_args()
    started = last = time.monotonic()

    def lap(step: str) -> None:
        nonlocal last
        now = time.monotonic()
        print(f"{now - last:6.2f} s  {step}", flush=True)
        last = now

    import torch

    lap("import torch")
    model = load(arguments.source)
    image = torch.randn(IMAGE, generator=torch.Generator().manual_seed(0))
    ptl = arguments.folder / "model.ptl"
    with torch.no_grad():
        reference = model(image).numpy()
        lap("make the model, run it")
        make_ptl(model, image, ptl)
        lap("make the .ptl")
        check("the .ptl", run_ptl(ptl, image), reference)
        lap("check the .ptl")
        tflite = make_tflite(model, image, arguments.folder)
        lap("make the .tflite")
    check("the .tflite", run_tflite(tflite, image.numpy()), reference)
    lap("check the .tflite")
    print(f"{time.monotonic() - started:6.2f} s  in all")


if __name__ == "__main__":
    main()
