"""Nodes that vanish: what they give is known once shapes are static, or is their input."""

from __future__ import annotations

import numpy as np

from edgepack.backends.passes import hints
from edgepack.backends.passes.dtypes import BOOL, Refusal
from edgepack.backends.passes.forms import full
from edgepack.backends.passes.node import Node
from edgepack.backends.passes.registry import rewrite
from edgepack.backends.passes.values import Tensor, Value, array_constant


@rewrite("Shape")
def shape(node: Node) -> Tensor:
    """Shape of a static shape is a constant; `start` and `end` cut it as a Python slice does (Shape-15)."""
    tensor = node.tensor(0)
    cut = slice(node.integer("start"), node.attributes.get("end"))
    return array_constant(np.array(tensor.shape[cut], np.int64), tensor)


@rewrite("Size")
def size(node: Node) -> Tensor:
    """Size of a static shape is a constant."""
    tensor = node.tensor(0)
    return array_constant(np.array(tensor.size, np.int64), tensor)


@rewrite("Identity", dynamic=True)
def identity(node: Node) -> Value:
    """Identity is its input, whatever kind of value that is."""
    return node.inputs[0]


def _training(node: Node) -> bool:
    """Whether Dropout drops anything: training_mode and a ratio above 0 (Dropout-12)."""
    if not node.has(2):
        return False
    mode, ratio = node.tensor(2).constant, node.optional(1)
    known_zero = ratio is not None and ratio.constant is not None and not ratio.constant.any()
    return (mode is None or bool(mode.any())) and not known_zero


@rewrite("Dropout", structural=(1, 2))
def dropout(node: Node) -> list[Tensor]:
    """Dropout at inference is its input, and its mask is all true."""
    if _training(node):
        raise Refusal("in training mode it draws random numbers", hints.RANDOM)
    tensor = node.tensor(0)
    mask = array_constant(np.ones(tensor.shape, BOOL), tensor)
    return [tensor, mask if node.opset >= 10 else full(tensor.shape, 1, tensor)]


@rewrite("EyeLike")
def eye_like(node: Node) -> Tensor:
    """EyeLike of a static shape is a constant: ones on diagonal k of an otherwise zero matrix."""
    from edgepack.backends.passes.schemas import numpy_dtype

    tensor = node.tensor(0)
    dtype = numpy_dtype(node.integer("dtype")) if "dtype" in node.given else tensor.dtype
    rows, columns = tensor.shape
    return array_constant(np.eye(rows, columns, node.integer("k")).astype(dtype), tensor)
