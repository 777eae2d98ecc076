"""What edgepack asks of an ONNX model before anything runs it."""

from __future__ import annotations

from collections.abc import Iterator, Set
from math import prod
from pathlib import Path, PurePosixPath

import onnx
from google.protobuf.message import DecodeError
from onnx import AttributeProto, GraphProto, ModelProto, NodeProto, TensorProto, ValueInfoProto

from edgepack.errors import SourceError
from edgepack.model import DTYPES
from edgepack.sources.input_choice import FileInput
from edgepack.sources.texts import evidence, summarise
from edgepack.suggest import did_you_mean

_RANDOM = frozenset(
    {
        "RandomNormal",
        "RandomNormalLike",
        "RandomUniform",
        "RandomUniformLike",
        "Bernoulli",
        "Multinomial",
    }
)


def read_checked(path: Path) -> ModelProto:
    """Read a model without its external data, and make sure that it is valid and complete.

    Raises:
        SourceError: It is not a model, is damaged, or a file of its weights is missing or too short.
    """
    try:
        model = onnx.load(path, load_external_data=False)
    except DecodeError as error:
        raise SourceError(
            f"{path} is not an ONNX model, or is damaged: {summarise(error)}",
            hint="copy or download it again, or export the model again",
        ) from error
    _check_external(path, model)
    try:
        onnx.checker.check_model(path)
    except (onnx.checker.ValidationError, RuntimeError, ValueError) as error:
        raise SourceError(
            f"{path} is not a valid ONNX model: {summarise(error)}",
            hint="it may be damaged, or written for a newer ONNX release; copy or export it again",
            details=evidence(error),
        ) from error
    return model


def file_inputs(model: ModelProto) -> list[FileInput]:
    """Give the graph's inputs in order, those that are only defaults of weights left out.

    Raises:
        SourceError: One is no tensor.
    """
    weights = {one.name for one in model.graph.initializer}
    return [_describe(one, "input") for one in model.graph.input if one.name not in weights]


def file_outputs(model: ModelProto) -> list[FileInput]:
    """Give the graph's outputs in order, described as inputs are.

    Raises:
        SourceError: One is no tensor.
    """
    return [_describe(one, "output") for one in model.graph.output]


def check_outputs(path: Path, model: ModelProto) -> None:
    """Refuse outputs that no artifact can have.

    Raises:
        SourceError: One is no tensor, or of a dtype that edge formats lack.
    """
    for value in model.graph.output:
        dtype = _describe(value, "output").dtype
        if dtype not in DTYPES:
            raise SourceError(
                f"{path}: output {value.name!r} is of dtype {dtype}, which no edge format has",
                hint="end the graph in a Cast, or cut the output off with onnx.utils.extract_model",
            )


def random_nodes(model: ModelProto) -> list[str]:
    """Name the nodes that draw random numbers: "drop (Dropout)"."""
    nodes = [*nodes_of(model.graph), *(node for function in model.functions for node in function.node)]
    off = {one.name for one in model.graph.initializer if _is_false(one)}
    off |= {
        node.output[0]
        for node in nodes
        if node.op_type == "Constant" and any(_is_false(one.t) for one in node.attribute if one.HasField("t"))
    }
    return [
        f"{node.name or node.output[0]} ({node.op_type})"
        for node in nodes
        if node.op_type in _RANDOM or (node.op_type == "Dropout" and _trains(node, off))
    ]


def _trains(dropout: NodeProto, off: Set[str]) -> bool:
    """Whether a Dropout node may drop values: by its third input, without which it passes them on."""
    return len(dropout.input) > 2 and dropout.input[2] not in {"", *off}


def _is_false(tensor: TensorProto) -> bool:
    return tensor.data_type == TensorProto.BOOL and not onnx.numpy_helper.to_array(tensor).any()


def _describe(value: ValueInfoProto, role: str) -> FileInput:
    kind = value.type.WhichOneof("value")
    if kind != "tensor_type":
        what = (kind or "unknown").removesuffix("_type")
        raise SourceError(
            f"{role} {value.name!r} is not a tensor but of the type {what}",
            hint="cut the graph before it with onnx.utils.extract_model",
        )
    tensor = value.type.tensor_type
    dtype = onnx.helper.tensor_dtype_to_np_dtype(tensor.elem_type).name if tensor.elem_type else "unknown"
    if not tensor.HasField("shape"):
        return FileInput(value.name, dtype, None)
    sizes = tuple(one.dim_value or one.dim_param or "?" for one in tensor.shape.dim)
    return FileInput(value.name, dtype, sizes)


def _check_external(path: Path, model: ModelProto) -> None:
    for tensor in _tensors(model.graph):
        if tensor.data_location != TensorProto.EXTERNAL:
            continue
        entry = {one.key: one.value for one in tensor.external_data}
        location = entry.get("location", "")
        inside = PurePosixPath(location)
        if not location or inside.is_absolute() or ".." in inside.parts:
            raise SourceError(
                f"{path}: the weights of {tensor.name!r} lie outside the model's folder, in {location!r}",
                hint="save the model again with its external data beside it",
            )
        _check_extent(path, tensor, path.parent / location, entry)


def _check_extent(path: Path, tensor: TensorProto, file: Path, entry: dict[str, str]) -> None:
    if not file.is_file():
        near = did_you_mean(file.name, [one.name for one in file.parent.glob("*") if one != path])
        raise SourceError(
            f"{path}: the file {file.name}, which holds the weights of {tensor.name!r}, is missing",
            hint=f"put it into {file.parent}{': ' if near else ''}{near}",
        )
    needed = prod(tensor.dims) * onnx.helper.tensor_dtype_to_np_dtype(tensor.data_type).itemsize
    offset, length = int(entry.get("offset", 0)), int(entry.get("length", needed))
    size = file.stat().st_size
    if offset + max(length, needed) > size:
        raise SourceError(
            f"{path}: {file.name} is cut short: {tensor.name!r} ends at byte {offset + max(length, needed)} "
            f"of a file of {size}",
            hint="copy or download it again, or export the model again",
        )


def nodes_of(graph: GraphProto) -> Iterator[NodeProto]:
    """Give all nodes, those of nested graphs included."""
    for node in graph.node:
        yield node
        for attribute in node.attribute:
            for inner in _graphs(attribute):
                yield from nodes_of(inner)


def _graphs(attribute: AttributeProto) -> list[GraphProto]:
    return [attribute.g, *attribute.graphs] if attribute.HasField("g") else list(attribute.graphs)


def _tensors(graph: GraphProto) -> Iterator[TensorProto]:
    """Give all weights and constants, those of nested graphs included."""
    yield from graph.initializer
    for node in graph.node:
        for attribute in node.attribute:
            if attribute.HasField("t"):
                yield attribute.t
            yield from attribute.tensors
            for inner in _graphs(attribute):
                yield from _tensors(inner)
