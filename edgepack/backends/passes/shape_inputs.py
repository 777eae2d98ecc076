"""Which of a model's inputs decide shapes or the structure of the graph, so that they must be bound."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from typing import Any

from edgepack.backends.passes.native import SIZES, STRUCTURAL
from edgepack.backends.passes.registry import rewrites
from edgepack.backends.passes.schemas import domain_of


def shape_inputs(model: Any) -> tuple[str, ...]:
    """Names of inputs that only decide shapes, axes or structure, directly or through other nodes.

    Walks backwards from the inputs of operators that must be constant while converting. An input that is also
    used as data is left out.

    Args:
        model: An onnx.ModelProto.
    """
    nodes = list(_nodes(model.graph))
    structural: set[str] = set()
    for node in reversed(nodes):
        structural.update(n for k, n in enumerate(node.input) if n and k in _slots(node))
        if node.op_type not in ("Shape", "Size") and structural.intersection(node.output):
            structural.update(n for n in node.input if n)
            structural.update(output.name for graph in _subgraphs(node) for output in graph.output)
    as_data: set[str] = set()
    for node in nodes:
        if node.op_type in ("Shape", "Size") or structural.intersection(node.output):
            continue
        as_data.update(n for k, n in enumerate(node.input) if k not in _slots(node))
    constants = {tensor.name for tensor in model.graph.initializer}
    inputs = [i.name for i in model.graph.input if i.name not in constants]
    return tuple(name for name in inputs if name in structural and name not in as_data)


def binding_hint(model: Any) -> str:
    """Say which `--bind` fixes the inputs that decide a model's shapes; nothing when there are none.

    Args:
        model: An onnx.ModelProto.
    """
    options = " ".join(f"--bind {name}=…" for name in shape_inputs(model))
    return f"an app has fixed shapes; fix what decides them to a value: {options}" if options else ""


def _slots(node: Any) -> frozenset[int]:
    """Which inputs of a node must be known while converting, by the converter or by a pass."""
    return structural_slots().get((domain_of(node), node.op_type), frozenset())


@functools.cache
def structural_slots() -> dict[tuple[str, str], frozenset[int]]:
    """Inputs that must be known while converting, by domain and operator."""
    found: dict[tuple[str, str], frozenset[int]] = {}
    rows = [(("", op_type), slots) for table in (STRUCTURAL, SIZES) for op_type, slots in table.items()]
    rows += [(key, entry.structural) for key, entries in rewrites().items() for entry in entries]
    for key, slots in rows:
        found[key] = found.get(key, frozenset()).union(slots)
    return found


def _nodes(graph: Any) -> Iterator[Any]:
    for node in graph.node:
        for inner in _subgraphs(node):
            yield from _nodes(inner)
        yield node


def _subgraphs(node: Any) -> Iterator[Any]:
    for attribute in node.attribute:
        if attribute.HasField("g"):
            yield attribute.g
        yield from attribute.graphs
