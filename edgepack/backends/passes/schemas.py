"""What onnx itself knows of an operator: its types and shapes, its value, its body."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import onnx
from onnx import defs, helper, numpy_helper, shape_inference
from onnx.reference import ReferenceEvaluator

from edgepack.backends.passes.dtypes import Array, DType, is_string
from edgepack.backends.passes.values import Tensor

type Inferred = tuple[DType | None, tuple[int | None, ...] | None]


@functools.lru_cache(maxsize=1024)
def schema(op_type: str, opset: int, domain: str) -> Any | None:
    """The operator's schema at that opset, or None when onnx does not know it."""
    try:
        return defs.get_schema(op_type, opset, domain)
    except defs.SchemaError:
        return None


@functools.lru_cache(maxsize=1024)
def default_attributes(op_type: str, opset: int, domain: str) -> Mapping[str, Any]:
    """The values of attributes that a node leaves out."""
    found = schema(op_type, opset, domain)
    attributes = found.attributes if found else {}
    return {
        name: decoded(helper.get_attribute_value(attribute.default_value))
        for name, attribute in attributes.items()
        if attribute.default_value and attribute.default_value.type
    }


def domain_of(proto: Any) -> str:
    """The domain of a node or an opset import; ONNX's own, which has two spellings, is empty."""
    return "" if proto.domain == "ai.onnx" else str(proto.domain)


def decoded(value: Any) -> Any:
    """An attribute's value with text as text."""
    if isinstance(value, bytes):
        return value.decode()
    if isinstance(value, list) and value and isinstance(value[0], bytes):
        return [v.decode() for v in value]
    return value


def numpy_dtype(element_type: int) -> DType:
    """The numpy dtype of an ONNX element type."""
    dtype: DType = np.dtype(helper.tensor_dtype_to_np_dtype(element_type))
    return dtype


def element_type(dtype: DType) -> int:
    """The ONNX element type of a numpy dtype."""
    if is_string(dtype):
        return int(onnx.TensorProto.STRING)
    return int(helper.np_dtype_to_tensor_dtype(dtype))


def type_proto(tensor: Tensor) -> Any:
    """The tensor's logical type as a protobuf; unknown dimensions stay unset."""
    return helper.make_tensor_type_proto(element_type(tensor.dtype), tensor.dims)


def infer(
    op_type: str,
    inputs: Sequence[Tensor | None],
    outputs: int,
    attributes: Mapping[str, Any],
    *,
    opset: int,
    domain: str = "",
) -> list[Inferred]:
    """Types and shapes of an operator's outputs; None for what onnx cannot tell."""
    found = schema(op_type, opset, domain)
    names = [f"i{k}" if tensor is not None else "" for k, tensor in enumerate(inputs)]
    results = [f"o{k}" for k in range(outputs)]
    unknown: list[Inferred] = [(None, None)] * outputs
    if found is None:
        return unknown
    node = helper.make_node(op_type, names, results, domain=domain, **attributes)
    given = [(n, t) for n, t in zip(names, inputs, strict=True) if t is not None]
    types = {n: type_proto(t) for n, t in given}
    data = {
        n: numpy_helper.from_array(np.ascontiguousarray(t.constant).reshape(t.constant.shape), n)
        for n, t in given
        if t.constant is not None and t.constant.size <= 64 and not is_string(t.dtype)
    }
    imports = [helper.make_opsetid(domain, opset)]
    try:
        protos = shape_inference.infer_node_outputs(found, node, types, data, opset_imports=imports)
    except (shape_inference.InferenceError, RuntimeError, ValueError):
        return unknown
    return [unpack(protos.get(name)) for name in results]


def unpack(proto: Any) -> Inferred:
    """Dtype and dimensions out of a type protobuf."""
    if proto is None or not proto.HasField("tensor_type"):
        return None, None
    tensor = proto.tensor_type
    dims = None
    if tensor.HasField("shape"):
        dims = tuple(d.dim_value if d.HasField("dim_value") else None for d in tensor.shape.dim)
    return (numpy_dtype(tensor.elem_type) if tensor.elem_type else None), dims


def evaluate(
    op_type: str,
    inputs: Sequence[Array | None],
    outputs: int,
    attributes: Mapping[str, Any],
    *,
    opset: int,
    domain: str = "",
) -> list[Any]:
    """Compute an operator on constants with onnx's reference evaluator; lists stand for sequences."""
    names = [f"i{k}" if array is not None else "" for k, array in enumerate(inputs)]
    results = [f"o{k}" for k in range(outputs)]
    node = helper.make_node(op_type, names, results, domain=domain, **attributes)
    feeds = {n: a for n, a in zip(names, inputs, strict=True) if a is not None}
    graph = helper.make_graph(
        [node],
        "fold",
        [helper.make_tensor_value_info(n, element_type(a.dtype), a.shape) for n, a in feeds.items()],
        [helper.make_tensor_value_info(n, onnx.TensorProto.FLOAT, None) for n in results],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid(domain, opset)])
    return list(ReferenceEvaluator(model).run(None, feeds))


def function_body(
    op_type: str, inputs: Sequence[Tensor | None], attributes: Mapping[str, Any], opset: int, domain: str
) -> Any | None:
    """The operator's definition in simpler operators, where its specification has one.

    Source: the function bodies that the ONNX specification gives for its composite operators.
    """
    found = schema(op_type, opset, domain)
    if found is None:
        return None
    bodies = _context_bodies(found, inputs, attributes) if found.has_context_dependent_function else []
    if found.has_function:
        versions = _preferred(found.function_opset_versions, opset)
        bodies += [functools.partial(found.get_function_with_opset_version, v) for v in versions]
    for read in bodies:
        try:
            function = onnx.FunctionProto.FromString(read())
        except (RuntimeError, ValueError):
            continue
        if function.node:
            return function
    return None


def _context_bodies(found: Any, inputs: Sequence[Tensor | None], attributes: Mapping[str, Any]) -> list[Any]:
    names = [f"i{k}" if tensor is not None else "" for k, tensor in enumerate(inputs)]
    results = [o.name or f"o{k}" for k, o in enumerate(found.outputs)]
    node = helper.make_node(found.name, names, results, domain=found.domain, **attributes).SerializeToString()
    types = [
        (type_proto(tensor) if tensor is not None else onnx.TypeProto()).SerializeToString()
        for tensor in inputs
    ]
    versions = _preferred(found.context_dependent_function_opset_versions, found.since_version)
    read = found.get_context_dependent_function_with_opset_version
    return [functools.partial(read, v, node, types) for v in versions]


def _preferred(versions: Sequence[int], opset: int) -> list[int]:
    """Versions no newer than the opset first, newest first."""
    ordered = sorted(versions, reverse=True)
    return [v for v in ordered if v <= opset] + [v for v in reversed(ordered) if v > opset]
