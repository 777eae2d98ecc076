"""Guards alone: a graph whose other nodes, names and dtypes stay as they are."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import onnx
from onnx import helper, numpy_helper, shape_inference

from edgepack.backends.passes import Prepared, schemas
from edgepack.backends.passes.dtypes import DType, Refusal
from edgepack.backends.passes.emitter import Emitter
from edgepack.backends.passes.node import Node
from edgepack.backends.passes.registry import Rewrite, rewrites
from edgepack.backends.passes.values import Tensor, Value
from edgepack.errors import ConversionError

# What guards emit has this form whatever the source says; the converter goes by the inputs of a node.
_GUARD_OPSET = 13
# Larger initializers are left out of shape inference; none that decides a shape is as large.
_INFERENCE_BYTES = 8192


def guard_graph(model: Any) -> Prepared:
    """See `edgepack.backends.passes.guard`."""
    guards = {key: [r for r in found if r.guard] for key, found in rewrites().items()}
    guards = {key: found for key, found in guards.items() if found}
    present = {(_domain(node), node.op_type) for node in model.graph.node}
    if not present & guards.keys():
        return Prepared(model)
    guarding = _Guarding(model, guards)
    replaced = guarding.run()
    if not guarding.applied:
        return Prepared(model)
    result = onnx.ModelProto()
    result.CopyFrom(model)
    del result.graph.node[:]
    result.graph.node.extend(replaced)
    result.graph.initializer.extend(guarding.emitter.initializers.values())
    made = {name for node in replaced for name in node.output} & guarding.emitter.types.keys()
    made -= {v.name for v in (*model.graph.value_info, *model.graph.output)}
    result.graph.value_info.extend(guarding.emitter.value_info(name) for name in sorted(made))
    return Prepared(result, tuple(guarding.applied))


class _Guarding:
    """A builder that emits into the source's own opset and keeps its dtypes.

    Guards use only operators whose form is the same from opset 13 on, so that this is possible.
    """

    def __init__(self, model: Any, guards: dict[tuple[str, str], list[Rewrite]]) -> None:
        self.emitter = Emitter(keep_dtypes=True)
        self.applied: list[tuple[str, str]] = []
        self._model = model
        self._guards = guards
        self._opsets = {_domain(o): o.version for o in model.opset_import}
        graph = model.graph
        candidates = [n for n in graph.node if (_domain(n), n.op_type) in guards]
        self._types = _types(model, {name for n in candidates for name in n.input if name})
        everything = (graph.input, graph.initializer)
        self.emitter.reserve(*(item.name for group in everything for item in group))
        self.emitter.reserve(*(name for node in graph.node for name in node.output))
        self._constants = {t.name: t for t in graph.initializer}

    def run(self) -> list[Any]:
        """The nodes, guarded."""
        for proto in self._model.graph.node:
            if proto.op_type == "Constant" and proto.attribute[0].name == "value":
                self._constants[proto.output[0]] = proto.attribute[0].t
            if not self._replace(proto):
                self.emitter.nodes.append(proto)
        return self.emitter.nodes

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
        candidates = self._guards.get((_domain(proto), proto.op_type))
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
            message = f"{proto.op_type} (node {node.name}): {refusal.reason}."
            details = {"operator": proto.op_type, "node": node.name, "reason": refusal.reason}
            raise ConversionError(message, refusal.hint, details) from refusal
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


def _domain(proto: Any) -> str:
    return "" if proto.domain == "ai.onnx" else str(proto.domain)


def _types(model: Any, wanted: set[str]) -> dict[str, schemas.Inferred]:
    """Dtype and dimensions of tensors, declared or, if a wanted one is not, as far as onnx can tell."""
    graph = model.graph
    declared = _declared(graph)
    declared.update({t.name: (schemas.numpy_dtype(t.data_type), tuple(t.dims)) for t in graph.initializer})
    if all(
        (known := declared.get(name)) and known[1] is not None and None not in known[1] for name in wanted
    ):
        return declared
    try:
        return {**declared, **_declared(shape_inference.infer_shapes(_outline(model), data_prop=True).graph)}
    except shape_inference.InferenceError:
        return declared


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
