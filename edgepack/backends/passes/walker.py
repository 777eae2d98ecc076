"""Walks a graph in order and says each node anew: folded, rewritten, inlined or as it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import onnx
from onnx import helper, numpy_helper

from edgepack.backends.passes import hints, schemas
from edgepack.backends.passes.dtypes import INT32, INT64, DType, Refusal, is_string
from edgepack.backends.passes.emitter import Emitter
from edgepack.backends.passes.native import INDEX_RESULTS, KEPT_WHOLE, RANDOM, STRUCTURAL, SUPPORTED
from edgepack.backends.passes.node import Node
from edgepack.backends.passes.refusing import refused_node
from edgepack.backends.passes.registry import Rewrite, rewrites
from edgepack.backends.passes.values import Tensor, TensorSequence, Value

# The one opset that prepared graphs are written in; Gelu is an operator from here on.
TARGET_OPSET = 20
_MAX_NODES = 20_000
_MAX_DEPTH = 60


@dataclass(frozen=True, slots=True)
class Scope:
    """What nodes in one graph, subgraph or function body see."""

    values: dict[str, Value]
    opsets: Mapping[str, int]
    attributes: Mapping[str, Any] = field(default_factory=dict)


class Walker:
    """Turns source nodes into the nodes of a new graph.

    Attributes:
        emitter: The new graph.
        applied: Source node and pass, for every source node that was not taken over as it is.
    """

    def __init__(self, functions: Sequence[Any] = ()) -> None:
        self.emitter = Emitter()
        self.applied: list[tuple[str, str]] = []
        self._functions = {(f.domain, f.name): f for f in functions}
        self._depth = 0

    def walk(self, nodes: Sequence[Any], scope: Scope) -> None:
        """Run nodes in order; their results go into the scope.

        Raises:
            ConversionError: A node of the source's own graph can't be had on the phone.
            Refusal: The same for a node inside a function or a subgraph.
        """
        for proto in nodes:
            name = proto.name or next((o for o in proto.output if o), proto.op_type)
            if self._depth == 0:
                self.emitter.begin(proto)
            try:
                results = self._visit(proto, name, scope)
            except Refusal as refusal:
                if self._depth:
                    raise Refusal(f"{proto.op_type} inside it: {refusal.reason}", refusal.hint) from refusal
                raise refused_node(proto.op_type, name, refusal) from refusal
            scope.values.update({out: v for out, v in zip(proto.output, results, strict=False) if out})

    def emit(
        self, op_type: str, inputs: tuple[Tensor | None, ...], outputs: int, attributes: dict[str, Any]
    ) -> list[Tensor]:
        """Emit one operator for a pass; what it emits is rewritten in turn until the converter takes it."""
        node = self._node(op_type, inputs, outputs, attributes)
        self._depth += 1
        if self._depth > _MAX_DEPTH:
            raise RecursionError(f"passes keep rewriting {op_type}")
        try:
            results = self._step(node, ())
        finally:
            self._depth -= 1
        tensors = [r for r in results if isinstance(r, Tensor)]
        if len(tensors) != outputs:
            raise Refusal(f"{op_type} inside it gives no tensor")
        return tensors

    def retag(self, tensor: Tensor, dtype: DType) -> Tensor:
        """The same stored numbers, taken for another logical dtype."""
        constant = None if tensor.constant is None else tensor.constant.astype(dtype)
        return Tensor(self, dtype, tensor.dims, tensor.name, constant)

    def constant(self, value: Any, name: str = "") -> Tensor:
        """A known tensor."""
        array = np.asarray(value)
        return Tensor(self, array.dtype, array.shape, name, array)

    def _node(self, op_type: str, inputs: Sequence[Value], outputs: int, given: Mapping[str, Any]) -> Node:
        attributes = {**schemas.default_attributes(op_type, TARGET_OPSET, ""), **given}
        return Node(
            op_type, "", TARGET_OPSET, "", tuple(inputs), outputs, attributes, frozenset(given), builder=self
        )

    def _visit(self, proto: Any, name: str, scope: Scope) -> Sequence[Value]:
        domain = schemas.domain_of(proto)
        opset = scope.opsets.get(domain, 1)
        given = _attributes(proto, scope.attributes)
        inputs = [scope.values[i] if i else None for i in proto.input]
        function = self._functions.get((proto.domain, proto.op_type))
        if function is not None:
            return self._inline(function, inputs, given, len(proto.output))

        def run_body(graph: Any, values: Sequence[Value]) -> list[Value]:
            return self._run_body(graph, values, scope)

        node = Node(
            proto.op_type,
            domain,
            opset,
            name,
            tuple(inputs),
            len(proto.output),
            {**schemas.default_attributes(proto.op_type, opset, domain), **given},
            frozenset(given),
            builder=self,
            run_body=run_body,
        )
        if self._depth == 0 and len(self.emitter.nodes) > _MAX_NODES:
            raise Refusal(f"the graph grew beyond {_MAX_NODES} nodes")
        return self._step(node, tuple(proto.output))

    def _step(self, node: Node, names: tuple[str, ...]) -> Sequence[Value]:
        """One node: folded if all of it is known, else rewritten, inlined or taken over."""
        folded = self._fold(node)
        if folded is not None:
            return folded
        for candidate in rewrites().get((node.domain, node.op_type), ()):
            if self._fits(candidate, node):
                return self._rewrite(candidate, node)
        if node.op_type not in KEPT_WHOLE and all(not isinstance(i, TensorSequence) for i in node.inputs):
            inputs = [i if isinstance(i, Tensor) else None for i in node.inputs]
            given = {k: node.attributes[k] for k in node.given}
            body = schemas.function_body(node.op_type, inputs, given, node.opset, node.domain)
            if body is not None:
                self._note(node, "inline")
                return self._inline(body, node.inputs, node.attributes, node.outputs)
        return self._native(node, names)

    def _fits(self, candidate: Rewrite, node: Node) -> bool:
        if not candidate.dynamic and not all(
            i is None or (isinstance(i, Tensor) and i.static) for i in node.inputs
        ):
            return False
        return candidate.when(node)

    def _rewrite(self, candidate: Rewrite, node: Node) -> Sequence[Value]:
        self._note(node, candidate.name)
        self._depth += 1
        try:
            result = candidate.function(node)
        finally:
            self._depth -= 1
        results = [result] if result is None or isinstance(result, Tensor | TensorSequence) else list(result)
        return [*results, *[None] * (node.outputs - len(results))]

    def _note(self, node: Node, name: str) -> None:
        if self._depth == 0:
            self.applied.append((node.name, name))

    def _fold(self, node: Node) -> Sequence[Value] | None:
        known = [i.constant if isinstance(i, Tensor) else None for i in node.inputs]
        if any(i is not None and c is None for i, c in zip(node.inputs, known, strict=True)):
            return None
        subgraphs = any(isinstance(v, onnx.GraphProto) for v in node.attributes.values())
        if node.op_type in RANDOM or subgraphs or node.op_type.startswith(("Sequence", "Optional")):
            return None
        try:
            given = {k: node.attributes[k] for k in node.given}
            results = schemas.evaluate(
                node.op_type, known, node.outputs, given, opset=node.opset, domain=node.domain
            )
        except Exception:  # noqa: BLE001  whatever the evaluator cannot do is left to the passes
            return None
        if "value" not in node.given or node.op_type != "Constant":
            # The converter takes Constant with a tensor as it is, and no other kind of it.
            self._note(node, "fold")
        return [
            TensorSequence(tuple(self.constant(v) for v in r)) if isinstance(r, list) else self.constant(r)
            for r in results
        ]

    def _inline(
        self, function: Any, inputs: Sequence[Value], given: Mapping[str, Any], outputs: int
    ) -> list[Value]:
        padded = [*inputs, *[None] * (len(function.input) - len(inputs))]
        defaults = {a.name: schemas.decoded(helper.get_attribute_value(a)) for a in function.attribute_proto}
        opsets = {o.domain: o.version for o in function.opset_import}
        scope = Scope(dict(zip(function.input, padded, strict=False)), opsets, {**defaults, **given})
        self._depth += 1
        try:
            self.walk(function.node, scope)
        finally:
            self._depth -= 1
        return [scope.values.get(o) for o in function.output][:outputs]

    def _run_body(self, graph: Any, inputs: Sequence[Value], outer: Scope) -> list[Value]:
        values = {
            **outer.values,
            **{t.name: self.constant(numpy_helper.to_array(t)) for t in graph.initializer},
        }
        values.update(dict(zip((i.name for i in graph.input), inputs, strict=False)))
        scope = Scope(values, outer.opsets, outer.attributes)
        self.walk(graph.node, scope)
        if len(self.emitter.nodes) > _MAX_NODES:
            raise Refusal(f"unrolled, its graph would have more than {_MAX_NODES} nodes", hints.ENDLESS)
        return [scope.values[o.name] for o in graph.output]

    def _native(self, node: Node, names: tuple[str, ...]) -> Sequence[Value]:
        inputs = _checked_inputs(node)
        attributes = _modern_attributes(node)
        logical = schemas.infer(
            node.op_type, inputs, node.outputs, attributes, opset=_opset(node), domain=node.domain
        )
        first = next((i for i in inputs if i is not None), None)
        types: list[tuple[DType, tuple[int | None, ...] | None]] = [
            (dtype or (first.dtype if first else np.dtype(np.float32)), dims) for dtype, dims in logical
        ]
        if all(dims is not None and 0 in dims for _, dims in types):
            return [self.constant(np.zeros([d or 0 for d in dims or ()], dtype)) for dtype, dims in types]
        index = INDEX_RESULTS.get(node.op_type, ())
        wanted = [names[k] if k < len(names) else f"{node.op_type.lower()}" for k in range(node.outputs)]
        outputs = [
            (wanted[k], INT64 if k in index else self.emitter.stored(dtype), dims)
            for k, (dtype, dims) in enumerate(types)
        ]
        results = self.emitter.node(node.op_type, inputs, outputs, attributes, node.domain)
        for k in index:
            if k < len(results):
                source = Tensor(self, INT64, types[k][1], results[k])
                narrow = [(f"{results[k]}_int32", INT32, types[k][1])]
                results[k] = self.emitter.node("Cast", [source], narrow, {"to": onnx.TensorProto.INT32})[0]
        return [Tensor(self, dtype, dims, name) for name, (dtype, dims) in zip(results, types, strict=True)]


def _opset(node: Node) -> int:
    return TARGET_OPSET if not node.domain and node.opset <= TARGET_OPSET else node.opset


def _attributes(proto: Any, bound: Mapping[str, Any]) -> dict[str, Any]:
    """A node's attributes, those that refer to the enclosing function's resolved."""
    given: dict[str, Any] = {}
    for attribute in proto.attribute:
        if not attribute.ref_attr_name:
            given[attribute.name] = schemas.decoded(helper.get_attribute_value(attribute))
        elif attribute.ref_attr_name in bound:
            given[attribute.name] = bound[attribute.ref_attr_name]
    return given


def _checked_inputs(node: Node) -> list[Tensor | None]:
    """The inputs of a node that is taken over, or a refusal that tells why it cannot be."""
    if node.op_type in RANDOM:
        raise Refusal("it draws random numbers, so no file can be checked against the model", hints.RANDOM)
    if any(isinstance(i, TensorSequence) for i in node.inputs):
        raise Refusal("it works on a sequence")
    if any(isinstance(v, onnx.GraphProto) for v in node.attributes.values()):
        raise Refusal("it holds a subgraph that cannot be resolved while converting")
    inputs = [i if isinstance(i, Tensor) else None for i in node.inputs]
    if any(i is not None and is_string(i.dtype) for i in inputs):
        raise Refusal("strings have no counterpart on the phone", hints.STRINGS)
    if node.domain.startswith("ai.onnx.") or (not node.domain and node.op_type not in SUPPORTED):
        raise Refusal("neither the converter nor a pass has a form of it")
    for slot in STRUCTURAL.get(node.op_type, ()):
        tensor = inputs[slot] if slot < len(inputs) else None
        if tensor is not None and tensor.constant is None:
            raise Refusal(
                f"its input {slot}, which decides the result's shape, is not a constant", hints.BIND
            )
    return inputs


def _modern_attributes(node: Node) -> dict[str, Any]:
    """A node's attributes as the target opset knows them.

    Older ones that are gone there (consumed_inputs, spatial, …) are dropped, and defaults are written out,
    because some of them changed.
    """
    if node.domain:
        return {k: node.attributes[k] for k in node.given}
    found = schemas.schema(node.op_type, _opset(node), "")
    allowed = set(found.attributes) if found else set()
    attributes = {k: v for k, v in node.attributes.items() if k in allowed}
    if node.op_type == "Cast":
        dtype = schemas.numpy_dtype(attributes["to"])
        return {"to": schemas.element_type(dtype)}
    return attributes
