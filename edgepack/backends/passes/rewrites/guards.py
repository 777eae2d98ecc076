"""Guards on common operators that the converter takes and silently gets wrong.

Guards for one operator stand in the file of that operator; these are for Max, Clip and Where.
"""

from __future__ import annotations

import numpy as np

from edgepack.backends.passes.dtypes import BOOL, FLOAT32
from edgepack.backends.passes.forms import expand, minimum
from edgepack.backends.passes.node import Node
from edgepack.backends.passes.registry import rewrite
from edgepack.backends.passes.values import Tensor, constant, op

# Up to here the converter takes max(x, c) for max(x, 0); 1e-5 is known to be safe.
_TAKEN_FOR_ZERO = 1e-5


def _tiny(tensor: Tensor | None) -> bool:
    if tensor is None or tensor.constant is None or tensor.constant.size != 1:
        return False
    return 0 < abs(float(tensor.constant.reshape(-1)[0])) < _TAKEN_FOR_ZERO


def _max_tiny(node: Node) -> bool:
    if len(node.inputs) != 2 or node.dtype != FLOAT32:
        return False
    sides = (node.tensor(0), node.tensor(1))
    return any(_tiny(side) for side in sides) and any(side.constant is None for side in sides)


@rewrite("Max", when=_max_tiny, wrong_in="2.6.9")
def max_of_tiny(node: Node) -> Tensor:
    """max(x, c) is -min(-x, -c).

    For 0 < c <= 1e-7 the converter emits RELU, so that x / max(norm(x), c) becomes 0 / 0: swin_v2's NaN.
    """
    left, right = node.tensor(0), node.tensor(1)
    return -minimum(-left, -right)


@rewrite(
    "Clip",
    when=lambda node: node.dtype == FLOAT32 and node.opset >= 11 and _tiny(node.optional(1)),
    wrong_in="2.6.9",
)
def clip_from_tiny(node: Node) -> Tensor:
    """Clip(x, c, high) is min(-min(-x, -c), high), for the same reason as Max."""
    low = node.tensor(1)
    raised = -minimum(-node.tensor(0), -low)
    return minimum(raised, node.tensor(2)) if node.has(2) else raised


def _clip_tiny_attribute(node: Node) -> bool:
    low = node.real("min") if "min" in node.given else 0.0
    return node.opset < 11 and 0 < abs(low) < _TAKEN_FOR_ZERO


@rewrite("Clip", when=_clip_tiny_attribute, wrong_in="2.6.9")
def clip_from_tiny_attribute(node: Node) -> Tensor:
    """The same for Clip before opset 11, whose bounds are attributes."""
    tensor = node.tensor(0)
    raised = -minimum(-tensor, constant(-np.float32(node.real("min")), tensor))
    return minimum(raised, node.real("max")) if "max" in node.given else raised


def _where_broadcasts(node: Node) -> bool:
    tensors = [node.tensor(k) for k in range(3)]
    static = all(t.static for t in tensors) and tensors[1].dtype != BOOL
    return static and len({t.shape for t in tensors}) > 1


@rewrite("Where", when=_where_broadcasts, wrong_in="2.6.9")
def where_of_full_shape(node: Node) -> Tensor:
    """Where with its operands expanded to one shape becomes a SELECT.

    With operands to broadcast the converter emits c a + (1 - c) b, which is NaN where the branch that is not
    chosen is infinite or NaN.
    """
    tensors = [node.tensor(k) for k in range(3)]
    shape = np.broadcast_shapes(*(t.shape for t in tensors))
    return op("Where", *(expand(t, shape) for t in tensors))
