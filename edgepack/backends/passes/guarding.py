"""Guards alone: a graph whose other nodes, names and dtypes stay as they are."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import onnx
from onnx import helper, numpy_helper, shape_inference

from edgepack.backends.passes import Prepared, schemas
from edgepack.backends.passes.dtypes import DType, Refusal
from edgepack.backends.passes.emitter import Emitter
from edgepack.backends.passes.node import Node
from edgepack.backends.passes.refusing import refused_node
from edgepack.backends.passes.registry import Rewrite, rewrites
from edgepack.backends.passes.values import Tensor, Value

# What guards emit has this form whatever the source says; the converter goes by the inputs of a node.
_GUARD_OPSET = 13
# Larger initializers are left out of shape inference; none that decides a shape is as large.
_INFERENCE_BYTES = 8192

type Place = tuple[tuple[str, str], ...]


def guard_graph(model: Any) -> Prepared:
    """See `edgepack.backends.passes.guard`."""
    guards = {key: [r for r in found if r.guard] for key, found in rewrites().items()}
    guards = {key: found for key, found in guards.items() if found}
    if not _guarded_nodes(model.graph, guards):
        return Prepared(model)
    result = onnx.ModelProto()
    result.CopyFrom(model)
    types, bodies = _types(model, guards)
    context = _Context(guards, types, bodies, names=set(_names(model.graph)))
    guarding = _Guarding(result, result.graph, context)
    guarding.run()
    return Prepared(result, tuple(guarding.applied)) if guarding.applied else Prepared(model)


@dataclass(frozen=True, slots=True)
class _Context:
    """What is known where a graph's nodes are guarded.

    Attributes:
        guards: By domain and operator.
        types: Dtype and dimensions of tensors.
        bodies: Dtype and dimensions of tensors in the bodies of If, Loop and Scan, by the body's place.
        constants: Tensors that are known, by name.
        place: The graph's: outputs of the nodes that hold it, from the outside in, each with an attribute.
        names: Taken ones; a body sees those around it.
    """

    guards: dict[tuple[str, str], list[Rewrite]]
    types: dict[str, schemas.Inferred]
    bodies: dict[Place, dict[str, schemas.Inferred]]
    constants: dict[str, Any] = field(default_factory=dict)
    place: Place = ()
    names: set[str] = field(default_factory=set)


class _Guarding:
    """A builder that emits into the source's own opset and keeps its dtypes.

    Guards use only operators whose form is the same from opset 13 on, so that this is possible.
    """

    def __init__(self, model: Any, graph: Any, context: _Context) -> None:
        self.emitter = Emitter(keep_dtypes=True, taken=context.names)
        self.applied: list[tuple[str, str]] = []
        self._model = model
        self._graph = graph
        self._context = context
        self._guards = context.guards
        self._opsets = {schemas.domain_of(o): o.version for o in model.opset_import}
        self._types = context.types
        self._constants = {**context.constants, **{t.name: t for t in graph.initializer}}

    def run(self) -> None:
        """Guard the graph's nodes, in place."""
        for proto in self._graph.node:
            if proto.op_type == "Constant" and proto.attribute[0].name == "value":
                self._constants[proto.output[0]] = proto.attribute[0].t
            self._guard_bodies(proto)
            if not self._replace(proto):
                self.emitter.nodes.append(proto)
        if not self.applied:
            return
        nodes = list(self.emitter.nodes)
        graph = onnx.GraphProto()
        graph.node.extend(nodes)
        made = {name for node in nodes for name in node.output} & self.emitter.types.keys()
        made -= {v.name for v in (*self._graph.value_info, *self._graph.output)}
        del self._graph.node[:]
        self._graph.node.extend(graph.node)
        self._graph.initializer.extend(self.emitter.initializers.values())
        self._graph.value_info.extend(self.emitter.value_info(name) for name in sorted(made))

    def _guard_bodies(self, proto: Any) -> None:
        for attribute in proto.attribute:
            if not attribute.HasField("g") or not _guarded_nodes(attribute.g, self._guards):
                continue
            place = (*self._context.place, (proto.output[0], attribute.name))
            types = {**self._types, **self._context.bodies.get(place, {})}
            context = replace(self._context, types=types, constants=self._constants, place=place)
            inner = _Guarding(self._model, attribute.g, context)
            inner.run()
            self.applied += inner.applied

    def emit(
        self, op_type: str, inputs: tuple[Tensor | None, ...], outputs: int, attributes: dict[str, Any]
    ) -> list[Tensor]:
        """Emit one operator, or compute it when its inputs are known."""
        opset = max(_GUARD_OPSET, self._opsets.get("", 1))
        known = [None if i is None else i.constant for i in inputs]
        if all(i is None or c is not None for i, c in zip(inputs, known, strict=True)):
            arrays = schemas.evaluate(op_type, known, outputs, attributes, opset=opset)
            return [Tensor(self, a.dtype, a.shape, "", a) for a in map(np.asarray, arrays)]
        node = self._view(op_type, "", tuple(inputs), outputs, attributes)
        for candidate in self._guards.get(("", op_type), ()):
            if _applies(candidate, node):
                return [t for t in _sequence(candidate.function(node)) if isinstance(t, Tensor)]
        inferred = schemas.infer(op_type, inputs, outputs, attributes, opset=opset)
        first = next(i for i in inputs if i is not None)
        types = [(op_type.lower(), dtype or first.dtype, dims) for dtype, dims in inferred]
        names = self.emitter.node(op_type, inputs, types, attributes)
        return [Tensor(self, d, dims, n) for n, (_, d, dims) in zip(names, types, strict=True)]

    def retag(self, tensor: Tensor, dtype: DType) -> Tensor:
        """Another dtype by a Cast: this graph stores every value in its logical dtype."""
        return self.emit("Cast", (tensor,), 1, {"to": schemas.element_type(dtype)})[0]

    def _replace(self, proto: Any) -> bool:
        candidates = self._guards.get((schemas.domain_of(proto), proto.op_type))
        if not candidates:
            return False
        self.emitter.begin(proto)
        inputs = tuple(self._value(name) for name in proto.input)
        given = {a.name: schemas.decoded(helper.get_attribute_value(a)) for a in proto.attribute}
        node = self._view(proto.op_type, proto.name or proto.output[0], inputs, len(proto.output), given)
        chosen = next((candidate for candidate in candidates if _applies(candidate, node)), None)
        if chosen is None:
            return False
        try:
            self._rename(_sequence(chosen.function(node)), proto.output)
        except Refusal as refusal:
            raise refused_node(proto.op_type, node.name, refusal) from refusal
        self.applied.append((node.name, chosen.name))
        return True

    def _view(
        self, op_type: str, name: str, inputs: tuple[Value, ...], outputs: int, given: dict[str, Any]
    ) -> Node:
        opset = self._opsets.get("", 1)
        attributes = {**schemas.default_attributes(op_type, opset, ""), **given}
        return Node(op_type, "", opset, name, inputs, outputs, attributes, frozenset(given), builder=self)

    def _value(self, name: str) -> Tensor | None:
        if not name:
            return None
        if name in self._constants:
            array = numpy_helper.to_array(self._constants[name])
            return Tensor(self, array.dtype, array.shape, name, array)
        dtype, dims = self._types.get(name, (None, None))
        return Tensor(self, dtype or np.dtype(np.float32), dims, name)

    def _rename(self, results: list[Value], names: Iterable[str]) -> None:
        """Let the replacement compute the outputs under the names that the rest of the graph reads."""
        for result, name in zip(results, names, strict=False):
            if name and isinstance(result, Tensor):
                source = self.emitter.reference(result)
                self.emitter.nodes.append(helper.make_node("Identity", [source], [name], name=name))


def _applies(candidate: Rewrite, node: Node) -> bool:
    try:
        return candidate.when(node)
    except Refusal:
        # Its shape is not known here; what the converter makes of it is left to the check of the file.
        return False


def _sequence(result: Any) -> list[Value]:
    return [result] if isinstance(result, Tensor) else list(result)


def _guarded_nodes(graph: Any, guards: Mapping[tuple[str, str], Any]) -> list[Any]:
    """Nodes that may need a guard, those in bodies included."""
    inner = [node for body in _bodies(graph) for node in _guarded_nodes(body, guards)]
    return inner + [node for node in graph.node if (schemas.domain_of(node), node.op_type) in guards]


def _bodies(graph: Any) -> list[Any]:
    return [a.g for node in graph.node for a in node.attribute if a.HasField("g")]


def _names(graph: Any) -> Iterator[str]:
    yield from (item.name for group in (graph.input, graph.initializer) for item in group)
    yield from (name for node in graph.node for name in node.output)
    for body in _bodies(graph):
        yield from _names(body)


def _types(
    model: Any, guards: Mapping[tuple[str, str], Any]
) -> tuple[dict[str, schemas.Inferred], dict[Place, dict[str, schemas.Inferred]]]:
    """Dtype and dimensions of tensors, declared or, if a wanted one is not, as far as onnx can tell.

    Returns:
        Those of the main graph, and those of bodies by place.
    """
    graph = model.graph
    declared = _declared(graph)
    declared.update({t.name: (schemas.numpy_dtype(t.data_type), tuple(t.dims)) for t in graph.initializer})
    wanted = {name for node in _guarded_nodes(graph, guards) for name in node.input if name}
    if all(
        (known := declared.get(name)) and known[1] is not None and None not in known[1] for name in wanted
    ):
        return declared, {}
    try:
        inferred = shape_inference.infer_shapes(_outline(model), data_prop=True).graph
    except shape_inference.InferenceError:
        return declared, {}
    return {**declared, **_declared(inferred)}, dict(_declared_in_bodies(inferred, ()))


def _declared_in_bodies(graph: Any, place: Place) -> Iterator[tuple[Place, dict[str, schemas.Inferred]]]:
    for node in graph.node:
        for attribute in node.attribute:
            if attribute.HasField("g"):
                inner = (*place, (node.output[0], attribute.name))
                yield inner, _declared(attribute.g)
                yield from _declared_in_bodies(attribute.g, inner)


def _declared(graph: Any) -> dict[str, schemas.Inferred]:
    return {info.name: schemas.unpack(info.type) for info in (*graph.input, *graph.value_info, *graph.output)}


def _outline(model: Any) -> Any:
    """The model without its large weights, which shape inference would copy."""
    outline = onnx.ModelProto()
    for imported in model.opset_import:
        outline.opset_import.add().CopyFrom(imported)
    outline.ir_version = model.ir_version
    outline.functions.extend(model.functions)
    graph = model.graph
    outline.graph.node.extend(graph.node)
    outline.graph.input.extend(graph.input)
    outline.graph.output.extend(graph.output)
    outline.graph.value_info.extend(graph.value_info)
    inputs = {i.name for i in graph.input}
    for tensor in graph.initializer:
        outside = tensor.data_location == onnx.TensorProto.EXTERNAL
        if tensor.ByteSize() <= _INFERENCE_BYTES and not outside:
            outline.graph.initializer.add().CopyFrom(tensor)
        elif tensor.name not in inputs:
            info = helper.make_tensor_value_info(tensor.name, tensor.data_type, list(tensor.dims))
            outline.graph.input.append(info)
    return outline
