"""The whole graph, said anew: inputs in, nodes walked, outputs out, dead nodes dropped."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from onnx import helper, numpy_helper

from edgepack.backends.passes import Prepared, hints, schemas
from edgepack.backends.passes.dtypes import FLOAT32, Array, DType, Refusal, is_string
from edgepack.backends.passes.forms import cast, reshape, slice_axis
from edgepack.backends.passes.shape_inputs import binding_hint
from edgepack.backends.passes.values import Tensor, TensorSequence, Value
from edgepack.backends.passes.walker import TARGET_OPSET, Scope, Walker
from edgepack.errors import ConversionError

_IR_VERSION = 9  # of onnx 1.15, the first with opset 20
_ADDED_INPUT = "unused_input"


def prepare_graph(model: Any, bind: Mapping[str, Array]) -> Prepared:
    """See `edgepack.backends.passes.prepare`."""
    graph = model.graph
    walker, scope, inputs = begin(model, bind)
    try:
        walker.walk(graph.node, scope)
    except ConversionError as error:
        if error.hint == hints.BIND:
            error.hint = binding_hint(model) or hints.BIND
        raise
    source_types = {**{t.name: t.dtype for t in inputs}, **output_dtypes(graph, scope)}
    dtypes = {
        name: (dtype.name, walker.emitter.stored(dtype).name)
        for name, dtype in source_types.items()
        if walker.emitter.stored(dtype) != dtype
    }
    constant = all(isinstance(v, Tensor) and v.constant is not None for v in _results(graph, scope))
    if not (walker.applied or dtypes or bind or constant):
        return Prepared(model)
    added = _finish(walker, graph, scope, inputs)
    made = _assemble(walker, model, inputs + added)
    return Prepared(made, tuple(walker.applied), dtypes, tuple(bind), tuple(t.name for t in added))


def begin(model: Any, bind: Mapping[str, Array]) -> tuple[Walker, Scope, list[Tensor]]:
    """Make a graph's inputs and initializers known to a walker.

    Args:
        model: See `edgepack.backends.passes.prepare`.
        bind: Likewise.

    Returns:
        The walker, what its nodes see, and the inputs that stay.

    Raises:
        ConversionError: An input cannot be had on the phone.
    """
    graph = model.graph
    walker = Walker(model.functions)
    try:
        values = _initializers(walker, graph)
        inputs = _inputs(walker, graph, values, bind)
    except Refusal as refusal:
        raise ConversionError(f"the model's inputs: {refusal.reason}", refusal.hint) from refusal
    opsets = {schemas.domain_of(o): o.version for o in model.opset_import}
    walker.emitter.reserve(*(t.name for t in inputs), *(o.name for o in graph.output))
    return walker, Scope(values, opsets), inputs


def _initializers(walker: Walker, graph: Any) -> dict[str, Value]:
    values: dict[str, Value] = {"": None}
    for tensor in graph.initializer:
        value = numpy_helper.to_array(tensor)
        walker.emitter.adopt(value, tensor)
        values[tensor.name] = walker.constant(value, tensor.name)
    for sparse in graph.sparse_initializer:
        values[sparse.values.name] = walker.constant(_dense(sparse), sparse.values.name)
    return values


def _dense(sparse: Any) -> Array:
    numbers = numpy_helper.to_array(sparse.values)
    indices = numpy_helper.to_array(sparse.indices)
    result = np.zeros(list(sparse.dims), numbers.dtype)
    if indices.ndim == 1:
        result.reshape(-1)[indices] = numbers
    else:
        result[tuple(indices.T)] = numbers
    return result


def _inputs(walker: Walker, graph: Any, values: dict[str, Value], bind: Mapping[str, Array]) -> list[Tensor]:
    """Make the graph's inputs known by name; those that stay are returned."""
    stay = []
    names = {i.name for i in graph.input} - values.keys()
    if unknown := sorted(set(bind) - names):
        raise Refusal(f"{unknown[0]} is to be bound but is none of {', '.join(sorted(names))}")
    for proto in graph.input:
        if proto.name in values:
            continue
        tensor = _input(walker, proto)
        if proto.name in bind:
            values[proto.name] = walker.constant(_bound(tensor, bind[proto.name]), proto.name)
            continue
        walker.emitter.stored(tensor.dtype)
        values[proto.name] = tensor
        walker.emitter.types[proto.name] = (walker.emitter.stored(tensor.dtype), tensor.dims)
        stay.append(tensor)
        if 0 in tensor.shape:
            values[proto.name] = walker.constant(np.zeros(tensor.shape, tensor.dtype), proto.name)
    return stay


def _bound(tensor: Tensor, value: Array) -> Array:
    given = np.asarray(value)
    result = given.astype(tensor.dtype)
    if given.shape != tensor.dims:
        raise Refusal(f"{tensor.name} is bound to a value of shape {given.shape} instead of {tensor.dims}")
    if not np.array_equal(result, given, equal_nan=given.dtype.kind == "f"):
        raise Refusal(f"{tensor.name} is bound to {given.tolist()}, which {tensor.dtype.name} cannot hold")
    return result


def _input(walker: Walker, proto: Any) -> Tensor:
    kind = proto.type
    if kind.HasField("optional_type"):
        kind = kind.optional_type.elem_type
    if not kind.HasField("tensor_type"):
        raise Refusal(f"{proto.name} is not a tensor")
    dims = tuple(d.dim_value if d.HasField("dim_value") else None for d in kind.tensor_type.shape.dim)
    if not kind.tensor_type.HasField("shape") or None in dims:
        raise Refusal(f"{proto.name} has no static shape", hints.SHAPE)
    return Tensor(walker, schemas.numpy_dtype(kind.tensor_type.elem_type), dims, proto.name)


def output_dtypes(graph: Any, scope: Scope) -> dict[str, DType]:
    """Logical dtypes of a walked graph's outputs.

    Raises:
        ConversionError: One is something that no phone has.
    """
    dtypes = {}
    for proto in graph.output:
        value = scope.values.get(proto.name)
        if not isinstance(value, Tensor):
            kind = "a sequence" if isinstance(value, TensorSequence) else "an absent optional"
            raise ConversionError(
                f"the model's output {proto.name} is {kind}, which a TFLite file cannot give"
            )
        if is_string(value.dtype) or value.dtype.kind == "c":
            raise ConversionError(
                f"the model's output {proto.name} is {value.dtype.name}, which no phone computes"
            )
        dtypes[proto.name] = value.dtype
    return dtypes


def _results(graph: Any, scope: Scope) -> list[Value]:
    return [scope.values.get(output.name) for output in graph.output]


def _finish(walker: Walker, graph: Any, scope: Scope, inputs: list[Tensor]) -> list[Tensor]:
    """Give the outputs their names; tie an input in when the graph is made of constants only."""
    tensors = [r for r in _results(graph, scope) if isinstance(r, Tensor)]
    added: list[Tensor] = []
    if all(t.constant is not None for t in tensors):
        anchor = next((t for t in inputs if t.size), None)
        if anchor is None:
            anchor = Tensor(walker, FLOAT32, (1,), _ADDED_INPUT)
            walker.emitter.types[_ADDED_INPUT] = (FLOAT32, (1,))
            added.append(anchor)
        tensors[0] = _tied(tensors[0], anchor)
    for proto, tensor in zip(graph.output, tensors, strict=True):
        _name_output(walker, tensor, proto.name)
    return added


def _tied(result: Tensor, anchor: Tensor) -> Tensor:
    """A constant plus nothing: the runtime takes no graph whose outputs do not depend on an input."""
    first = slice_axis(reshape(anchor, (-1,)), 0, 0, 1)
    return cast(cast(result, FLOAT32) + reshape(cast(first, FLOAT32) * 0.0, [1] * result.rank), result.dtype)


def _name_output(walker: Walker, tensor: Tensor, name: str) -> None:
    emitter = walker.emitter
    dtype = emitter.stored(tensor.dtype)
    source = Tensor(walker, tensor.dtype, tensor.dims, emitter.reference(tensor))
    emitter.nodes.append(helper.make_node("Identity", [source.name], [name], name=name))
    emitter.types[name] = (dtype, tensor.dims)


def _assemble(walker: Walker, model: Any, inputs: list[Tensor]) -> Any:
    emitter = walker.emitter
    outputs = [o.name for o in model.graph.output]
    _merge_identities(emitter.nodes, outputs, {t.name for t in inputs} | set(emitter.initializers))
    nodes = _alive(emitter.nodes, set(outputs))
    used = {name for node in nodes for name in node.input}
    made = {name for node in nodes for name in node.output} - set(outputs)
    graph = helper.make_graph(
        nodes,
        model.graph.name or "graph",
        [emitter.value_info(t.name) for t in inputs],
        [emitter.value_info(name) for name in outputs],
        [t for name, t in emitter.initializers.items() if name in used],
        value_info=[emitter.value_info(name) for name in sorted(made) if emitter.types[name][1] is not None],
    )
    versions = {o.domain: o.version for o in model.opset_import}
    domains = sorted({node.domain for node in nodes if node.domain})
    imports = [
        helper.make_opsetid("", TARGET_OPSET),
        *(helper.make_opsetid(d, versions.get(d, 1)) for d in domains),
    ]
    return helper.make_model(graph, opset_imports=imports, ir_version=_IR_VERSION, producer_name="edgepack")


def _merge_identities(nodes: list[Any], outputs: list[str], fixed: set[str]) -> None:
    """Let a node compute an output under its name, where the Identity in between says nothing else."""
    rename: dict[str, str] = {}
    last = {node.output[0]: node for node in nodes if node.name in outputs and node.op_type == "Identity"}
    for name, node in last.items():
        source = node.input[0]
        if source not in fixed and source not in rename and source not in outputs:
            rename[source] = name
            nodes.remove(node)
    for node in nodes:
        for names in (node.input, node.output):
            for k, name in enumerate(names):
                names[k] = rename.get(name, name)


def _alive(nodes: list[Any], wanted: set[str]) -> list[Any]:
    kept = []
    for node in reversed(nodes):
        if wanted.intersection(node.output):
            kept.append(node)
            wanted.update(name for name in node.input if name)
    return kept[::-1]
