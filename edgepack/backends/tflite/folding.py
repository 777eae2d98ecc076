"""Nodes whose inputs are all known: their results take their place in the graph."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from edgepack.compare import Array

_SMALL = 1 << 16
"""Bytes that a folded node may read or give: shapes, masks and tokens are below, weights above."""
# What quantised models are made of says something by being there.
_KEPT = frozenset({"DequantizeLinear", "QuantizeLinear"})


def fold_constants(model: Any) -> None:
    """Compute small nodes that depend on no input, in place.

    Exporters leave such chains where a module computes a shape or expands a parameter; the converter turns
    each into an operator that every inference would run anew.

    Args:
        model: An onnx.ModelProto with its weights in memory.
    """
    from onnx import numpy_helper

    graph = model.graph
    open_names = {one.name for one in graph.input}
    weights = {one.name: one for one in graph.initializer if one.name not in open_names}
    known: dict[str, Array] = {}
    opset = next((one.version for one in model.opset_import if one.domain in ("", "ai.onnx")), 1)
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
        results = None if outputs.intersection(node.output) else _results(node, known, opset)
        if results is None:
            kept.append(node)
            continue
        known.update(results)
        graph.initializer.extend(numpy_helper.from_array(value, name) for name, value in results.items())
    if len(kept) < len(graph.node):
        nodes = [type(node).FromString(node.SerializeToString()) for node in kept]
        del graph.node[:]
        graph.node.extend(nodes)
        _drop_unused(graph)


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


def _drop_unused(graph: Any) -> None:
    """Drop what only folded nodes read."""
    used = {one.name for one in graph.output} | set(_read(graph))
    for index in reversed(range(len(graph.node))):
        if graph.node[index].op_type == "Constant" and not used.intersection(graph.node[index].output):
            del graph.node[index]
    for index in reversed(range(len(graph.initializer))):
        if graph.initializer[index].name not in used:
            del graph.initializer[index]


def _read(graph: Any) -> list[str]:
    names = [name for node in graph.node for name in node.input]
    for node in graph.node:
        for attribute in node.attribute:
            for inner in (attribute.g, *attribute.graphs) if attribute.HasField("g") else attribute.graphs:
                names += [*_read(inner), *(one.name for one in inner.output)]
    return names
