"""The ONNX graph between exporter and converter: complete shapes, named nodes, weights outside."""

from __future__ import annotations

import ast
import os
from collections.abc import Sequence
from math import prod
from pathlib import Path
from typing import Any

from edgepack.backends.tflite.folding import fold_constants, known_shapes
from edgepack.errors import ConversionError
from edgepack.model import TensorSpec

_LARGE = 1 << 20
"""Tensors from this many bytes on lie outside the graph, where they can be mapped instead of copied."""
_FLATBUFFER_LIMIT = (1 << 31) - 1
_SCOPES = "pkg.torch.onnx.name_scopes"


def tidy(source: Path, graph: Path, inputs: Sequence[TensorSpec]) -> None:
    """Job: prepare a graph for conversion.

    Input shapes become fixed, all shapes that can be inferred are written down, nodes get names, those that
    join a single tensor do nothing, small ones that depend on no input are computed, and large weights go
    into a file of their own beside the graph.

    Args:
        source: The exporter's or the user's graph.
        graph: Where the result goes, in a folder of its own that does not exist yet; it appears there whole.
        inputs: Names and shapes.

    Raises:
        ConversionError: The weights alone are more than a .tflite file can hold.
    """
    import onnx

    model = onnx.load(source, load_external_data=False)
    _refuse_too_large(model)
    onnx.external_data_helper.load_external_data_for_model(model, str(source.parent))
    _fix_shapes(model, inputs)
    _tidy_nodes(model)
    fold_constants(model)
    graph.parent.mkdir(parents=True, exist_ok=True)
    unfinished = graph.with_suffix(".unfinished")
    onnx.save(model, unfinished, save_as_external_data=True, location="weights.bin", size_threshold=_LARGE)
    del model
    onnx.save(_infer_shapes(onnx.load(unfinished, load_external_data=False)), unfinished)
    os.replace(unfinished, graph)


def place(model: Any, name: str) -> str:
    """Say where in the user's model a node stands, by its name and whatever the exporter wrote down.

    Args:
        model: An onnx.ModelProto.
        name: The node's.
    """
    node = next((node for node in model.graph.node if node.name == name), None)
    if node is None:
        return f"node {name}"
    module = _module(node)
    where = f" in module {module}" if module else ""
    return f"node {name}{where}, which computes {', '.join(map(repr, node.output))}"


def _module(node: Any) -> str:
    """Give the path of the user's module that a node comes from, or nothing when its exporter did not say.

    torch.export's exporter lists the paths from the outside in, and last the operator. The TorchScript
    exporter names its nodes "/model/model.1/model.1.1/Mod": a path that goes on from the one before it
    repeats that. `Flat` calls the user's module "model".
    """
    scopes = {entry.key: entry.value for entry in node.metadata_props}.get(_SCOPES)
    path: list[str] = []
    if scopes:
        path = [scope for scope in ast.literal_eval(scopes)[:-1] if scope][-1:]
    elif node.name.startswith("/"):
        for part in node.name.split("/")[1:-1]:
            if path and part.startswith(f"{path[-1]}."):
                path.pop()
            path.append(part)
    return ".".join(path).removeprefix("model").removeprefix(".")


def _fix_shapes(model: Any, inputs: Sequence[TensorSpec]) -> None:
    shapes = {spec.name: spec.shape for spec in inputs}
    for value in model.graph.input:
        if value.name in shapes:
            kind = value.type
            if kind.HasField("optional_type"):
                kind = kind.optional_type.elem_type
            shape = kind.tensor_type.shape
            del shape.dim[:]
            for size in shapes[value.name]:
                shape.dim.add().dim_value = size


def _tidy_nodes(model: Any) -> None:
    for index, node in enumerate(model.graph.node):
        node.name = node.name or f"{node.op_type}_{index}"
        # torch.cat of one tensor, as in densenet: valid, and refused by onnx2tf.
        if node.op_type == "Concat" and len(node.input) == 1:
            node.op_type = "Identity"
            del node.attribute[:]


def _infer_shapes(model: Any) -> Any:
    """Write down all shapes that follow from the inputs', those that the graph itself computes included."""
    import onnx

    inferred = onnx.shape_inference.infer_shapes(model)
    # Each round may tell a shape that the next one's constants are made of.
    while _has_open_shapes(inferred) and fold_constants(inferred):
        inferred = onnx.shape_inference.infer_shapes(inferred)
    return inferred


def _has_open_shapes(model: Any) -> bool:
    known = known_shapes(model.graph)
    return any(name not in known for node in model.graph.node for name in node.output if name)


def _refuse_too_large(model: Any) -> None:
    import onnx

    total = sum(
        onnx.helper.tensor_dtype_to_np_dtype(tensor.data_type).itemsize * prod(tensor.dims)
        for tensor in model.graph.initializer
        if tensor.data_type != onnx.TensorProto.STRING
    )
    if total > _FLATBUFFER_LIMIT:
        raise ConversionError(
            f"the model has {total / 2**30:.1f} GiB of weights, and a .tflite file ends at 2 GiB",
            hint="split the model, or give it fewer parameters",
        )
