"""Nodes whose inputs are all known: their results take their place in the graph."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from edgepack.compare import Array

_SMALL = 1 << 16
"""Bytes that a folded node may read or give: shapes, masks and tokens are below, weights above."""
# What quantised models are made of says something by being there.
_OF_SHAPES = frozenset({"Shape", "Size"})
_KEPT = frozenset({"DequantizeLinear", "QuantizeLinear"})


def fold_constants(model: Any) -> bool:
    """Compute small nodes that depend on no input, in place; a known shape is no input.

    Exporters leave such chains where a module computes a shape or expands a parameter; the converter turns
    each into an operator that every inference would run anew.

    Args:
        model: An onnx.ModelProto; weights that are kept outside it are left alone.

    Returns:
        Whether there were any.
    """
    from onnx import numpy_helper

    from edgepack.backends.passes import schemas

    graph = model.graph
    weights = _weights(graph)
    shapes = known_shapes(graph)
    known: dict[str, Array] = {}
    opset = next((one.version for one in model.opset_import if not schemas.domain_of(one)), 1)
    outputs = {one.name for one in graph.output}
    kept = []
    for node in graph.node:
        for name in node.input:
            if name in weights and name not in known and weights[name].ByteSize() <= _SMALL:
                known[name] = numpy_helper.to_array(weights[name])
        if node.op_type == "Constant" and node.attribute[0].name == "value":
            # The converter takes it as it is; a weight it may be, too.
            weights[node.output[0]] = node.attribute[0].t
            kept.append(node)
            continue
        values = (node.op_type in _OF_SHAPES and _sized(node, shapes)) or known
        results = None if outputs.intersection(node.output) else _results(node, values, opset)
        if results is None:
            kept.append(node)
            continue
        known.update(results)
        graph.initializer.extend(numpy_helper.from_array(value, name) for name, value in results.items())
    folded = len(kept) < len(graph.node)
    if folded:
        _keep_only(graph, kept)
        # What was written down of a result may know less of its shape, and shape inference would believe it.
        stale = [index for index, one in enumerate(graph.value_info) if one.name in known]
        for index in reversed(stale):
            del graph.value_info[index]
    return folded


def _weights(graph: Any) -> dict[str, Any]:
    """Give the constants inside the file; what is an input, too, is a default and no constant."""
    from onnx import TensorProto

    inputs = {one.name for one in graph.input}
    return {
        one.name: one
        for one in graph.initializer
        if one.name not in inputs and one.data_location != TensorProto.EXTERNAL
    }


def known_shapes(graph: Any) -> dict[str, tuple[int, ...]]:
    """Give the shapes that are written down in full, by tensor.

    Args:
        graph: An onnx.GraphProto.
    """
    shapes = {}
    for value in (*graph.input, *graph.value_info, *graph.output):
        kind = value.type.tensor_type
        if kind.HasField("shape") and all(one.HasField("dim_value") for one in kind.shape.dim):
            shapes[value.name] = tuple(one.dim_value for one in kind.shape.dim)
    return shapes


def _sized(node: Any, shapes: dict[str, tuple[int, ...]]) -> dict[str, Array]:
    """Give an array that takes no memory for what a node reads no more of than the shape."""
    import numpy as np

    return {name: np.broadcast_to(np.float32(0), shapes[name]) for name in node.input if name in shapes}


def _results(node: Any, known: dict[str, Array], opset: int) -> dict[str, Array] | None:
    """Compute a node, unless it must stay or cannot be computed here."""
    import numpy as np
    from onnx import helper

    from edgepack.backends.passes import schemas
    from edgepack.backends.passes.native import RANDOM

    inputs = [known.get(name) for name in node.input]
    open_inputs = any(name and value is None for name, value in zip(node.input, inputs, strict=True))
    nested = any(one.HasField("g") or one.graphs or one.ref_attr_name for one in node.attribute)
    if node.domain or node.op_type in RANDOM | _KEPT or open_inputs or nested:
        return None
    attributes = {one.name: schemas.decoded(helper.get_attribute_value(one)) for one in node.attribute}
    try:
        values = schemas.evaluate(node.op_type, inputs, len(node.output), attributes, opset=opset)
    except Exception:  # noqa: BLE001  whatever the evaluator cannot do stays a node
        return None
    arrays = [np.asarray(value) for value in values if not isinstance(value, list | type(None))]
    plain = len(arrays) == len(node.output) and all(one.dtype.kind in "biuf" for one in arrays)
    if not plain or sum(one.nbytes for one in arrays) > _SMALL:
        return None
    return {name: value for name, value in zip(node.output, arrays, strict=True) if name}


def _keep_only(graph: Any, kept: Iterable[Any]) -> None:
    """Drop all other nodes, and what only they needed."""
    # Copies: emptying the list takes its nodes away.
    nodes = [type(node).FromString(node.SerializeToString()) for node in kept]
    del graph.node[:]
    graph.node.extend(nodes)
    _drop_unused(graph)


def _drop_unused(graph: Any) -> None:
    """Drop what only folded nodes read, and what only that needed."""
    used = {one.name for one in graph.output}
    for index in reversed(range(len(graph.node))):
        node = graph.node[index]
        if used.intersection(node.output):
            used.update(_read([node]))
        else:
            del graph.node[index]
    for index in reversed(range(len(graph.initializer))):
        if graph.initializer[index].name not in used:
            del graph.initializer[index]


def _read(nodes: Iterable[Any]) -> list[str]:
    """Give the names that nodes read, those that their bodies read included."""
    names = []
    for node in nodes:
        names += node.input
        for attribute in node.attribute:
            for inner in (attribute.g, *attribute.graphs) if attribute.HasField("g") else attribute.graphs:
                names += [*_read(inner.node), *(one.name for one in inner.output)]
    return names
