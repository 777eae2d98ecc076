"""Softmax and its kin: always over the last axis of a matrix."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from edgepack.backends.passes.forms import cast, equal, reduce, reshape, transpose
from edgepack.backends.passes.node import Node
from edgepack.backends.passes.registry import rewrite
from edgepack.backends.passes.values import Tensor, op


def _flattens(node: Node) -> bool:
    return node.opset < 13


def _plain_softmax(node: Node) -> bool:
    return not _flattens(node) and node.axis(-1) == node.tensor(0).rank - 1 and node.tensor(0).rank <= 4


@rewrite("Hardmax", when=lambda node: "axis" not in node.given, wrong_in="2.6.9")
def hardmax_default_axis(node: Node) -> Tensor:
    """Hardmax without `axis`: the last one from opset 13 on; the converter takes axis 1."""
    return _hardmax_rows(node)


@rewrite("Hardmax")
def hardmax(node: Node) -> Tensor:
    """Hardmax is 1 at the first largest element of the axis, 0 elsewhere (ONNX Hardmax-13)."""
    return _hardmax_rows(node)


def _hardmax_rows(node: Node) -> Tensor:
    def rows(matrix: Tensor) -> Tensor:
        first = op("ArgMax", matrix, axis=1, keepdims=1)
        columns = np.arange(matrix.shape[1], dtype=np.int64)[None]
        return cast(equal(first, columns), matrix.dtype)

    return _by_rows(node, rows)


@rewrite("Softmax", when=lambda node: not _plain_softmax(node))
def softmax(node: Node) -> Tensor:
    """Softmax over another axis, or before opset 13 over all axes from `axis` on, flattened."""
    return _by_rows(node, lambda matrix: op("Softmax", matrix, axis=1))


@rewrite("LogSoftmax")
def log_softmax(node: Node) -> Tensor:
    """LogSoftmax is d - log(sum exp d) with d = x - max x."""

    def rows(matrix: Tensor) -> Tensor:
        difference = matrix - reduce("Max", matrix, [1])
        return difference - op("Log", reduce("Sum", op("Exp", difference), [1]))

    return _by_rows(node, rows)


def _by_rows(node: Node, rows: Callable[[Tensor], Tensor]) -> Tensor:
    tensor = node.tensor(0)
    axis = node.axis(1 if _flattens(node) else -1)
    if _flattens(node):
        matrix = reshape(tensor, (math.prod(tensor.shape[:axis]), math.prod(tensor.shape[axis:])))
        return reshape(rows(matrix), tensor.shape)
    order = [k for k in range(tensor.rank) if k != axis] + [axis]
    moved = transpose(tensor, order)
    matrix = reshape(moved, (-1, tensor.shape[axis]))
    return transpose(reshape(rows(matrix), moved.shape), np.argsort(order).tolist())
