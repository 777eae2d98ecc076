"""Normalisations as formulas of means: the converter lacks most of their variants."""

from __future__ import annotations

from edgepack.backends.passes.forms import reduce, reshape
from edgepack.backends.passes.node import Node
from edgepack.backends.passes.registry import rewrite
from edgepack.backends.passes.values import Tensor, op


def _per_channel(vector: Tensor, rank: int) -> Tensor:
    return reshape(vector, (1, -1, *[1] * (rank - 2))) if rank > 1 else vector


def _centred(tensor: Tensor, axes: list[int]) -> tuple[Tensor, Tensor, Tensor]:
    """The mean, the difference from it and the (biased) variance over axes, which stay as size 1."""
    mean = reduce("Mean", tensor, axes)
    difference = tensor - mean
    return mean, difference, reduce("Mean", difference * difference, axes)


def _folded(node: Node) -> bool:
    """Inference with constant statistics, which the converter folds into one multiplication."""
    return node.outputs == 1 and all(node.known(k) for k in range(1, 5)) and not node.integer("training_mode")


@rewrite("BatchNormalization", when=lambda node: not _folded(node))
def batch_normalization(node: Node) -> list[Tensor]:
    """BatchNormalization with statistics that are computed, or in training mode.

    y = scale (x - mean) / sqrt(var + epsilon) + bias; running statistics are
    momentum old + (1 - momentum) new (ONNX BatchNormalization-15).
    """
    tensor, scale, bias, mean, variance = (node.tensor(k) for k in range(5))
    epsilon, rank = node.real("epsilon", 1e-5), tensor.rank
    if not node.integer("training_mode"):
        factor = scale / op("Sqrt", variance + epsilon)
        return [tensor * _per_channel(factor, rank) + _per_channel(bias - mean * factor, rank)]
    now, difference, spread = _centred(tensor, [k for k in range(rank) if k != 1])
    momentum, channels = node.real("momentum", 0.9), (tensor.shape[1],)
    result = _per_channel(scale, rank) * difference / op("Sqrt", spread + epsilon) + _per_channel(bias, rank)
    running = [
        old * momentum + reshape(new, channels) * (1 - momentum)
        for old, new in ((mean, now), (variance, spread))
    ]
    return [result, *running][: node.outputs]


@rewrite("InstanceNormalization", when=lambda node: not (node.known(1) and node.known(2)))
def instance_normalization(node: Node) -> Tensor:
    """InstanceNormalization: mean and variance of each channel of each image (ONNX-6)."""
    tensor = node.tensor(0)
    _, difference, variance = _centred(tensor, list(range(2, tensor.rank)))
    normal = difference / op("Sqrt", variance + node.real("epsilon", 1e-5))
    return normal * _per_channel(node.tensor(1), tensor.rank) + _per_channel(node.tensor(2), tensor.rank)


def _native_group_norm(node: Node) -> bool:
    per_channel = node.opset >= 21 and node.known(1) and node.known(2)
    return per_channel and node.tensor(0).rank == 4


@rewrite("GroupNormalization", when=lambda node: not _native_group_norm(node))
def group_normalization(node: Node) -> Tensor:
    """GroupNormalization: statistics over groups of channels; scale per group before opset 21."""
    tensor, scale, bias = (node.tensor(k) for k in range(3))
    groups = node.integer("num_groups")
    _, difference, variance = _centred(reshape(tensor, (tensor.shape[0], groups, -1)), [2])
    normal = difference / op("Sqrt", variance + node.real("epsilon", 1e-5))
    if node.opset < 21:
        grouped = normal * reshape(scale, (1, groups, 1)) + reshape(bias, (1, groups, 1))
        return reshape(grouped, tensor.shape)
    rank = tensor.rank
    return reshape(normal, tensor.shape) * _per_channel(scale, rank) + _per_channel(bias, rank)


def _native_lp_norm(node: Node) -> bool:
    return node.integer("p", 2) == 2 and node.axis(-1) == node.tensor(0).rank - 1


@rewrite("LpNormalization", when=lambda node: not _native_lp_norm(node))
def lp_normalization(node: Node) -> Tensor:
    """LpNormalization divides by the norm of order 1 or 2 along an axis (ONNX-1)."""
    tensor, axes = node.tensor(0), [node.axis(-1)]
    if node.integer("p", 2) == 1:
        return tensor / reduce("Sum", op("Abs", tensor), axes)
    return tensor / op("Sqrt", reduce("Sum", tensor * tensor, axes))
