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
    """Let operators compute in the shape that their inputs had before a RESHAPE, if that spares one."""
    reshapes = Reshapes(model)
    forms = _Forms(model, _read_in_their_shape(model, _would_move(model)))
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


def _would_move(model: FlatModel) -> set[Operator]:
    """Give the operators that could compute in an earlier shape if nobody else needed the later one."""
    forms, moved = _Forms(model, set()), set()
    for operator in model.operators:
        if operator.kind == "RESHAPE":
            forms.note(operator)
        elif (shape := forms.shape_before(operator)) is not None:
            forms.assume(operator.outputs[0], shape)
            moved.add(operator)
    return moved


def _read_in_their_shape(model: FlatModel, moved: set[Operator]) -> set[int]:
    """Give the tensors whose shape somebody needs: a RESHAPE that makes one cannot be moved, only doubled."""
    stay = (one for one in model.operators if one.kind != "RESHAPE" and one not in moved)
    return {*model.outputs, *(tensor for operator in stay for tensor in operator.inputs)}


class _Forms:
    """In which shapes a value can be had by now, and from which RESHAPEs it would be best taken."""

    def __init__(self, model: FlatModel, needed: set[int]) -> None:
        self._model = model
        self._needed = needed
        self._forms: dict[int, dict[Shape, int]] = {}
        self._before: dict[int, Shape] = {}
        self._sources: dict[int, int] = {}

    def note(self, reshape: Operator) -> None:
        """Learn of a RESHAPE; of several in a row, what the first one takes is what counts."""
        if not _keeps_size(self._model, reshape):
            return
        (after,), before = reshape.outputs, reshape.inputs[0]
        before = self._sources[after] = self._sources.get(before, before)
        self._forms.setdefault(before, {})[self._model.shape(after)] = after
        self._forms.setdefault(after, {})[self._model.shape(before)] = before
        if after not in self._needed:
            self._before[after] = self._model.shape(before)

    def assume(self, tensor: int, shape: Shape) -> None:
        """Take a tensor for one that a RESHAPE makes of a value in this shape."""
        self._before[tensor] = shape
        self._forms.setdefault(tensor, {})[shape] = tensor

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
        constants = {model.shape(tensor) for tensor in {*operator.inputs} - computed}
        return before if _can_spread(constants, shape, before) else None


def _can_spread(constants: set[Shape], shape: Shape, before: Shape) -> bool:
    """Tell whether constants of these shapes go with a value in the shape it had before, too."""
    same = before[-1:] == shape[-1:]
    if not constants:
        # The converter flattens values of many axes for one operator, for fear of broadcasting.
        return same or len(shape) == 1
    # They go with the last axis, which has to be the same, and more axes than that would come out, too.
    fit = all(
        len(one) <= len(before) and (prod(one) == 1 or (prod(one), one[-1]) == (before[-1], before[-1]))
        for one in constants
    )
    return same and fit and len(before) <= _MOST_AXES


def _keeps_size(model: FlatModel, reshape: Operator) -> bool:
    """False where only a run tells the shape: the converter declares ones then, of whatever size it is."""
    before, after = model.shape(reshape.inputs[0]), model.shape(reshape.outputs[0])
    return prod(before) == prod(after) and min(before, default=0) >= 0 <= min(after, default=0)


def _drop(model: FlatModel) -> None:
    sources: dict[int, int] = {}
    same: dict[int, int] = {}
    kept: list[Operator] = []
    for operator in model.operators:
        operator.inputs = [same.get(tensor, tensor) for tensor in operator.inputs]
        if operator.kind == "RESHAPE" and _keeps_size(model, operator):
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
