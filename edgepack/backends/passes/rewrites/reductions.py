"""Reductions: five that the runtime has, the others as formulas of those, and arg-reductions."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from edgepack.backends.passes.dtypes import BOOL, INT32, NARROW
from edgepack.backends.passes.forms import cast, gather, reduce
from edgepack.backends.passes.native import REDUCTIONS
from edgepack.backends.passes.node import Node
from edgepack.backends.passes.registry import rewrite
from edgepack.backends.passes.values import Tensor, op

# What each reduction does to a single number, for those that change it (ONNX Reduce*-18).
_ALONE: dict[str, Callable[[Tensor], Tensor]] = {
    "L1": lambda x: op("Abs", x),
    "L2": lambda x: op("Abs", x),
    "LogSum": lambda x: op("Log", x),
    "SumSquare": lambda x: x * x,
}


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


@rewrite(*REDUCTIONS, when=lambda node: not _plain(node))
def reduction(node: Node) -> Tensor:
    """Reductions with axes as sorted non-negative constants; bools and narrow integers go by int32.

    With no axes at all (noop_with_empty_axes) each number is reduced alone.
    """
    tensor, kind, axes = node.tensor(0), node.op_type.removeprefix("Reduce"), _axes(node)
    wide = cast(tensor, INT32) if tensor.dtype == BOOL or tensor.dtype.name in NARROW else tensor
    if axes:
        result = reduce(kind, wide, axes, keepdims=bool(node.integer("keepdims", 1)))
    else:
        result = _ALONE[kind](wide) if kind in _ALONE else wide
    return cast(result, tensor.dtype)


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
