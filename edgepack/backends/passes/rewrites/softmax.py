"""Softmax and its kin in the meaning that they had before opset 13, and Hardmax's default axis."""

from __future__ import annotations

import math

from edgepack.backends.passes.forms import reshape
from edgepack.backends.passes.node import Node
from edgepack.backends.passes.registry import rewrite
from edgepack.backends.passes.values import Tensor, op


def _flattens_several(node: Node) -> bool:
    """Before opset 13 all axes from `axis` (1) on count as one; that is the last one only by chance."""
    return node.opset < 13 and node.axis(1) != node.tensor(0).rank - 1


@rewrite("Softmax", "LogSoftmax", "Hardmax", when=_flattens_several, wrong_in="2.6.9")
def softmax_flattened(node: Node) -> Tensor:
    """Before opset 13 these are over all axes from `axis` on; the converter takes the one axis only."""
    tensor, axis = node.tensor(0), node.axis(1)
    matrix = reshape(tensor, (math.prod(tensor.shape[:axis]), math.prod(tensor.shape[axis:])))
    return reshape(op(node.op_type, matrix, axis=1), tensor.shape)


def _hardmax_by_default(node: Node) -> bool:
    return node.opset >= 13 and "axis" not in node.given and node.tensor(0).rank > 2


@rewrite("Hardmax", when=_hardmax_by_default, wrong_in="2.6.9")
def hardmax_default_axis(node: Node) -> Tensor:
    """Hardmax without `axis` is over the last one from opset 13 on; the converter takes axis 1."""
    return op("Hardmax", node.tensor(0), axis=node.tensor(0).rank - 1)
