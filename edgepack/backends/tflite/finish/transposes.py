"""Takes out TRANSPOSE operators by choosing the layout in which each operator computes.

A TRANSPOSE joins two layouts of one value. Where operators compute the same in any layout (`flexible`), the
TRANSPOSE may stand before or behind them, or meet its inverse and vanish. For a pair of layouts, such as
channels first and last, all those choices together are a minimum cut: vertices are the flexible operators,
terminals the two layouts, where every other operator has its place for good, and each value costs a
TRANSPOSE when its producer is parted from a reader. The cheapest cut is thus the best choice for the whole
graph, and no list of patterns is needed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from math import inf, log2, prod
from typing import TYPE_CHECKING

from edgepack.backends.tflite.finish.cut import Edge, Vertex, source_part
from edgepack.backends.tflite.finish.flexible import Order, inverse, same_memory, transpose_order
from edgepack.backends.tflite.finish.relayout import Relayout
from edgepack.backends.tflite.finish.values import TERMINALS, Value, Values, find_values

if TYPE_CHECKING:
    from edgepack.backends.tflite.finish.model import FlatModel

# Costs of a cut. What counts is how many operators there are; of equally many, small ones are best.
_TRANSPOSE, _RESHAPE, _PER_DOUBLING, _MOVE = 100_000, 80_000, 100, 1


def remove_transposes(model: FlatModel) -> bool:
    """Leave as few TRANSPOSE operators in a model as its other operators allow.

    Returns:
        Whether anything changed.
    """
    changed = False
    # What goes for one pair of layouts may let more go for another. Each change leaves fewer operators.
    while _choose_all_layouts(model):
        changed = True
    return changed


def _choose_all_layouts(model: FlatModel) -> bool:
    changed = False
    for order in _orders(model):
        changed |= _choose_layouts(model, order)
    return changed


def _orders(model: FlatModel) -> list[Order]:
    """Give the orders that TRANSPOSEs bring about, the most frequent first; of inverse ones, one."""
    counted = Counter(filter(None, (transpose_order(model, operator) for operator in model.operators)))
    orders: list[Order] = []
    for order, _ in counted.most_common():
        if inverse(order) not in orders:
            orders.append(order)
    return orders


def _choose_layouts(model: FlatModel, order: Order) -> bool:
    """Find the best layouts for one pair of them, and change the model if they take anything out."""
    values = find_values(model, order)
    costs = [_cost(model, value, order) for value in values.all]
    part = source_part(_edges(values, costs))
    chosen: dict[Vertex, int] = {TERMINALS[0]: 0, TERMINALS[1]: 1}
    chosen.update({position: int(position not in part) for position in values.flexible})
    before = Counter(model.operators[position].kind for position in values.changes)
    relayout = Relayout(model, order, values, chosen)
    after = relayout.count()
    if after["TRANSPOSE"] > before["TRANSPOSE"] or after.total() > before.total() or after == before:
        return False
    relayout.apply()
    return True


def _cost(model: FlatModel, value: Value, order: Order) -> int:
    """What it costs to have a value in both layouts."""
    tensor, layout = next(iter(value.layouts.items()))
    shape = model.shape(tensor)
    changed = same_memory(shape, inverse(order) if layout else order)
    return (_RESHAPE if changed else _TRANSPOSE) + _PER_DOUBLING * int(log2(max(1, prod(shape))))


def _edges(values: Values, costs: list[int]) -> Iterator[Edge]:
    for position, layout in values.flexible.items():
        # Where nothing is gained, everything stays as it is.
        yield (TERMINALS[0], position, _MOVE) if layout == 0 else (position, TERMINALS[1], _MOVE)
    for index, (value, cost) in enumerate(zip(values.all, costs, strict=True)):
        producer = value.producer.vertex
        readers = {use.vertex for use in value.readers} - {None, producer}
        for reader in readers if len(readers) == 1 else ():
            yield producer, reader, cost
            yield reader, producer, cost
        if len(readers) > 1:
            # One TRANSPOSE serves all readers in the other layout: they share an edge of that cost.
            before, behind = ("from", index), ("to", index)
            yield producer, before, cost
            yield behind, producer, cost
            for reader in readers:
                yield before, reader, inf
                yield reader, behind, inf
