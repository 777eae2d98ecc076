"""Scatter and its kin, OneHot and Trilu: tables of ones where an element goes."""

from __future__ import annotations

import math

import numpy as np

from edgepack.backends.passes.dtypes import BOOL, FLOAT32
from edgepack.backends.passes.forms import (
    along,
    as_float,
    as_index,
    cast,
    check_matrix,
    equal,
    expand,
    full,
    maximum,
    minimum,
    reduce,
    reshape,
    slice_axis,
    through_float,
    where,
    wrap_negative,
)
from edgepack.backends.passes.node import Node
from edgepack.backends.passes.registry import rewrite
from edgepack.backends.passes.rewrites.gather import flat_elements, flat_tuples
from edgepack.backends.passes.values import Tensor, array_constant, op

_LARGEST = 3e38


def _native(node: Node) -> bool:
    """Without reduction the converter scatters itself, negative indices included."""
    return node.text("reduction", "none") == "none" and node.op_type != "Scatter"


@rewrite("ScatterElements", "Scatter", when=lambda node: not _native(node))
def scatter_elements(node: Node) -> Tensor:
    """ScatterElements by flat indices and a table of ones (ONNX ScatterElements-18)."""
    tensor, indices, updates = node.tensor(0), node.tensor(1), node.tensor(2)
    flat = flat_elements(indices, tensor.shape, node.axis(0))
    return _scattered(tensor, flat, updates, node.text("reduction", "none"))


@rewrite("ScatterND", when=lambda node: not _native(node))
def scatter_nd(node: Node) -> Tensor:
    """ScatterND by flat indices and a table of ones (ONNX ScatterND-18)."""
    tensor, indices, updates = node.tensor(0), node.tensor(1), node.tensor(2)
    depth = indices.shape[-1]
    inner = math.prod(tensor.shape[depth:])
    rows = reshape(flat_tuples(indices, tensor.shape[:depth]), (-1, 1)) * inner
    flat = rows + array_constant(np.arange(inner)[None], rows)
    return _scattered(tensor, reshape(flat, (-1,)), updates, node.text("reduction", "none"))


def _scattered(tensor: Tensor, flat: Tensor, updates: Tensor, reduction: str) -> Tensor:
    """Bring K updates into S elements through a K by S table that is 1 where update k goes to element s."""
    size, count = tensor.size, flat.size
    check_matrix(size * count)
    old = as_float(reshape(tensor, (1, size)))
    new = as_float(reshape(updates, (count, 1)))
    hit = equal(reshape(flat, (count, 1)), np.arange(size)[None])
    table = as_float(hit)
    if reduction == "none":
        kept = 1.0 - reduce("Max", table, [0])
        result = reshape(new, (1, count)) @ table + old * kept
    elif reduction == "add":
        result = old + reshape(new, (1, count)) @ table
    elif reduction == "mul":
        result = old * reduce("Prod", new * table + (1.0 - table), [0])
    else:
        absent = full((count, size), -_LARGEST if reduction == "max" else _LARGEST, new)
        reached = reduce(reduction.capitalize(), where(hit, expand(new, (count, size)), absent), [0])
        result = (maximum if reduction == "max" else minimum)(old, reached)
    return reshape(through_float(tensor, result), tensor.shape)


@rewrite("TensorScatter")
def tensor_scatter(node: Node) -> Tensor:
    """TensorScatter writes a block of a cache from given positions on (ONNX TensorScatter-24)."""
    cache, update = node.tensor(0), node.tensor(1)
    axis = node.axis(-2)
    size, count = cache.shape[axis], update.shape[axis]
    starts = node.optional(2) or array_constant(np.zeros(cache.shape[0], np.int64), cache)
    positions = reshape(starts, (-1, 1)) + array_constant(np.arange(count)[None], starts)
    if node.text("mode", "linear") == "circular":
        positions = op("Mod", positions, size)
    aligned = [cache.shape[0] if k == 0 else count if k == axis else 1 for k in range(cache.rank)]
    indices = expand(reshape(positions, aligned), update.shape)
    flat = flat_elements(indices, cache.shape, axis)
    return _scattered(cache, flat, update, "none")


@rewrite("OneHot", when=lambda node: not (node.known(1) and node.known(2)), structural=(1,))
def one_hot(node: Node) -> Tensor:
    """OneHot compares with 0 … depth-1 along the new axis: hit (on - off) + off (ONNX OneHot-11)."""
    indices, values = as_index(node.tensor(0)), node.tensor(2)
    depth, rank = node.ints(1, "depth")[0], indices.rank + 1
    axis = node.axis(-1, rank)
    indices = wrap_negative(indices, depth)
    column = reshape(indices, (*indices.shape[:axis], 1, *indices.shape[axis:]))
    hit = cast(equal(column, along(np.arange(depth), axis, rank)), FLOAT32)
    numbers = as_float(values)
    off, on = slice_axis(numbers, 0, 0, 1), slice_axis(numbers, 0, 1, 2)
    return cast(hit * (on - off) + off, values.dtype)


@rewrite("Trilu", when=lambda node: node.has(1) and not node.known(1), structural=(1,))
def trilu(node: Node) -> Tensor:
    """Trilu keeps where column - row >= k (upper) or <= k (lower) and gives 0 elsewhere (ONNX Trilu-14)."""
    tensor = node.tensor(0)
    if not tensor.size:
        return tensor
    rows, columns = tensor.shape[-2:]
    difference = array_constant(np.arange(columns)[None] - np.arange(rows)[:, None], tensor)
    diagonal = node.optional(1) or array_constant(np.zeros((), np.int64), tensor)
    diagonal = as_index(diagonal)
    kept = difference >= diagonal if node.integer("upper", 1) else difference <= diagonal
    kept = reshape(kept, (*[1] * (tensor.rank - 2), rows, columns))
    if tensor.dtype == BOOL:
        return cast(where(kept, cast(tensor, FLOAT32), 0.0), BOOL)
    return where(kept, tensor, 0)
