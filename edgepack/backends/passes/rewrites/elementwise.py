"""Elementwise operators whose own form the converter lacks or gets wrong, as formulas of simpler ones."""

from __future__ import annotations

import math

import numpy as np

from edgepack.backends.passes.dtypes import FLOAT32, is_float, is_integer
from edgepack.backends.passes.forms import as_float, cast, clip, maximum, minimum, reshape, where
from edgepack.backends.passes.node import Node
from edgepack.backends.passes.registry import rewrite
from edgepack.backends.passes.values import Tensor, op

_BINARY = (
    *("Add", "Sub", "Mul", "Div", "Max", "Min", "Pow", "Mod", "And", "Or", "Xor", "BitwiseXor", "Where"),
    *("Equal", "Greater", "Less", "GreaterOrEqual", "LessOrEqual"),
)


@rewrite(
    "Sum", "Mean", "Max", "Min", when=lambda node: len(node.inputs) != 2 or node.op_type in ("Sum", "Mean")
)
def variadic(node: Node) -> Tensor:
    """Sum, Mean, Max and Min of any number of operands, two at a time."""
    result = node.tensor(0)
    pairwise = "Add" if node.op_type in ("Sum", "Mean") else node.op_type
    for k in range(1, len(node.inputs)):
        result = op(pairwise, result, node.tensor(k))
    return result / len(node.inputs) if node.op_type == "Mean" and len(node.inputs) > 1 else result


def _old_broadcast(node: Node) -> bool:
    return node.opset < 7 and node.op_type != "Where" and bool(node.integer("broadcast"))


@rewrite(*_BINARY, when=_old_broadcast)
def broadcast_by_axis(node: Node) -> Tensor:
    """Before opset 7 the second operand is aligned to the first at `axis`, or at the end."""
    left, right = node.tensor(0), node.tensor(1)
    axis = node.integer("axis", left.rank - right.rank) if "axis" in node.given else left.rank - right.rank
    return op(node.op_type, left, reshape(right, (*right.shape, *[1] * (left.rank - axis - right.rank))))


def _ranks_differ(node: Node) -> bool:
    ranks = {node.tensor(k).rank for k in range(len(node.inputs))}
    return len(ranks - {0}) > 1


@rewrite(*_BINARY, when=_ranks_differ)
def align_ranks(node: Node) -> Tensor:
    """Operands of unlike rank get leading axes of size 1, before the converter guesses at their layout."""
    tensors = [node.tensor(k) for k in range(len(node.inputs))]
    rank = max(tensor.rank for tensor in tensors)
    aligned = [reshape(t, (*[1] * (rank - t.rank), *t.shape)) if t.rank else t for t in tensors]
    attributes = {name: node.attributes[name] for name in node.given}
    return op(node.op_type, *aligned, **attributes)


def _elu(tensor: Tensor, alpha: float) -> Tensor:
    """max(x, 0) + min(alpha (exp(min(x, 0)) - 1), 0); the exponential never sees a positive number."""
    return maximum(tensor, 0.0) + (op("Exp", minimum(tensor, 0.0)) - 1.0) * alpha


@rewrite("Elu", when=lambda node: node.real("alpha", 1.0) != 1.0, wrong_in="2.6.9")
def elu_alpha(node: Node) -> Tensor:
    """Elu is x above 0 and alpha (exp x - 1) below; the converter ignores alpha (ONNX Elu-6)."""
    return _elu(node.tensor(0), node.real("alpha", 1.0))


@rewrite("Selu", when=lambda node: bool(node.given & {"alpha", "gamma"}))
def selu(node: Node) -> Tensor:
    """Selu is gamma Elu(x, alpha) (ONNX Selu-6)."""
    return _elu(node.tensor(0), node.real("alpha")) * node.real("gamma")


@rewrite("Celu", when=lambda node: node.real("alpha", 1.0) != 1.0)
def celu(node: Node) -> Tensor:
    """Celu is max(x, 0) + min(0, alpha (exp(x / alpha) - 1)) (ONNX Celu-12)."""
    alpha = node.real("alpha", 1.0)
    tensor = node.tensor(0)
    return maximum(tensor, 0.0) + (op("Exp", minimum(tensor, 0.0) / alpha) - 1.0) * alpha


@rewrite("HardSigmoid")
def hard_sigmoid(node: Node) -> Tensor:
    """HardSigmoid is max(0, min(1, alpha x + beta)) (ONNX HardSigmoid-6)."""
    return clip(node.tensor(0) * node.real("alpha") + node.real("beta"), 0.0, 1.0)


@rewrite("ThresholdedRelu")
def thresholded_relu(node: Node) -> Tensor:
    """ThresholdedRelu is x above alpha and 0 elsewhere (ONNX ThresholdedRelu-10)."""
    tensor = node.tensor(0)
    return where(tensor > node.real("alpha", 1.0), tensor, 0.0)


@rewrite("Swish")
def swish(node: Node) -> Tensor:
    """Swish is x sigmoid(alpha x) (ONNX Swish-24)."""
    return node.tensor(0) * op("Sigmoid", node.tensor(0) * node.real("alpha", 1.0))


@rewrite("Shrink")
def shrink(node: Node) -> Tensor:
    """Shrink is x + bias below -lambd, x - bias above lambd, 0 between (ONNX Shrink-9)."""
    tensor = node.tensor(0)
    limit, bias = node.real("lambd"), node.real("bias")
    if not is_float(tensor.dtype):
        # Numbers of an integer tensor would be cut to integers: compare and shift in float.
        wide = as_float(tensor)
        return cast(where(wide < -limit, wide + bias, where(wide > limit, wide - bias, 0.0)), tensor.dtype)
    return where(tensor < -limit, tensor + bias, where(tensor > limit, tensor - bias, 0.0))


@rewrite("Mish")
def mish(node: Node) -> Tensor:
    """Mish is x tanh(softplus x) (ONNX Mish-18)."""
    return node.tensor(0) * op("Tanh", op("Softplus", node.tensor(0)))


@rewrite("Gelu", when=lambda node: node.text("approximate") == "tanh", wrong_in="2.6.9")
def gelu_tanh(node: Node) -> Tensor:
    """Gelu by tanh: x/2 (1 + tanh(sqrt(2/pi) (x + 0.044715 x**3))); the converter emits the exact Gelu.

    Source: ONNX Gelu-20, after Hendrycks and Gimpel, https://arxiv.org/abs/1606.08415.
    """
    tensor = node.tensor(0)
    inner = (tensor + tensor * tensor * tensor * 0.044715) * math.sqrt(2 / math.pi)
    return tensor * 0.5 * (op("Tanh", inner) + 1.0)


@rewrite("PRelu")
def prelu(node: Node) -> Tensor:
    """PRelu is max(x, 0) + slope min(x, 0); before opset 7 the slope is one number per channel."""
    tensor, slope = node.tensor(0), node.tensor(1)
    if is_integer(tensor.dtype):
        return where(tensor < 0, tensor * slope, tensor)
    if slope.rank == 1 and slope.size > 1 and node.opset < 7:
        slope = reshape(slope, (1, -1, *[1] * (tensor.rank - 2)))
    return maximum(tensor, 0.0) + minimum(tensor, 0.0) * slope


def _pow_plain(node: Node) -> bool:
    return is_float(node.dtype) and node.tensor(1).dtype == FLOAT32 and _exponent(node) not in (2.0, 3.0)


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


@rewrite("IsInf", when=lambda node: is_float(node.dtype))
def is_infinite(node: Node) -> Tensor:
    """IsInf compares with the infinities that it looks for (ONNX IsInf-20)."""
    tensor = node.tensor(0)
    limit = float(np.finfo(np.float32).max)
    positive, negative = node.integer("detect_positive", 1), node.integer("detect_negative", 1)
    if positive and negative:
        return op("Abs", tensor) > limit
    return tensor > limit if positive else tensor < -limit


@rewrite("Round", when=lambda node: not is_float(node.dtype))
def round_integer(node: Node) -> Tensor:
    """Rounding an integer does nothing."""
    return node.tensor(0)
