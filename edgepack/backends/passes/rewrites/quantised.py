"""Quantised operators, computed in float32: exact for 8-bit operands up to 2**24 in the sums."""

from __future__ import annotations

import numpy as np

from edgepack.backends.passes import hints
from edgepack.backends.passes.dtypes import INT32, NARROW, DType, Refusal
from edgepack.backends.passes.forms import (
    as_float,
    cast,
    clip,
    gather,
    maximum,
    minimum,
    reduce,
    reshape,
    retag,
)
from edgepack.backends.passes.node import Node
from edgepack.backends.passes.registry import rewrite
from edgepack.backends.passes.rewrites.convolutions import convolve
from edgepack.backends.passes.schemas import numpy_dtype
from edgepack.backends.passes.values import Tensor, op
from edgepack.backends.passes.windows import windows_of


def _aligned(parameter: Tensor, tensor: Tensor, axis: int, block: int) -> Tensor:
    """Shape a scale or zero point, whole, per axis or per block, to broadcast with a tensor."""
    if parameter.size == 1:
        return reshape(parameter, [1] * tensor.rank)
    if parameter.rank == 1:
        return reshape(parameter, [-1 if k == axis else 1 for k in range(tensor.rank)])
    size = tensor.shape[axis]
    block = block or size // parameter.shape[axis]
    return gather(parameter, np.repeat(np.arange(parameter.shape[axis]), block)[:size], axis)


def _quantised(real: Tensor, zero_point: Tensor | None, dtype: DType) -> Tensor:
    """clip(round(x) + zero point) as the narrow type; the rounding is to even, as ONNX asks."""
    if dtype.name not in NARROW:
        raise Refusal(f"quantising to {dtype.name} has no counterpart on the phone", hints.WIDTH)
    low, high = NARROW[dtype.name]
    steps = op("Round", real)
    if zero_point is not None:
        steps = steps + as_float(zero_point)
    return retag(cast(clip(steps, low, high), INT32), dtype)


@rewrite("QuantizeLinear")
def quantize(node: Node) -> Tensor:
    """QuantizeLinear: clip(round(x / scale) + zero point), per tensor, axis or block (ONNX-21)."""
    tensor, zero_point = as_float(node.tensor(0)), node.optional(2)
    dtype = np.dtype(np.uint8) if zero_point is None else zero_point.dtype
    if zero_point is None and node.integer("output_dtype"):
        dtype = numpy_dtype(node.integer("output_dtype"))
    axis, block = node.axis(1), node.integer("block_size")
    scale = _aligned(as_float(node.tensor(1)), tensor, axis, block)
    offset = None if zero_point is None else _aligned(zero_point, tensor, axis, block)
    return _quantised(tensor / scale, offset, dtype)


@rewrite("DequantizeLinear")
def dequantize(node: Node) -> Tensor:
    """DequantizeLinear: (x - zero point) scale (ONNX-21)."""
    tensor, zero_point = as_float(node.tensor(0)), node.optional(2)
    axis, block = node.axis(1), node.integer("block_size")
    if zero_point is not None:
        tensor = tensor - _aligned(as_float(zero_point), tensor, axis, block)
    scale = node.tensor(1)
    return cast(tensor * _aligned(as_float(scale), tensor, axis, block), scale.dtype)


@rewrite("DynamicQuantizeLinear")
def dynamic_quantize(node: Node) -> list[Tensor]:
    """DynamicQuantizeLinear to uint8 by the range of the data, zero included (ONNX-11)."""
    tensor = node.tensor(0)
    axes = list(range(tensor.rank))
    high = maximum(reduce("Max", tensor, axes, keepdims=False), 0.0)
    low = minimum(reduce("Min", tensor, axes, keepdims=False), 0.0)
    scale = (high - low) / 255.0
    uint8 = np.dtype(np.uint8)
    zero_point = retag(cast(op("Round", clip(-low / scale, 0.0, 255.0)), INT32), uint8)
    result = _quantised(tensor / reshape(scale, [1] * tensor.rank), _aligned(zero_point, tensor, 0, 0), uint8)
    return [result, scale, zero_point]


def _centred(tensor: Tensor, zero_point: Tensor | None, *, rows: bool) -> Tensor:
    """x - zero point in float32; a vector of zero points holds one for each row or for each column."""
    real = as_float(tensor)
    if zero_point is None:
        return real
    offset = as_float(zero_point)
    if offset.size == 1:
        return real - reshape(offset, [1] * tensor.rank)
    return real - (reshape(offset, (-1, 1)) if rows and offset.rank == 1 else offset)


@rewrite("MatMulInteger")
def matmul_integer(node: Node) -> Tensor:
    """MatMulInteger: (a - a's zero point) (b - b's zero point) (ONNX-10)."""
    left = _centred(node.tensor(0), node.optional(2), rows=True)
    right = _centred(node.tensor(1), node.optional(3), rows=False)
    return cast(left @ right, INT32)


@rewrite("QLinearMatMul")
def qlinear_matmul(node: Node) -> Tensor:
    """QLinearMatMul: the product of the centred operands, scaled and quantised anew (ONNX-21)."""
    left, left_scale, left_zero, right, right_scale, right_zero, scale, zero_point = (
        node.tensor(k) for k in range(8)
    )
    product = _centred(left, left_zero, rows=True) @ _centred(right, right_zero, rows=False)
    real = product * _scalar(left_scale) * _scalar(right_scale) / _scalar(scale)
    return _quantised(real, _scalar(zero_point), zero_point.dtype)


def _scalar(parameter: Tensor) -> Tensor:
    whole = parameter.size == 1
    real = as_float(parameter)
    return reshape(real, (1,)) if whole else real


@rewrite("ConvInteger")
def conv_integer(node: Node) -> Tensor:
    """ConvInteger: Conv of the centred operands (ONNX-10)."""
    return cast(_convolved(node, node.tensor(0), node.optional(2), node.tensor(1), node.optional(3)), INT32)


@rewrite("QLinearConv")
def qlinear_conv(node: Node) -> Tensor:
    """QLinearConv: Conv of the centred operands plus an int32 bias, scaled and quantised anew (ONNX-10)."""
    tensor, tensor_scale, tensor_zero, weights, weight_scale, weight_zero, scale, zero_point = (
        node.tensor(k) for k in range(8)
    )
    total = _convolved(node, tensor, tensor_zero, weights, weight_zero)
    if node.has(8):
        total = total + _per_map(as_float(node.tensor(8)), total.rank)
    factor = _per_map(as_float(weight_scale), total.rank) * _per_map(as_float(tensor_scale), total.rank)
    real = total * factor / _per_map(as_float(scale), total.rank)
    return _quantised(real, _per_map(zero_point, total.rank), zero_point.dtype)


def _per_map(parameter: Tensor, rank: int) -> Tensor:
    return reshape(parameter, (1, -1, *[1] * (rank - 2)))


def _convolved(
    node: Node, tensor: Tensor, zero: Tensor | None, weights: Tensor, weight_zero: Tensor | None
) -> Tensor:
    centred = _centred(tensor, zero, rows=False)
    kernel = as_float(weights)
    if weight_zero is not None:
        kernel = kernel - reshape(as_float(weight_zero), (-1, *[1] * (weights.rank - 1)))
    windows = windows_of(node, weights.shape[2:], tensor.shape[2:])
    return convolve(centred, kernel, None, windows, node.integer("group", 1))
