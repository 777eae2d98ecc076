"""Elementwise operators whose own form the converter lacks or gets wrong, as formulas of simpler ones."""

from __future__ import annotations

import math

from edgepack.backends.passes.dtypes import FLOAT32, is_float, is_integer
from edgepack.backends.passes.forms import as_float, cast, elu, maximum, minimum, reshape, where
from edgepack.backends.passes.node import Node
from edgepack.backends.passes.registry import rewrite
from edgepack.backends.passes.values import Tensor, op

_BINARY = (
    *("Add", "Sub", "Mul", "Div", "Max", "Min", "Pow", "Mod", "And", "Or", "Xor", "BitwiseXor", "Where"),
    *("Equal", "Greater", "Less", "GreaterOrEqual", "LessOrEqual"),
)


@rewrite("Sum", "Mean", "Max", "Min", when=lambda node: len(node.inputs) == 1)
def of_one(node: Node) -> Tensor:
    """Sum, Mean, Max and Min of one operand are that operand."""
    return node.tensor(0)


def _old_broadcast(node: Node) -> bool:
    return node.opset < 7 and node.op_type != "Where" and bool(node.integer("broadcast"))


@rewrite(*_BINARY, when=_old_broadcast)
def broadcast_by_axis(node: Node) -> Tensor:
    """Before opset 7 the second operand is aligned to the first at `axis`, or at the end."""
    left, right = node.tensor(0), node.tensor(1)
    axis = node.integer("axis", left.rank - right.rank) if "axis" in node.given else left.rank - right.rank
    return op(node.op_type, left, reshape(right, (*right.shape, *[1] * (left.rank - axis - right.rank))))


def _constant_of_lower_rank(node: Node) -> bool:
    tensors = [node.tensor(k) for k in range(len(node.inputs))]
    rank = max(tensor.rank for tensor in tensors)
    return any(t.constant is not None and 0 < t.rank < rank for t in tensors)


@rewrite(*_BINARY, when=_constant_of_lower_rank)
def align_constants(node: Node) -> Tensor:
    """Constants of lower rank get leading axes of size 1, before the converter guesses at their layout."""
    tensors = [node.tensor(k) for k in range(len(node.inputs))]
    rank = max(tensor.rank for tensor in tensors)
    aligned = [
        reshape(t, (*[1] * (rank - t.rank), *t.shape)) if t.constant is not None and t.rank else t
        for t in tensors
    ]
    attributes = {name: node.attributes[name] for name in node.given}
    return op(node.op_type, *aligned, **attributes)


@rewrite("Elu", when=lambda node: node.real("alpha", 1.0) != 1.0, wrong_in="2.6.9")
def elu_alpha(node: Node) -> Tensor:
    """Elu is x above 0 and alpha (exp x - 1) below; the converter ignores alpha (ONNX Elu-6)."""
    return elu(node.tensor(0), node.real("alpha", 1.0))


@rewrite("Gelu", when=lambda node: node.text("approximate") == "tanh", wrong_in="2.6.9")
def gelu_tanh(node: Node) -> Tensor:
    """Gelu by tanh: x/2 (1 + tanh(sqrt(2/pi) (x + 0.044715 x**3))); the converter emits the exact Gelu.

    Source: ONNX Gelu-20, after Hendrycks and Gimpel, https://arxiv.org/abs/1606.08415.
    """
    tensor = node.tensor(0)
    inner = (tensor + tensor * tensor * tensor * 0.044715) * math.sqrt(2 / math.pi)
    return tensor * 0.5 * (op("Tanh", inner) + 1.0)


def _native_prelu(node: Node) -> bool:
    """A constant slope, one number or one for each channel of an image, in float."""
    tensor, slope = node.tensor(0), node.tensor(1)
    if slope.constant is None or not is_float(tensor.dtype) or tensor.rank != 4 or node.opset < 7:
        return False
    return slope.size == 1 or slope.shape == (tensor.shape[1], 1, 1)


@rewrite("PRelu", when=lambda node: not _native_prelu(node))
def prelu(node: Node) -> Tensor:
    """PRelu is max(x, 0) + slope min(x, 0); before opset 7 the slope is one number per channel."""
    tensor, slope = node.tensor(0), node.tensor(1)
    if is_integer(tensor.dtype):
        return where(tensor < 0, tensor * slope, tensor)
    if slope.rank == 1 and slope.size > 1 and node.opset < 7:
        slope = reshape(slope, (1, -1, *[1] * (tensor.rank - 2)))
    return maximum(tensor, 0.0) + minimum(tensor, 0.0) * slope


def _pow_plain(node: Node) -> bool:
    return is_float(node.dtype) and is_float(node.tensor(1).dtype)


def _exponent(node: Node) -> float | None:
    value = node.tensor(1).constant
    return None if value is None or value.size != 1 else float(value.reshape(-1)[0])


@rewrite("Pow", when=lambda node: not _pow_plain(node))
def power(node: Node) -> Tensor:
    """Pow in float32; squares and cubes by multiplication, which is exact for negative numbers too.

    Integer results are rounded, so they are exact up to 2**24.
    """
    base, exponent = node.tensor(0), _exponent(node)
    real = as_float(base)
    if exponent in (2.0, 3.0):
        result = real * real if exponent == 2.0 else real * real * real
        return cast(op("Round", result) if is_integer(base.dtype) else result, base.dtype)
    result = op("Pow", real, as_float(node.tensor(1)))
    return cast(op("Round", result) if is_integer(base.dtype) else result, base.dtype)


def _clip_known(node: Node) -> bool:
    """Clip with number bounds in float, min below max, which the converter takes and gets right."""
    return (
        node.dtype == FLOAT32 and node.opset >= 11 and all(node.known(k) or not node.has(k) for k in (1, 2))
    )


@rewrite("Clip", when=lambda node: not _clip_known(node))
def clip_by_bounds(node: Node) -> Tensor:
    """Clip is min(max(x, low), high); before opset 11 the bounds are attributes."""
    result = node.tensor(0)
    low = node.optional(1) if node.has(1) else node.attributes.get("min") if "min" in node.given else None
    high = node.optional(2) if node.has(2) else node.attributes.get("max") if "max" in node.given else None
    if low is not None:
        result = maximum(result, low)
    return result if high is None else minimum(result, high)
