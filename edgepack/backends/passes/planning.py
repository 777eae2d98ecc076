"""What the passes would do with a model, node by node, without converting it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from onnx import shape_inference

from edgepack.backends.passes import hints, schemas
from edgepack.backends.passes.plan import NATIVE, REFUSED, REWRITTEN, NodePlan, Plan
from edgepack.backends.passes.preparing import begin, output_dtypes
from edgepack.backends.passes.registry import rewrites
from edgepack.backends.passes.shape_inputs import binding_hint
from edgepack.backends.passes.values import Tensor, Value
from edgepack.backends.passes.walker import Scope, Walker
from edgepack.errors import ConversionError

# What the walker itself does, beside the passes.
_OWN = {
    "fold": "Known while converting: a constant takes its place.",
    "inline": "Said as the ONNX specification defines it.",
}


def plan_graph(model: Any) -> Plan:
    """Tell for each node whether the converter takes it, what rewrites it, or why it is refused.

    What follows a refused node is planned as if that had the outputs which onnx infers for it.

    Args:
        model: An onnx.ModelProto whose inputs have static shapes; it is not changed.
    """
    try:
        walker, scope, _ = begin(model, {})
    except ConversionError as error:
        return Plan((), {}, (error.message,))
    types = _types(model)
    nodes = tuple(_plan_node(proto, walker, scope, types, model) for proto in model.graph.node)
    problems: tuple[str, ...] = ()
    try:
        output_dtypes(model.graph, scope)
    except ConversionError as error:
        problems = (error.message,)
    return Plan(nodes, _purposes({name for one in nodes for name in one.passes}), problems)


def _plan_node(
    proto: Any, walker: Walker, scope: Scope, types: Mapping[str, schemas.Inferred], model: Any
) -> NodePlan:
    name = proto.name or next((output for output in proto.output if output), proto.op_type)
    operator = f"{proto.domain}.{proto.op_type}" if proto.domain else str(proto.op_type)
    before = len(walker.applied)
    try:
        walker.walk([proto], scope)
    except ConversionError as error:
        scope.values.update({one: _unknown(walker, one, types) for one in proto.output if one})
        reason = str(error.details.get("reason", error.message))
        hint = binding_hint(model) or error.hint if error.hint == hints.BIND else error.hint
        return NodePlan(name, operator, REFUSED, (), reason, hint)
    passes = tuple(dict.fromkeys(applied for _, applied in walker.applied[before:]))
    return NodePlan(name, operator, REWRITTEN if passes else NATIVE, passes)


def _unknown(walker: Walker, name: str, types: Mapping[str, schemas.Inferred]) -> Value:
    dtype, dims = types.get(name, (None, None))
    dtype = dtype or np.dtype(np.float32)
    result = Tensor(walker, dtype, dims, walker.emitter.name(name))
    walker.emitter.types[result.name] = (dtype, dims)
    return result


def _types(model: Any) -> dict[str, schemas.Inferred]:
    try:
        graph = shape_inference.infer_shapes(model, data_prop=True).graph
    except (shape_inference.InferenceError, ValueError):  # ValueError: it is beyond 2 GB
        graph = model.graph
    return {info.name: schemas.unpack(info.type) for info in (*graph.value_info, *graph.output)}


def _purposes(names: set[str]) -> dict[str, str]:
    """Say what passes do: the first sentence of their docstrings."""
    known = {entry.name: entry for found in rewrites().values() for entry in found}
    purposes = {}
    for name in sorted(names):
        entry = known.get(name)
        text = (entry.function.__doc__ or "") if entry else _OWN.get(name, "")
        guard = f" A guard: onnx2tf {entry.wrong_in} gets it silently wrong." if entry and entry.guard else ""
        purposes[name] = " ".join(text.split("\n\n")[0].split()) + guard
    return purposes
