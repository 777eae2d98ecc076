"""Reductions: five that the runtime has, the others as formulas of those, and arg-reductions."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from edgepack.backends.passes.dtypes import BOOL, INT32, NARROW
from edgepack.backends.passes.forms import cast, clip, gather, reduce, reshape
from edgepack.backends.passes.node import Node
from edgepack.backends.passes.registry import rewrite
from edgepack.backends.passes.values import Tensor, op

_NATIVE = ("ReduceSum", "ReduceMean", "ReduceMax", "ReduceMin", "ReduceProd")
_LARGEST = 3e38  # below float32's largest, so that infinities do not turn to NaN in differences


def _axes(node: Node) -> list[int]:
    """The axes from the front, in order; none means all, unless noop_with_empty_axes says otherwise."""
    rank = node.tensor(0).rank
    axes = node.ints_of(1, "axes")
    if not axes:
        return [] if node.integer("noop_with_empty_axes") else list(range(rank))
    return sorted(axis % rank for axis in axes)


def _plain(node: Node) -> bool:
    typed = node.dtype != BOOL and node.dtype.name not in NARROW
    return typed and node.has(1) and node.known(1) and node.ints(1, "axes") == _axes(node) != []


@rewrite(*_NATIVE, when=lambda node: not _plain(node))
def reduction(node: Node) -> Tensor:
    """The runtime's own reductions, with axes given as sorted non-negative constants; bools go by int32."""
    tensor = node.tensor(0)
    wide = cast(tensor, INT32) if tensor.dtype == BOOL or tensor.dtype.name in NARROW else tensor
    result = reduce(node.op_type.removeprefix("Reduce"), wide, _axes(node), keepdims=_keepdims(node))
    return cast(result, tensor.dtype)


def _keepdims(node: Node) -> bool:
    return bool(node.integer("keepdims", 1))


def _by_sum(
    before: Callable[[Tensor], Tensor], after: Callable[[Tensor], Tensor]
) -> Callable[[Node], Tensor]:
    def rewritten(node: Node) -> Tensor:
        return after(reduce("Sum", before(node.tensor(0)), _axes(node), keepdims=_keepdims(node)))

    return rewritten


@rewrite("ReduceL1")
def reduce_l1(node: Node) -> Tensor:
    """ReduceL1 is sum |x|."""
    return _by_sum(lambda x: op("Abs", x), lambda s: s)(node)


@rewrite("ReduceSumSquare")
def reduce_sum_square(node: Node) -> Tensor:
    """ReduceSumSquare is sum x**2."""
    return _by_sum(lambda x: x * x, lambda s: s)(node)


@rewrite("ReduceL2")
def reduce_l2(node: Node) -> Tensor:
    """ReduceL2 is sqrt(sum x**2)."""
    return _by_sum(lambda x: x * x, lambda s: op("Sqrt", s))(node)


@rewrite("ReduceLogSum")
def reduce_log_sum(node: Node) -> Tensor:
    """ReduceLogSum is log(sum x)."""
    return _by_sum(lambda x: x, lambda s: op("Log", s))(node)


@rewrite("ReduceLogSumExp")
def reduce_log_sum_exp(node: Node) -> Tensor:
    """ReduceLogSumExp is log(sum exp(x - m)) + m with m = max x, so that exp does not overflow."""
    tensor, axes = node.tensor(0), _axes(node)
    largest = clip(reduce("Max", tensor, axes), -_LARGEST, _LARGEST)
    result = op("Log", reduce("Sum", op("Exp", tensor - largest), axes)) + largest
    if _keepdims(node):
        return result
    return reshape(result, [size for k, size in enumerate(tensor.shape) if k not in axes])


def _arg_plain(node: Node) -> bool:
    return not node.integer("select_last_index") and node.dtype.name not in NARROW and node.dtype != BOOL


@rewrite("ArgMax", "ArgMin", when=lambda node: not _arg_plain(node))
def arg_extremum(node: Node) -> Tensor:
    """The last index of an extremum is size - 1 minus the first index in the reversed axis."""
    tensor, axis = node.tensor(0), node.axis(0)
    wide = cast(tensor, INT32) if tensor.dtype == BOOL or tensor.dtype.name in NARROW else tensor
    keep = node.integer("keepdims", 1)
    if not node.integer("select_last_index"):
        return op(node.op_type, wide, axis=axis, keepdims=keep)
    size = tensor.shape[axis]
    backwards = gather(wide, np.arange(size)[::-1].copy(), axis)
    first = op(node.op_type, backwards, axis=axis, keepdims=keep)
    return (size - 1) - first
