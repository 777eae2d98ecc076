"""Gather and its kin: non-negative flat indices, which is all that the runtime takes."""

from __future__ import annotations

import math

import numpy as np

from edgepack.backends.passes.dtypes import INT64, Array
from edgepack.backends.passes.forms import along, gather, reshape, slice_axis, wrap_negative
from edgepack.backends.passes.node import Node
from edgepack.backends.passes.registry import rewrite
from edgepack.backends.passes.values import Tensor, array_constant


def strides(shape: tuple[int, ...]) -> list[int]:
    """How far apart neighbours along each axis lie in the flattened tensor."""
    return [math.prod(shape[k + 1 :]) for k in range(len(shape))]


def offsets(shape: tuple[int, ...], steps: list[int], axes: list[int]) -> Array:
    """What the positions along some axes add to a flat index, for a tensor of indices of this shape."""
    total = np.zeros(shape, np.int64)
    for axis in axes:
        total += along(np.arange(shape[axis]) * steps[axis], axis, len(shape))
    return total


def flat_elements(indices: Tensor, shape: tuple[int, ...], axis: int) -> Tensor:
    """Flat indices of the elements that GatherElements and ScatterElements address."""
    steps = strides(shape)
    others = [k for k in range(len(shape)) if k != axis]
    flat = wrap_negative(indices, shape[axis]) * steps[axis]
    return reshape(flat + array_constant(offsets(indices.shape, steps, others), indices), (-1,))


def flat_tuples(indices: Tensor, shape: tuple[int, ...]) -> Tensor:
    """Flat indices out of index tuples in the last axis; the shape is that of the axes addressed."""
    steps = strides(shape)
    total: Tensor | None = None
    for k, step in enumerate(steps):
        part = wrap_negative(slice_axis(indices, indices.rank - 1, k, k + 1), shape[k]) * step
        total = part if total is None else total + part
    assert total is not None
    return reshape(total, indices.shape[:-1])


def _counts_from_front(node: Node) -> bool:
    """Constant indices without a negative one; the runtime stops at those in GATHER_ND."""
    indices = node.tensor(1).constant
    return indices is not None and bool((indices >= 0).all())


@rewrite("GatherElements", when=lambda node: not _counts_from_front(node))
def gather_elements(node: Node) -> Tensor:
    """GatherElements is Gather of flat indices from the flattened tensor (ONNX GatherElements-13)."""
    tensor, indices = node.tensor(0), node.tensor(1)
    flat = flat_elements(indices, tensor.shape, node.axis(0))
    return reshape(gather(reshape(tensor, (-1,)), flat, 0), indices.shape)


@rewrite("GatherND", when=lambda node: not _counts_from_front(node))
def gather_nd(node: Node) -> Tensor:
    """GatherND is Gather of flat indices along the axes that the tuples address (ONNX GatherND-13)."""
    tensor, indices = node.tensor(0), node.tensor(1)
    batch, depth = node.integer("batch_dims"), indices.shape[-1]
    rest = tensor.shape[batch + depth :]
    flat = flat_tuples(indices, tensor.shape[batch : batch + depth])
    steps = [s // math.prod(rest) for s in strides(tensor.shape)[:batch]]
    if batch:
        flat = flat + array_constant(offsets(flat.shape, steps, list(range(batch))), flat)
    rows = reshape(tensor, (-1, *rest))
    return reshape(gather(rows, reshape(flat, (-1,)), 0), (*flat.shape, *rest))


@rewrite("ReverseSequence", structural=(1,))
def reverse_sequence(node: Node) -> Tensor:
    """ReverseSequence is one Gather of flat indices; the lengths must be known (ONNX ReverseSequence-10)."""
    tensor = node.tensor(0)
    batch, time = node.integer("batch_axis", 1), node.integer("time_axis", 0)
    lengths = along(np.array(node.ints(1, "sequence_lens")), batch, tensor.rank)
    steps = along(np.arange(tensor.shape[time]), time, tensor.rank)
    source = np.where(steps < lengths, lengths - 1 - steps, steps)
    others = [k for k in range(tensor.rank) if k != time]
    flat = source * strides(tensor.shape)[time] + offsets(tensor.shape, strides(tensor.shape), others)
    taken = gather(reshape(tensor, (-1,)), flat.reshape(-1).astype(INT64), 0)
    return reshape(taken, tensor.shape)


@rewrite("Compress", structural=(1,))
def compress(node: Node) -> Tensor:
    """Compress with a known condition is a Gather of the chosen indices (ONNX Compress-11)."""
    tensor = node.tensor(0)
    chosen = np.nonzero(node.constant(1, "condition"))[0].astype(np.int64)
    if "axis" not in node.given:
        return gather(reshape(tensor, (-1,)), chosen, 0)
    return gather(tensor, chosen, node.axis(0))
