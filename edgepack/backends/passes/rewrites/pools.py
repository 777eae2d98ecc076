"""Pools that the converter lacks or gets wrong: strided slices, joined axis by axis."""

from __future__ import annotations

import math
import operator

import numpy as np

from edgepack.backends.passes.dtypes import NARROW, is_float
from edgepack.backends.passes.forms import as_float, check_matrix, equal, maximum, pad, reshape, where
from edgepack.backends.passes.node import Node
from edgepack.backends.passes.registry import rewrite
from edgepack.backends.passes.rewrites.gather import strides
from edgepack.backends.passes.values import Tensor, array_constant, op
from edgepack.backends.passes.windows import Windows, windows_of

_LOWEST = -3.4e38  # in float32


def _windows(node: Node) -> Windows:
    return windows_of(node, node.integers("kernel_shape"), node.tensor(0).shape[2:])


def _native_pool(node: Node) -> bool:
    """A float pool, undilated and with one output."""
    plain = max(node.integers("dilations", [1])) == 1 and node.outputs == 1
    return plain and is_float(node.dtype) and node.tensor(0).rank <= 5


def _padded_volume(node: Node) -> bool:
    padded = any(node.integers("pads")) or node.text("auto_pad").startswith("SAME")
    return node.tensor(0).rank == 5 and padded and is_float(node.dtype)


def _counted_beyond(node: Node) -> bool:
    return bool(node.integer("count_include_pad")) and bool(node.integer("ceil_mode"))


@rewrite("MaxPool", when=lambda node: node.outputs == 1 and _padded_volume(node), wrong_in="2.6.9")
def max_pool_volume(node: Node) -> list[Tensor]:
    """MaxPool over three axes with padding, which the converter leaves out or pads with zeros."""
    return _max_pool(node)


@rewrite("AveragePool", when=lambda node: _padded_volume(node) or _counted_beyond(node), wrong_in="2.6.9")
def average_pool_padded(node: Node) -> Tensor:
    """AveragePool over three padded axes, or counting padding with ceil_mode: edge windows come out wrong."""
    return _average_pool(node)


@rewrite("MaxPool", when=lambda node: not _native_pool(node))
def max_pool(node: Node) -> list[Tensor]:
    """MaxPool with dilation, three axes, integers or indices: the maximum of strided slices (ONNX-12)."""
    return _max_pool(node)


def _max_pool(node: Node) -> list[Tensor]:
    tensor, windows = node.tensor(0), _windows(node)
    lowest = _LOWEST if is_float(tensor.dtype) else NARROW.get(tensor.dtype.name, (-(2**31), 0))[0]
    if node.outputs == 1:
        return [windows.join(tensor, lowest, maximum)]
    largest: Tensor | None = None
    index: Tensor | None = None
    for tap, part in windows.cut(tensor, lowest):
        here = array_constant(_flat_index(node, windows, tap), tensor)
        if largest is None or index is None:
            largest, index = part, here
            continue
        index = where(part > largest, here, index)
        largest = maximum(largest, part)
    assert largest is not None
    assert index is not None
    return [largest, index]


def _flat_index(
    node: Node, windows: Windows, tap: tuple[int, ...]
) -> np.ndarray[tuple[int, ...], np.dtype[np.int64]]:
    """Where in the whole flattened input a tap reads, for every window of every channel."""
    channels = node.tensor(0).shape[:2]
    rank = len(windows.size)
    steps = strides(windows.size)
    if node.integer("storage_order"):
        steps = [math.prod(windows.size[:k]) for k in range(rank)]
    index = np.arange(math.prod(channels)).reshape(*channels, *[1] * rank) * math.prod(windows.size)
    for k in range(rank):
        at = windows.positions(k, tap[k]) * steps[k]
        index = index + at.reshape([-1 if axis == k + 2 else 1 for axis in range(rank + 2)])
    return np.ascontiguousarray(np.broadcast_to(index, (*channels, *windows.out))).astype(np.int64)


@rewrite("AveragePool", when=lambda node: not _native_pool(node))
def average_pool(node: Node) -> Tensor:
    """AveragePool with dilation: the sum of slices by the number of taps (ONNX-19)."""
    return _average_pool(node)


def _average_pool(node: Node) -> Tensor:
    tensor, windows = node.tensor(0), _windows(node)
    total = windows.join(tensor, 0.0, operator.add)
    counts = np.maximum(windows.counts(padding=bool(node.integer("count_include_pad"))), 1)
    return total * array_constant((1 / counts).astype(tensor.dtype)[None, None], tensor)


def _beyond_the_edge(node: Node) -> bool:
    return node.text("auto_pad", "NOTSET").startswith("SAME") or bool(node.integer("ceil_mode"))


@rewrite("LpPool", when=_beyond_the_edge, wrong_in="2.6.9")
def lp_pool_beyond(node: Node) -> Tensor:
    """LpPool with SAME padding or ceil_mode: the converter overcounts the taps of windows at the edge."""
    return _lp_pool(node)


def _native_lp_pool(node: Node) -> bool:
    plain = max(node.integers("dilations", [1])) == 1 and not any(node.integers("pads"))
    return plain and node.tensor(0).rank == 4


@rewrite("LpPool", when=lambda node: not _native_lp_pool(node))
def lp_pool(node: Node) -> Tensor:
    """LpPool is (sum |x|**p)**(1/p) over each window (ONNX LpPool-18)."""
    return _lp_pool(node)


def _lp_pool(node: Node) -> Tensor:
    order = node.integer("p", 2)
    return _root(_windows(node).join(_powered(node.tensor(0), order), 0.0, operator.add), order)


def _powered(tensor: Tensor, order: int) -> Tensor:
    if order == 1:
        return op("Abs", tensor)
    return tensor * tensor if order == 2 else op("Pow", op("Abs", tensor), float(order))


def _root(tensor: Tensor, order: int) -> Tensor:
    if order == 1:
        return tensor
    return op("Sqrt", tensor) if order == 2 else op("Pow", tensor, 1 / order)


@rewrite("MaxUnpool", structural=(2,))
def max_unpool(node: Node) -> Tensor:
    """MaxUnpool puts each value where its index in the unpooled tensor says, by a table of ones.

    The indices address the shape without `output_shape`; what that adds is zeros behind (ONNX-11).
    """
    tensor, indices = node.tensor(0), node.tensor(1)
    kernel = node.integers("kernel_shape")
    rank = len(kernel)
    steps, pads = node.integers("strides", [1] * rank), node.integers("pads", [0] * (2 * rank))
    spatial = [
        (tensor.shape[2 + k] - 1) * steps[k] + kernel[k] - pads[k] - pads[k + rank] for k in range(rank)
    ]
    shape = [*tensor.shape[:2], *spatial]
    check_matrix(tensor.size * math.prod(shape))
    table = as_float(equal(reshape(indices, (-1, 1)), np.arange(math.prod(shape))[None]))
    result = reshape(reshape(tensor, (1, -1)) @ table, shape)
    wanted = node.ints(2, "output_shape") if node.has(2) else shape
    return pad(result, [0] * len(shape), [w - s for w, s in zip(wanted, shape, strict=True)])
