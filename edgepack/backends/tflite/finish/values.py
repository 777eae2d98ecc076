"""Which tensors hold one value, in which of two layouts each is, and who makes and reads it.

For an order p of axes, layout 1 of a value is its layout 0 transposed by p. Every TRANSPOSE by p or its
inverse joins two tensors of one value; so does a RESHAPE that moves nothing but axes of size 1. Operators
that compute in any layout have all their tensors in the same one. A tensor that nothing tells the layout of
is said to be in layout 0: which is which makes no difference there.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from edgepack.backends.tflite.finish.cut import SINK, SOURCE, Vertex
from edgepack.backends.tflite.finish.flexible import (
    Order,
    can_follow,
    find_ports,
    inverse,
    moved,
    reads_memory,
    same_memory,
    transpose_order,
)
from edgepack.backends.tflite.finish.parity_union_find import GROUND, ParityUnionFind

if TYPE_CHECKING:
    from edgepack.backends.tflite.finish.model import FlatModel, Operator

type Step = tuple[int, int | None]
"""What an operator that only changes the layout does: 1 for another, 0 for none; and its input's layout."""

OUTSIDE = -1
"""In place of an operator's position: the graph's own inputs and outputs."""
TERMINALS = (SOURCE, SINK)
"""The vertices of layouts 0 and 1."""


@dataclass(frozen=True, slots=True)
class Use:
    """Where a value is made or read.

    Attributes:
        at: The operator's position, or `OUTSIDE`.
        tensor: By which tensor.
        vertex: Whose layout it has there: the operator's, if that is flexible, or one of `TERMINALS`; None
            where both layouts will do.
    """

    at: int
    tensor: int
    vertex: Vertex | None


@dataclass(slots=True)
class Value:
    """A value in one or two layouts.

    Attributes:
        layouts: Per tensor that holds it, its layout.
        producer: Where it is made.
        readers: Where it is read, operators that only change the layout left out.
    """

    layouts: dict[int, int]
    producer: Use
    readers: list[Use] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Values:
    """The values of a graph, for one pair of layouts.

    Attributes:
        all: The values.
        changes: Positions of operators that only change the layout.
        flexible: Positions of operators that compute in any, with the one they compute in now.
    """

    all: tuple[Value, ...]
    changes: frozenset[int]
    flexible: Mapping[int, int]


def find_values(model: FlatModel, order: Order) -> Values:
    """Sort a graph's tensors by value and layout.

    Args:
        model: The model.
        order: Of layout 1's axes in layout 0.
    """
    layouts, values = ParityUnionFind(), ParityUnionFind()
    changes = frozenset(_join_changes(model, order, layouts, values))
    ports: dict[int, set[int]] = {}
    for position, operator in enumerate(model.operators):
        found = None if position in changes else find_ports(model, operator, len(order))
        if found is None:
            continue
        tensors = [operator.inputs[k] for k in found.inputs] + [operator.outputs[k] for k in found.outputs]
        if all(layouts.join(tensors[0], other, 0) for other in tensors):
            ports[position] = set(tensors)
    touched = {layouts.root(model.operators[position].inputs[0]) for position in changes}
    layout = {one: layouts.side(one) for one in layouts.tensors() if layouts.root(one) in touched}
    flexible = {}
    for position, tensors_of in ports.items():
        current = layout.get(next(iter(tensors_of)))
        if current is not None and can_follow(
            model, model.operators[position], (order, inverse(order))[current]
        ):
            flexible[position] = current
    reader = _Uses(model, order, layout, {k: ports[k] for k in flexible})
    groups: dict[Hashable, dict[int, int]] = {}
    for tensor, side in layout.items():
        groups.setdefault(values.root(tensor), {})[tensor] = side
    return Values(tuple(reader.collect(groups.values(), changes)), changes, flexible)


class _Uses:
    """Finds where values are made and read."""

    def __init__(
        self, model: FlatModel, order: Order, layout: Mapping[int, int], ports: Mapping[int, set[int]]
    ) -> None:
        self._model = model
        self._orders = (order, inverse(order))
        self._layout = layout
        self._ports = ports

    def collect(self, groups: Iterable[dict[int, int]], changes: frozenset[int]) -> list[Value]:
        """Make a value of each group of tensors."""
        made = {
            tensor: Use(OUTSIDE, tensor, TERMINALS[side])
            for tensor, side in self._layout.items()
            if tensor in self._model.inputs
        }
        read: dict[int, list[Use]] = {tensor: [] for tensor in self._layout}
        for position, operator in enumerate(self._model.operators):
            if position in changes:
                continue
            for tensor in self._layout.keys() & set(operator.outputs):
                made[tensor] = self._use(position, tensor)
            for tensor in self._layout.keys() & set(operator.inputs):
                read[tensor].append(self._use(position, tensor, free=self._is_free(operator, tensor)))
        for tensor in self._layout.keys() & set(self._model.outputs):
            read[tensor].append(Use(OUTSIDE, tensor, TERMINALS[self._layout[tensor]]))
        values = []
        for layouts in groups:
            (producer,) = (made[tensor] for tensor in layouts if tensor in made)
            values.append(Value(layouts, producer, [use for tensor in layouts for use in read[tensor]]))
        return values

    def _use(self, position: int, tensor: int, *, free: bool = False) -> Use:
        if free:
            return Use(position, tensor, None)
        own = tensor in self._ports.get(position, ())
        return Use(position, tensor, position if own else TERMINALS[self._layout[tensor]])

    def _is_free(self, operator: Operator, tensor: int) -> bool:
        order = self._orders[self._layout[tensor]]
        return reads_memory(operator, tensor) and same_memory(self._model.shape(tensor), order)


def _join_changes(
    model: FlatModel, order: Order, layouts: ParityUnionFind, values: ParityUnionFind
) -> Iterator[int]:
    """Join the tensors of operators that only change the layout, and give those operators' positions."""
    pinned = {*model.inputs, *model.outputs}
    for position, operator in enumerate(model.operators):
        step = _layout_step(model, operator, order)
        if step is None:
            continue
        before, after = operator.inputs[0], operator.outputs[0]
        known = step[1] is None or layouts.join(GROUND, before, step[1])
        if not known or not layouts.join(before, after, step[0]):
            continue
        # A graph's own tensors must stay; two of one value in one layout could not.
        ends = [one for one in pinned if values.root(one) in (values.root(before), values.root(after))]
        if len({layouts.side(one) for one in ends}) == len(ends):
            values.join(before, after, 0)
            yield position


def _layout_step(model: FlatModel, operator: Operator, order: Order) -> Step | None:
    """Tell what an operator does to the layout, if it does nothing else."""
    if operator.kind not in ("TRANSPOSE", "RESHAPE") or model.is_constant(operator.inputs[0]):
        return None
    back, same = inverse(order), tuple(range(len(order)))
    if operator.kind == "TRANSPOSE":
        own = transpose_order(model, operator)
        found = [one for one in {order, back, same} if one == own]
    else:
        before, after = model.shape(operator.inputs[0]), model.shape(operator.outputs[0])
        orders = {order, back} if len(before) == len(order) and before != after else {same}
        found = [one for one in orders if _only_moves_units(before, after, one)]
    if len(found) != 1:
        return None
    if found == [same]:
        return 0, None
    return 1, None if order == back else int(found == [back])


def _only_moves_units(before: tuple[int, ...], after: tuple[int, ...], order: Order) -> bool:
    return len(before) == len(order) and after == moved(before, order) and same_memory(before, order)
