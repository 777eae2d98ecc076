"""Changes a model to layouts that were chosen for its operators."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from edgepack.backends.tflite.finish.flexible import Order, follow, inverse, moved, same_memory
from edgepack.backends.tflite.finish.values import OUTSIDE, Value, Values

if TYPE_CHECKING:
    from edgepack.backends.tflite.finish.cut import Vertex
    from edgepack.backends.tflite.finish.model import FlatModel, Operator


class Relayout:
    """One choice of layouts, between layout 0 and its transpose by `order`."""

    def __init__(self, model: FlatModel, order: Order, values: Values, chosen: Mapping[Vertex, int]) -> None:
        self._model = model
        self._orders = (order, inverse(order))  # from layout 0 to 1, and back
        self._values = values
        self._chosen = chosen
        self._constants: dict[tuple[int, ...], int] = {}

    def count(self) -> Counter[str]:
        """How many operators of which kind it takes to change layouts."""
        return Counter(self._kind(value) for value in self._values.all if self._in_both(value))

    def apply(self) -> None:
        """Change the model."""
        behind: dict[int, list[Operator]] = {}
        tensors: dict[tuple[int, int], int] = {}
        for value in self._values.all:
            made = self._chosen[value.producer.vertex]
            tensors[value.producer.at, value.producer.tensor] = self._tensor(value, made)
            for use in value.readers:
                layout = made if use.vertex is None else self._chosen[use.vertex]
                tensors[use.at, use.tensor] = self._tensor(value, layout)
            if self._in_both(value):
                behind.setdefault(value.producer.at, []).append(self._change(value, made))
        operators = behind.get(OUTSIDE, [])
        for position, operator in enumerate(self._model.operators):
            if position in self._values.changes:
                continue
            current = self._values.flexible.get(position)
            if current is not None and self._chosen[position] != current:
                follow(self._model, operator, self._orders[current])
            operator.inputs = [tensors.get((position, one), one) for one in operator.inputs]
            operator.outputs = [tensors.get((position, one), one) for one in operator.outputs]
            operators += [operator, *behind.get(position, [])]
        self._model.operators = operators

    def _in_both(self, value: Value) -> bool:
        made = self._chosen[value.producer.vertex]
        return any(use.vertex is not None and self._chosen[use.vertex] != made for use in value.readers)

    def _kind(self, value: Value) -> str:
        tensor, layout = next(iter(value.layouts.items()))
        return "RESHAPE" if same_memory(self._model.shape(tensor), self._orders[layout]) else "TRANSPOSE"

    def _tensor(self, value: Value, layout: int) -> int:
        """Give the tensor that holds a value in a layout: the graph's own, else any, else a new one."""
        own = [use.tensor for use in (value.producer, *value.readers) if use.at == OUTSIDE]
        for tensor in (*own, *value.layouts):
            if value.layouts[tensor] == layout:
                return tensor
        like, current = next(iter(value.layouts.items()))
        tensor = self._model.add_tensor(like, moved(self._model.shape(like), self._orders[current]))
        value.layouts[tensor] = layout
        return tensor

    def _change(self, value: Value, made: int) -> Operator:
        before, after = self._tensor(value, made), self._tensor(value, 1 - made)
        kind = self._kind(value)
        numbers = self._model.shape(after) if kind == "RESHAPE" else self._orders[made]
        if numbers not in self._constants:
            self._constants[numbers] = self._model.add_constant(np.array(numbers, np.int32), kind.lower())
        return self._model.make_operator(kind, [before, self._constants[numbers]], [after])
