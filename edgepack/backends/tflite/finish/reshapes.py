"""RESHAPEs that passes add: each made once, moved behind what goes element by element, dropped in pairs."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING

import numpy as np

from edgepack.backends.tflite.finish.flexible import ELEMENTWISE
from edgepack.backends.tflite.finish.model import Operator

if TYPE_CHECKING:
    from edgepack.backends.tflite.finish.model import FlatModel

type Shape = tuple[int, ...]

_MOST_AXES = 4
"""Kernels spread constants over no more."""


class Reshapes:
    """Makes RESHAPEs of one model; shapes are constants that all of them share."""

    def __init__(self, model: FlatModel) -> None:
        self._model = model
        self._shapes: dict[Shape, int] = {}
        self._made: dict[tuple[int, Shape], int] = {}

    def make(self, before: int, after: int) -> Operator:
        """Make the RESHAPE from one tensor to another."""
        shape = self._model.shape(after)
        if shape not in self._shapes:
            self._shapes[shape] = self._model.add_constant(np.array(shape, np.int32), "shape")
        return self._model.make_operator("RESHAPE", [before, self._shapes[shape]], [after])

    def reshaped(self, tensor: int, shape: Shape, operators: list[Operator]) -> int:
        """Give a tensor in another shape.

        Args:
            tensor: Any tensor.
            shape: Of as many elements.
            operators: A RESHAPE is appended, where none has been made before.
        """
        if self._model.shape(tensor) == shape:
            return tensor
        if (tensor, shape) not in self._made:
            self._made[tensor, shape] = self._model.add_tensor(tensor, shape)
            operators.append(self.make(tensor, self._made[tensor, shape]))
        return self._made[tensor, shape]

    def result(self, tensor: int, shape: Shape) -> tuple[int, list[Operator]]:
        """Let a tensor be made in another shape.

        Args:
            tensor: What an operator gives so far.
            shape: Of as many elements.

        Returns:
            What it has to give instead, and the RESHAPE from there, if one is needed. The layer's name goes
            with the values, for reports compare layers by their names.
        """
        model = self._model
        if model.shape(tensor) == shape:
            return tensor, []
        made = model.add_tensor(tensor, shape)
        if tensor not in model.outputs:
            model.swap_names(made, tensor)
        return made, [self.make(made, tensor)]


def tidy_reshapes(model: FlatModel) -> bool:
    """Move RESHAPEs behind operators that go element by element, and drop those that lead back or nowhere.

    Args:
        model: Changed in place. It computes the same.

    Returns:
        Whether anything changed.
    """
    before = _wiring(model)
    # Where one only gives a shape that is there already, the one before it would stay unseen.
    _drop(model)
    _sink(model)
    _drop(model)
    return _wiring(model) != before


def _wiring(model: FlatModel) -> list[tuple[list[int], list[int]]]:
    return [([*operator.inputs], [*operator.outputs]) for operator in model.operators]


def _sink(model: FlatModel) -> None:
    """Let operators compute in the shape that their inputs had before a RESHAPE, where all can be had so."""
    reshapes = Reshapes(model)
    forms = _Forms(model)
    operators: list[Operator] = []
    for operator in model.operators:
        operators.append(operator)
        if operator.kind == "RESHAPE":
            forms.note(operator)
        elif (shape := forms.shape_before(operator)) is not None:
            operator.inputs = [forms.get(tensor, shape) for tensor in operator.inputs]
            (result,) = operator.outputs
            operator.outputs[0], more = reshapes.result(result, shape)
            for one in more:
                forms.note(one)
            operators += more
    model.operators = operators


class _Forms:
    """In which shapes a value can be had by now, and from which RESHAPEs it would be best taken."""

    def __init__(self, model: FlatModel) -> None:
        self._model = model
        self._needed = _read_in_their_shape(model)
        self._forms: dict[int, dict[Shape, int]] = {}
        self._before: dict[int, Shape] = {}
        self._sources: dict[int, int] = {}

    def note(self, reshape: Operator) -> None:
        """Learn of a RESHAPE; of several in a row, what the first one takes is what counts."""
        (after,), before = reshape.outputs, reshape.inputs[0]
        before = self._sources[after] = self._sources.get(before, before)
        self._forms.setdefault(before, {})[self._model.shape(after)] = after
        self._forms.setdefault(after, {})[self._model.shape(before)] = before
        if after not in self._needed:
            self._before[after] = self._model.shape(before)

    def get(self, tensor: int, shape: Shape) -> int:
        """Give a value in a shape; constants are spread over any."""
        return self._forms.get(tensor, {}).get(shape, tensor)

    def shape_before(self, operator: Operator) -> Shape | None:
        """Give the shape in which to compute an operator, if that takes a RESHAPE out from before it."""
        model = self._model
        if operator.kind not in ELEMENTWISE or len(operator.outputs) != 1:
            return None
        computed = {tensor for tensor in operator.inputs if not model.is_constant(tensor)}
        shape = model.shape(operator.outputs[0])
        shapes = {self._before[tensor] for tensor in computed if tensor in self._before}
        if len(shapes) != 1 or any(model.shape(tensor) != shape for tensor in computed):
            return None
        (before,) = shapes
        if before == shape or any(before not in self._forms.get(tensor, {}) for tensor in computed):
            return None
        constants = {*operator.inputs} - computed
        return before if self._can_move(shape, before, constants) else None

    def _can_move(self, shape: Shape, before: Shape, constants: set[int]) -> bool:
        """Tell whether constants can be spread over another shape than they are."""
        same = before[-1:] == shape[-1:]
        if not constants:
            # The converter flattens values of many axes for one operator, for fear of broadcasting.
            return same or len(shape) == 1
        # They go with the last axis, which has to be the same, and more axes than that would come out, too.
        shapes = {self._model.shape(one) for one in constants}
        fit = all(
            len(one) <= len(before) and (prod(one) == 1 or (prod(one), one[-1]) == (before[-1], before[-1]))
            for one in shapes
        )
        return same and fit and len(before) <= _MOST_AXES


def _read_in_their_shape(model: FlatModel) -> set[int]:
    """Give the tensors whose shape somebody needs: a RESHAPE that makes one cannot be moved, only doubled."""
    needed = {*model.outputs}
    for operator in model.operators:
        if operator.kind != "RESHAPE" and operator.kind not in ELEMENTWISE:
            needed.update(operator.inputs)
    return needed


def _drop(model: FlatModel) -> None:
    sources: dict[int, int] = {}
    same: dict[int, int] = {}
    kept: list[Operator] = []
    for operator in model.operators:
        operator.inputs = [same.get(tensor, tensor) for tensor in operator.inputs]
        if operator.kind == "RESHAPE":
            (result,) = operator.outputs
            operator.inputs[0] = sources.get(operator.inputs[0], operator.inputs[0])
            sources[result] = operator.inputs[0]
            if model.shape(operator.inputs[0]) == model.shape(result) and result not in model.outputs:
                same[result] = operator.inputs[0]
                continue
        kept.append(operator)
    read = {*model.outputs, *(tensor for operator in kept for tensor in operator.inputs)}
    # All RESHAPEs read what is no RESHAPE's by now, so none lives for another's sake.
    model.operators = [one for one in kept if one.kind != "RESHAPE" or one.outputs[0] in read]
