"""Sequences and optionals: kept as lists while converting, gone in the file."""

from __future__ import annotations

import numpy as np

from edgepack.backends.passes.dtypes import BOOL, Refusal
from edgepack.backends.passes.forms import concat, reshape, slice_axis
from edgepack.backends.passes.node import Node
from edgepack.backends.passes.registry import rewrite
from edgepack.backends.passes.values import Tensor, TensorSequence, Value, array_constant


def _position(node: Node, index: int, default: int) -> int:
    return node.ints(index, "position")[0] if node.has(index) else default


@rewrite("SequenceConstruct", dynamic=True)
def construct(node: Node) -> Value:
    """A sequence of the inputs."""
    return TensorSequence(tuple(node.tensor(k) for k in range(len(node.inputs))))


@rewrite("SequenceEmpty", dynamic=True)
def empty(node: Node) -> Value:  # noqa: ARG001  every pass takes the node
    """A sequence of nothing."""
    return TensorSequence(())


@rewrite("SequenceAt", dynamic=True, structural=(1,))
def at(node: Node) -> Value:
    """One item."""
    return node.sequence(0)[_position(node, 1, 0)]


@rewrite("SequenceInsert", dynamic=True, structural=(2,))
def insert(node: Node) -> Value:
    """A longer sequence; at the end when no position is given."""
    items = list(node.sequence(0))
    items.insert(_position(node, 2, len(items)), node.tensor(1))
    return TensorSequence(tuple(items))


@rewrite("SequenceErase", dynamic=True, structural=(1,))
def erase(node: Node) -> Value:
    """A shorter sequence; without the last item when no position is given."""
    items = list(node.sequence(0))
    items.pop(_position(node, 1, -1))
    return TensorSequence(tuple(items))


@rewrite("SequenceLength", dynamic=True)
def length(node: Node) -> Value:
    """The number of items, which is known."""
    items = node.sequence(0)
    if not items:
        raise Refusal("the length of an empty sequence stands alone")
    return array_constant(np.array(len(items), np.int64), items[0])


@rewrite("ConcatFromSequence", dynamic=True)
def concat_from(node: Node) -> Value:
    """Concat of the items, along an axis of theirs or a new one."""
    items = node.sequence(0)
    axis = node.integer("axis")
    if not node.integer("new_axis"):
        return concat(items, axis % items[0].rank)
    axis %= items[0].rank + 1
    return concat([reshape(t, (*t.shape[:axis], 1, *t.shape[axis:])) for t in items], axis)


@rewrite("SplitToSequence", structural=(1,))
def split_to(node: Node) -> Value:
    """One slice for each part; without sizes one for each index, whose axis goes unless keepdims."""
    tensor = node.tensor(0)
    axis = node.axis(0)
    size = tensor.shape[axis]
    if not node.has(1):
        sizes, keep = [1] * size, bool(node.integer("keepdims", 1))
    else:
        given = node.constant(1, "split")
        sizes, keep = [int(n) for n in np.atleast_1d(given)], True
        if given.ndim == 0:
            whole, rest = divmod(size, sizes[0])
            sizes = [sizes[0]] * whole + [rest] * bool(rest)
    ends = np.cumsum(sizes)
    parts = [slice_axis(tensor, axis, int(e) - n, int(e)) for e, n in zip(ends, sizes, strict=True)]
    shape = tensor.shape[:axis] + tensor.shape[axis + 1 :]
    return TensorSequence(tuple(part if keep else reshape(part, shape) for part in parts))


@rewrite("SequenceMap", dynamic=True)
def sequence_map(node: Node) -> list[Value]:
    """The body, once for each item (ONNX SequenceMap-17)."""
    count = len(node.sequence(0))
    rounds = []
    for k in range(count):
        inputs = [v.items[k] if isinstance(v, TensorSequence) else v for v in node.inputs]
        rounds.append(node.body(node.attributes["body"], inputs))
    columns = [[r[k] for r in rounds] for k in range(node.outputs)]
    return [TensorSequence(tuple(v for v in column if isinstance(v, Tensor))) for column in columns]


@rewrite("Optional", dynamic=True)
def optional(node: Node) -> Value:
    """Its element, or nothing."""
    return node.inputs[0] if node.inputs else None


@rewrite("OptionalGetElement", dynamic=True)
def optional_get(node: Node) -> Value:
    """The element itself."""
    if not node.inputs or node.inputs[0] is None:
        raise Refusal("it asks for an element that is not there")
    return node.inputs[0]


@rewrite("OptionalHasElement", dynamic=True)
def optional_has(node: Node) -> Value:
    """Known while converting."""
    there = bool(node.inputs) and node.inputs[0] is not None
    return Tensor(node.builder, BOOL, (), "", np.array(there))
