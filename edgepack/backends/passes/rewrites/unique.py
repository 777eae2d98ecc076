"""Unique, as ranks from a table of comparisons."""

from __future__ import annotations

import numpy as np

from edgepack.backends.passes.forms import (
    as_float,
    as_index,
    check_matrix,
    equal,
    reduce,
    reshape,
    slice_axis,
    transpose,
)
from edgepack.backends.passes.node import Node
from edgepack.backends.passes.registry import rewrite
from edgepack.backends.passes.values import Tensor, array_constant, op


@rewrite("Unique")
def unique(node: Node) -> list[Tensor]:
    """Unique rows: a row is first if it equals none before it; its rank counts the firsts below it.

    Needs a table of rows by rows; the number of results depends on data (ONNX Unique-11).
    """
    tensor = node.tensor(0)
    axis = node.axis(0)
    if "axis" not in node.given:
        tensor, axis = reshape(tensor, (-1,)), 0
    order = [axis, *(k for k in range(tensor.rank) if k != axis)]
    rows = reshape(as_float(transpose(tensor, order)), (tensor.shape[axis], -1))
    count = rows.shape[0]
    check_matrix(count * count * rows.shape[1])
    below, same = _compared(rows)
    triangle = np.tril(np.ones((count, count), np.float32), -1)
    first = as_float(equal(reduce("Sum", same * triangle, [1]), 0.0))
    precedes = below if node.integer("sorted", 1) else array_constant(triangle.T.copy(), rows)
    rank = reshape(reduce("Sum", precedes * first, [0], keepdims=False), (count, 1))
    numbers = np.arange(count, dtype=np.float32)
    place = as_float(equal(rank, numbers[None])) * first
    source = reduce("Sum", place * numbers[:, None], [0], keepdims=False)
    valid = array_constant(numbers, rows) < reduce("Sum", first, [0, 1], keepdims=False)
    filled = op("Reshape", op("NonZero", valid), np.array([-1], np.int64))
    index = op("Gather", as_index(source), filled, axis=0)
    inverse = reduce("Sum", same * reshape(first * rank, (1, count)), [1], keepdims=False)
    counts = op("Gather", as_index(reduce("Sum", same, [1], keepdims=False)), index, axis=0)
    results = [op("Gather", tensor, index, axis=axis), index, as_index(inverse), counts]
    return results[: node.outputs]


def _compared(rows: Tensor) -> tuple[Tensor, Tensor]:
    """Two tables of zeros and ones: row i is below row j in dictionary order, and row i equals row j."""
    count, width = rows.shape
    zeros = np.zeros((count, count), np.float32)
    below, same = array_constant(zeros, rows), array_constant(zeros + 1, rows)
    for k in range(width):
        column = slice_axis(rows, 1, k, k + 1)
        across = reshape(column, (1, count))
        below = below + same * as_float(column < across)
        same = same * as_float(equal(column, across))
    return below, same
