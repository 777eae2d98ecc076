"""Jobs of the worker that holds the model: give it as an ONNX graph."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from edgepack.backends.tflite.symbolics import correct_exporter
from edgepack.errors import ConversionError

_TORCHSCRIPT_OPSET = 17
"""The first with LayerNormalization; from 18 on reductions take axes as tensors, which converters dislike."""
_PROGRAM_OPSET = 18  # the oldest that torch.export's exporter writes by itself

_HINT = "replace it in the model by operators that ONNX has"
_ANSI = re.compile(r"\x1b\[[0-9;]*m")


def export_torchscript(model: Any, path: Path, output_names: Sequence[str]) -> Path:
    """Job: export a `TorchModel` by tracing it.

    Args:
        model: The model.
        path: Where the graph goes; weights beyond 2 GB go into files beside it.
        output_names: Of the graph's outputs, in order.

    Returns:
        The path.

    Raises:
        ConversionError: ONNX has nothing for an operator; the message names it and its place.
        Exception: Whatever else the exporter raises.
    """
    import torch

    from edgepack.sources.torch_graph import outermost_scripted

    # The exporter cannot trace through scripted modules; torch.jit.trace can.
    scripted = next(outermost_scripted(model.raw), None) is not None
    traceable = model.traced() if scripted else model.flat
    # The fused encoder layer that inference takes otherwise has no ONNX form.
    torch.backends.mha.set_fastpath_enabled(False)
    correct_exporter(_TORCHSCRIPT_OPSET)
    example = tuple(tensor.clone() for tensor in model.example)
    try:
        with torch.no_grad():
            torch.onnx.export(
                traceable,
                example,
                str(path),
                dynamo=False,
                opset_version=_TORCHSCRIPT_OPSET,
                input_names=[one.tensor.name for one in model.inputs],
                output_names=list(output_names),
            )
    except torch.onnx.OnnxExporterError as error:
        message = re.split(r"\n|\s+\[Caused by", str(error))[0]
        operator = re.search(r"aten::\w+", message)
        place = _traced_place(model, operator[0]) if operator else ""
        raise ConversionError(f"torch.onnx (TorchScript) refuses: {message}{place}", hint=_HINT) from error
    return path


def export_program(model: Any, path: Path, output_names: Sequence[str]) -> Path:
    """Job: export a `TorchModel` by way of torch.export.

    Args:
        model: The model.
        path: Where the graph goes; its weights go into a file beside it.
        output_names: Of the graph's outputs, in order.

    Returns:
        The path.

    Raises:
        ConversionError: torch.export or the exporter refuses the model; the message says what.
        Exception: Whatever else they raise.
    """
    import torch

    example = tuple(tensor.clone() for tensor in model.example)
    try:
        with torch.no_grad():
            torch.onnx.export(
                model.flat,
                example,
                path,
                dynamo=True,
                opset_version=_PROGRAM_OPSET,
                input_names=[one.tensor.name for one in model.inputs],
                output_names=list(output_names),
                verbose=False,
            )
    except torch.onnx.OnnxExporterError as error:
        raise ConversionError(
            f"torch.onnx (torch.export) refuses: {_summary(str(error))}", hint=_HINT
        ) from error
    return path


def locate_onnx(model: Any, path: Path, output_names: Sequence[str]) -> Path:  # noqa: ARG001  the graph has its own
    """Job: say where an `OnnxModel`'s graph lies.

    Args:
        model: The model.
        path: Where a graph with bound inputs is written; otherwise the user's own file will do.
        output_names: Not used: the graph has its own.
    """
    if not model.bound:
        return Path(model.path)
    import onnx

    onnx.save(model.proto(), path, save_as_external_data=True, location="bound.bin")
    return path


def _traced_place(model: Any, operator: str) -> str:
    """Say in which module of the user's an operator is called first, and in which line."""
    from edgepack.sources.torch_graph import module_path

    graph = model.traced().inlined_graph  # nodes die with their graph
    for node in graph.findAllNodes(operator):
        path = module_path(node.scopeName())
        module = f"in module {path}" if path else "in the model's own forward"
        line = re.search(r"([^\s/]+)\((\d+)\)", node.sourceRange())
        return f" ({module}, {line[1]}:{line[2]})" if line else f" ({module})"
    return ""


def _summary(message: str) -> str:
    """Give the cause out of the exporter's long advice: what follows its heading "Exception summary"."""
    cause = _ANSI.sub("", message).rpartition("## Exception summary")[2].strip()
    return re.sub(r"^<class '[^']*'>: ", "", cause).partition("\n")[0]
