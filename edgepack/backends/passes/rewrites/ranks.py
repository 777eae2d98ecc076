"""Tensors of more axes than the runtime's kernels have."""

from __future__ import annotations

import itertools
import math

from edgepack.backends.passes.forms import concat, reshape, slice_axis
from edgepack.backends.passes.node import Node
from edgepack.backends.passes.registry import rewrite
from edgepack.backends.passes.rewrites.shapes import slice_ranges
from edgepack.backends.passes.values import Tensor, op

_MOST_AXES = 6  # of TFLite's STRIDED_SLICE and of its broadcasting kernels, as of 2.16


def _slices_many_axes(node: Node) -> bool:
    if node.tensor(0).rank <= _MOST_AXES or node.opset < 10:
        return False
    known = all(node.known(k) for k in range(1, len(node.inputs)) if node.has(k))
    return known and all(len(taken) and taken.step > 0 for _, taken in slice_ranges(node))


@rewrite("Slice", when=_slices_many_axes, wrong_in="2.6.9")
def slice_of_many_axes(node: Node) -> Tensor:
    """Slice of more than 6 axes, one axis at a time between two merged ones; the converter loses an axis."""
    tensor = node.tensor(0)
    for axis, taken in slice_ranges(node):
        before, after = tensor.shape[:axis], tensor.shape[axis + 1 :]
        flat = reshape(tensor, (math.prod(before), tensor.shape[axis], math.prod(after)))
        cut = slice_axis(flat, 1, taken[0], taken[-1] + 1, taken.step)
        tensor = reshape(cut, (*before, len(taken), *after))
    return tensor


def _aligned_shapes(node: Node) -> list[tuple[int, ...]]:
    tensors = [node.tensor(0), node.tensor(1)]
    rank = max(tensor.rank for tensor in tensors)
    return [(*[1] * (rank - tensor.rank), *tensor.shape) for tensor in tensors]


def _broadcasts_along_many_runs(node: Node) -> bool:
    """True when runs of axes that are broadcast alike, which the runtime merges, are still too many."""
    if not all(node.tensor(k).static for k in (0, 1)):
        return False
    patterns = [(left == 1, right == 1) for left, right in zip(*_aligned_shapes(node), strict=True)]
    return sum(1 for _ in itertools.groupby(patterns)) > _MOST_AXES


@rewrite("Add", "Sub", "Mul", "Div", when=_broadcasts_along_many_runs, wrong_in="2.6.9")
def broadcast_along_many_runs(node: Node) -> Tensor:
    """Arithmetic that broadcasts along more than 6 runs of axes: one operand is repeated along the shortest.

    That joins the run to its neighbours; the runtime computes something else than asked.
    """
    shapes = _aligned_shapes(node)
    sizes = [max(pair) for pair in zip(*shapes, strict=True)]
    unlike = [axis for axis, pair in enumerate(zip(*shapes, strict=True)) if pair[0] != pair[1]]
    axis = min(unlike, key=lambda k: sizes[k])
    operands = [reshape(node.tensor(k), shape) for k, shape in enumerate(shapes)]
    short = 0 if shapes[0][axis] == 1 else 1
    shape = shapes[short]
    row = reshape(operands[short], (math.prod(shape[:axis]), 1, math.prod(shape[axis:])))
    repeated = concat([row] * sizes[axis], 1)
    operands[short] = reshape(repeated, (*shape[:axis], sizes[axis], *shape[axis + 1 :]))
    return op(node.op_type, *operands)
