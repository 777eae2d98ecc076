"""Forms that several passes use. Each gives its input back when there is nothing to do."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

import numpy as np

from edgepack.backends.passes import hints
from edgepack.backends.passes.dtypes import BOOL, FLOAT32, INT64, Array, DType, Refusal, is_integer
from edgepack.backends.passes.values import Operand, Tensor, array_constant, constant, op

# Matrices that stand for an operation along an axis grow with its square; beyond this the model is refused.
MAX_MATRIX = 16 * 2**20


def reshape(tensor: Tensor, shape: Sequence[int]) -> Tensor:
    """Give the tensor another shape; one dimension may be -1."""
    target = [int(d) for d in shape]
    if -1 in target:
        rest = math.prod(d for d in target if d != -1)
        target[target.index(-1)] = tensor.size // max(1, rest)
    if tuple(target) == tensor.dims:
        return tensor
    return op("Reshape", tensor, np.array(target, np.int64))


def transpose(tensor: Tensor, order: Sequence[int]) -> Tensor:
    """Permute the axes."""
    perm = [int(axis) for axis in order]
    return tensor if perm == sorted(perm) else op("Transpose", tensor, perm=perm)


def slice_axis(tensor: Tensor, axis: int, start: int, stop: int, step: int = 1) -> Tensor:
    """Take indices start, start+step, … below stop of one axis; 0 <= start <= stop."""
    if (start, step) == (0, 1) and stop == tensor.shape[axis]:
        return tensor
    bounds = [np.array([v], np.int64) for v in (start, stop, axis, step)]
    return op("Slice", tensor, *bounds)


def index_axis(tensor: Tensor, axis: int, index: int) -> Tensor:
    """Take one index of an axis, which goes."""
    taken = slice_axis(tensor, axis, index, index + 1)
    return reshape(taken, tensor.shape[:axis] + tensor.shape[axis + 1 :])


def concat(tensors: Sequence[Tensor], axis: int) -> Tensor:
    """Join tensors along an axis; empty ones are left out."""
    filled = [t for t in tensors if not t.static or t.size] or [tensors[0]]
    return filled[0] if len(filled) == 1 else op("Concat", *filled, axis=int(axis))


def gather(tensor: Tensor, indices: Tensor | Array, axis: int) -> Tensor:
    """Take non-negative indices along an axis."""
    return op("Gather", tensor, indices, axis=int(axis))


def reduce(kind: str, tensor: Tensor, axes: Sequence[int], *, keepdims: bool = True) -> Tensor:
    """ReduceSum, ReduceMean, … over axes; no axes give the tensor itself."""
    if not axes:
        return tensor
    return op(f"Reduce{kind}", tensor, np.array(axes, np.int64), keepdims=int(keepdims))


def maximum(tensor: Tensor, other: Operand) -> Tensor:
    """Elementwise maximum."""
    return op("Max", tensor, other)


def minimum(tensor: Tensor, other: Operand) -> Tensor:
    """Elementwise minimum."""
    return op("Min", tensor, other)


def clip(tensor: Tensor, low: float, high: float) -> Tensor:
    """Limit to a closed range."""
    return minimum(maximum(tensor, low), high)


def elu(tensor: Tensor, alpha: float) -> Tensor:
    """max(x, 0) + alpha (exp(min(x, 0)) - 1); the exponential never sees a positive number."""
    return maximum(tensor, 0.0) + (op("Exp", minimum(tensor, 0.0)) - 1.0) * alpha


def equal(tensor: Tensor, other: Operand) -> Tensor:
    """Elementwise equality."""
    return op("Equal", tensor, other)


def where(condition: Tensor, chosen: Operand, other: Operand) -> Tensor:
    """Choose by a condition; a number takes the other branch's dtype."""
    like = chosen if isinstance(chosen, Tensor) else other
    assert isinstance(like, Tensor)
    branches = [b if isinstance(b, Tensor) else constant(b, like) for b in (chosen, other)]
    return op("Where", condition, *branches)


def cast(tensor: Tensor, dtype: DType) -> Tensor:
    """Convert to another logical dtype, as ONNX's Cast does."""
    from edgepack.backends.passes.schemas import element_type

    return tensor if tensor.dtype == dtype else op("Cast", tensor, to=element_type(dtype))


def retag(tensor: Tensor, dtype: DType) -> Tensor:
    """The same stored numbers, taken for another logical dtype."""
    return tensor if tensor.dtype == dtype else tensor.builder.retag(tensor, dtype)


def expand(tensor: Tensor, shape: Sequence[int]) -> Tensor:
    """Broadcast to exactly this shape."""
    target = tuple(int(d) for d in shape)
    return tensor if target == tensor.dims else op("Expand", tensor, np.array(target, np.int64))


def full(shape: Sequence[int], value: float, like: Tensor) -> Tensor:
    """A constant tensor of one value, in another tensor's dtype."""
    return array_constant(np.full(tuple(shape), value, like.dtype), like)


def pad(tensor: Tensor, before: Sequence[int], after: Sequence[int], value: float = 0.0) -> Tensor:
    """Pad with a constant, or crop where a count is negative.

    Made of Concat and Slice: the converter takes Pad for image padding and guesses at a layout.
    """
    for axis in range(tensor.rank):
        size = tensor.shape[axis]
        start, stop = max(0, -before[axis]), size - max(0, -after[axis])
        tensor = slice_axis(tensor, axis, start, max(start, stop))
        rim = [
            full((*tensor.shape[:axis], max(0, count), *tensor.shape[axis + 1 :]), value, tensor)
            for count in (before[axis], after[axis])
        ]
        tensor = concat([rim[0], tensor, rim[1]], axis)
    return tensor


def split(tensor: Tensor, axis: int, sizes: Sequence[int]) -> list[Tensor]:
    """Cut an axis into pieces."""
    ends = list(itertools.accumulate(sizes))
    return [slice_axis(tensor, axis, end - size, end) for end, size in zip(ends, sizes, strict=True)]


def apply_matrix(tensor: Tensor, axis: int, matrix: Array) -> Tensor:
    """Multiply an axis, as a row vector, by a constant matrix of shape (size, new size).

    Raises:
        Refusal: The matrix would be larger than `MAX_MATRIX`.
    """
    check_matrix(matrix.size)
    order = [k for k in range(tensor.rank) if k != axis] + [axis]
    moved = transpose(tensor, order)
    flat = reshape(moved, (-1, moved.shape[-1]))
    result = flat @ array_constant(matrix.astype(tensor.dtype), tensor)
    return transpose(reshape(result, (*moved.shape[:-1], matrix.shape[1])), np.argsort(order).tolist())


def check_matrix(elements: int) -> None:
    """Refuse a form whose size grows with the square of the tensor's once it is unreasonable."""
    if elements > MAX_MATRIX:
        raise Refusal(
            f"its only known form is a table of {elements} elements, above the limit of {MAX_MATRIX}",
            hints.LARGE,
        )


def wrap_negative(index: Tensor, size: int) -> Tensor:
    """Count negative indices from the end, as ONNX does."""
    if index.constant is not None:
        return array_constant(np.where(index.constant < 0, index.constant + size, index.constant), index)
    return where(index < 0, index + size, index)


def along(values: Array, axis: int, rank: int) -> Array:
    """Shape a vector so that it broadcasts along one axis of a tensor of that rank."""
    return values.reshape([-1 if k == axis else 1 for k in range(rank)])


def as_float(tensor: Tensor) -> Tensor:
    """The numbers as float32; exact for integers up to 2**24."""
    return cast(tensor, FLOAT32)


def as_index(tensor: Tensor) -> Tensor:
    """The numbers as int64, the dtype of indices."""
    return cast(tensor, INT64)


def through_float(tensor: Tensor, result: Tensor) -> Tensor:
    """Bring a result computed in float32 back to the dtype of the tensor that it was computed from."""
    if tensor.dtype == BOOL or is_integer(tensor.dtype):
        return cast(op("Round", result), tensor.dtype)
    return cast(result, tensor.dtype)
