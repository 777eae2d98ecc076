"""Reshape and its kin become Reshape with a static shape; cuts and repeats become their plainest forms."""

from __future__ import annotations

import math

import numpy as np

from edgepack.backends.passes.dtypes import BOOL
from edgepack.backends.passes.forms import full, gather, pad, reshape, slice_axis, where
from edgepack.backends.passes.node import Node
from edgepack.backends.passes.registry import rewrite
from edgepack.backends.passes.values import Tensor, array_constant


def _plain_reshape(node: Node) -> bool:
    """A Reshape that does something, to a shape that is known in full."""
    if not node.has(1) or not node.known(1):
        return False
    wanted = node.ints(1, "shape")
    return min(wanted, default=1) > 0 and tuple(wanted) != node.tensor(0).shape


@rewrite("Reshape", when=lambda node: not _plain_reshape(node))
def reshape_static(node: Node) -> Tensor:
    """Reshape with 0 (keep) and -1 (the rest) resolved; before opset 5 the shape is an attribute.

    One that does nothing goes: the converter loses the data of an output that such a Reshape gives.
    """
    tensor = node.tensor(0)
    wanted = node.ints_of(1, "shape") or []
    if not node.integer("allowzero"):
        wanted = [tensor.shape[k] if size == 0 else size for k, size in enumerate(wanted)]
    return reshape(tensor, wanted)


@rewrite("Flatten")
def flatten(node: Node) -> Tensor:
    """Flatten is a Reshape to (product before axis, product from axis on)."""
    tensor = node.tensor(0)
    axis = node.integer("axis", 1)
    axis += tensor.rank if axis < 0 else 0
    return reshape(tensor, (math.prod(tensor.shape[:axis]), math.prod(tensor.shape[axis:])))


@rewrite("Squeeze")
def squeeze(node: Node) -> Tensor:
    """Squeeze is a Reshape without the axes named, or without all of size 1."""
    tensor, axes = node.tensor(0), node.ints_of(1, "axes")
    if axes is None:
        return reshape(tensor, [size for size in tensor.shape if size != 1])
    gone = {axis % tensor.rank for axis in axes}
    return reshape(tensor, [size for k, size in enumerate(tensor.shape) if k not in gone])


@rewrite("Unsqueeze")
def unsqueeze(node: Node) -> Tensor:
    """Unsqueeze is a Reshape with new axes of size 1."""
    tensor, axes = node.tensor(0), node.ints_of(1, "axes") or []
    rank = tensor.rank + len(axes)
    new = {axis % rank for axis in axes}
    sizes = iter(tensor.shape)
    return reshape(tensor, [1 if k in new else next(sizes) for k in range(rank)])


def _native_split(node: Node) -> bool:
    """Equal parts without sizes, which the converter finds itself."""
    return (
        not node.has(1)
        and "split" not in node.given
        and node.tensor(0).shape[node.axis(0)] % node.outputs == 0
    )


@rewrite("Split", when=lambda node: not _native_split(node))
def split_by_slices(node: Node) -> list[Tensor]:
    """Split is one Slice for each part.

    Without sizes the parts are equal, the last one smaller (Split-18). The converter's own form fails for
    most sizes that it does not read from an attribute.
    """
    tensor, count = node.tensor(0), node.outputs
    axis = node.axis(0)
    sizes = node.ints_of(1, "split")
    if sizes is None:
        size = tensor.shape[axis]
        each = -(-size // count)
        sizes = [max(0, min(each, size - k * each)) for k in range(count)]
    return [_cut(tensor, axis, sum(sizes[:k]), size) for k, size in enumerate(sizes)]


def _cut(tensor: Tensor, axis: int, start: int, size: int) -> Tensor:
    if size:
        return slice_axis(tensor, axis, start, start + size)
    return full((*tensor.shape[:axis], 0, *tensor.shape[axis + 1 :]), 0, tensor)


def slice_ranges(node: Node) -> list[tuple[int, range]]:
    """Per axis that a Slice cuts, the indices that it takes, as Python slices a range."""
    shape = node.tensor(0).shape
    starts = node.ints_of(1, "starts") or []
    ends = node.ints_of(2, "ends") or []
    axes = node.ints_of(3, "axes") or list(range(len(starts)))
    steps = node.ints(4, "steps") if node.has(4) else [1] * len(starts)
    taken = []
    for axis, start, end, step in zip(axes, starts, ends, steps, strict=True):
        size = shape[axis]
        # ONNX clamps an end before the front to -1 for negative steps, which Python would count from the end.
        stop = None if step < 0 and end < -size else end
        taken.append((axis % len(shape), range(size)[start:stop:step]))
    return taken


def _native_slice(node: Node) -> bool:
    """Constant bounds as inputs, negative ones too; steps forward."""
    known = all(node.known(k) for k in range(1, len(node.inputs)) if node.has(k))
    return node.opset >= 10 and known and (not node.has(4) or min(node.ints(4, "steps")) > 0)


@rewrite("Slice", when=lambda node: not _native_slice(node))
def slices(node: Node) -> Tensor:
    """Slice backwards by Gather; before opset 10, whose bounds are attributes, by bounds from the front."""
    tensor = node.tensor(0)
    for axis, taken in slice_ranges(node):
        if not taken:
            shape = [0 if k == axis else size for k, size in enumerate(tensor.shape)]
            tensor = full(shape, 0, tensor)
        elif taken.step > 0:
            tensor = slice_axis(tensor, axis, taken[0], taken[-1] + 1, taken.step)
        else:
            tensor = gather(tensor, np.array(taken, np.int64), axis)
    return tensor


@rewrite("Pad", when=lambda node: node.opset < 11, wrong_in="2.6.9")
def pad_by_attribute(node: Node) -> Tensor:
    """Pad of opset 1 and 2 holds pads and value as attributes; the converter ignores the value."""
    return _padded(node)


def _native_pad(node: Node) -> bool:
    """Constant, reflect or edge padding of all axes by known counts and value, of any rank."""
    known = node.known(1) and (node.known(2) or not node.has(2))
    return known and not node.has(3) and node.text("mode", "constant") != "wrap"


@rewrite("Pad", when=lambda node: node.opset >= 11 and not _native_pad(node))
def pad_by_concat(node: Node) -> Tensor:
    """Pad of chosen axes, by wrap or with a computed value: Concat, or Gather of indices (ONNX-19)."""
    return _padded(node)


def _padded(node: Node) -> Tensor:
    tensor = node.tensor(0)
    pads = node.ints(1, "pads") if node.has(1) else node.integers("pads") or node.integers("paddings")
    axes = node.ints(3, "axes") if node.has(3) else list(range(tensor.rank))
    before, after = [0] * tensor.rank, [0] * tensor.rank
    for k, axis in enumerate(axes):
        before[axis], after[axis] = pads[k], pads[k + len(axes)]
    mode = node.text("mode", "constant")
    if mode != "constant":
        return _padded_by_index(tensor, before, after, mode)
    value = node.optional(2)
    if value is None or value.constant is not None:
        number = node.real("value") if value is None else value.constant.item()  # type: ignore[union-attr]
        return pad(tensor, before, after, number)
    inside = pad(array_constant(np.ones(tensor.shape, BOOL), tensor), before, after, 0)
    return where(inside, pad(tensor, before, after), reshape(value, [1] * tensor.rank))


def _padded_by_index(tensor: Tensor, before: list[int], after: list[int], mode: str) -> Tensor:
    for axis, (low, high) in enumerate(zip(before, after, strict=True)):
        if low or high:
            indices = np.arange(tensor.shape[axis])
            indices = np.pad(indices, (max(0, low), max(0, high)), mode=mode)  # type: ignore[call-overload]
            indices = indices[max(0, -low) : len(indices) - max(0, -high)]
            tensor = gather(tensor, indices.astype(np.int64), axis)
    return tensor


@rewrite("CenterCropPad", structural=(1,))
def center_crop_pad(node: Node) -> Tensor:
    """CenterCropPad by Slice and Concat; an odd difference is one larger at the end (CenterCropPad-18)."""
    tensor, wanted = node.tensor(0), node.ints(1, "shape")
    axes = [axis % tensor.rank for axis in node.integers("axes", range(tensor.rank))]
    before, after = [0] * tensor.rank, [0] * tensor.rank
    for axis, size in zip(axes, wanted, strict=True):
        surplus = tensor.shape[axis] - size
        half = abs(surplus) // 2
        before[axis], after[axis] = (-half, half - surplus) if surplus > 0 else (half, -surplus - half)
    return pad(tensor, before, after)
