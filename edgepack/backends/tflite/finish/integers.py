"""Says operators of a quantised file in those that round the same on every processor and in every release.

LiteRT 2.1.2, which checks files on this machine, and Android's tensorflow-lite 2.16.1 both leave most 8-bit
operators to XNNPACK, whose integers are the same to the last bit. What one of them leaves to its own kernels
is off by a step here and there, and later layers add that up: docs/arm64.md says which these are. Each has a
form that XNNPACK takes in both, and that takes fewer instructions.
"""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from edgepack.backends.tflite.finish.model import VALID, FlatModel, Operator
from edgepack.backends.tflite.finish.reshapes import Reshapes, tidy_reshapes
from edgepack.backends.tflite.finish.rules import replace_operators

if TYPE_CHECKING:
    from edgepack.backends.tflite.finish.reshapes import Shape


def finish_integers(file: Path) -> None:
    """Apply the rules below to a quantised file, in place; one that none fits is not touched.

    Args:
        file: The .tflite file. Outputs of operators keep their names, but not always their shapes.
    """
    model = FlatModel.read(file)
    integers = Integers(model)

    def alike(operator: Operator) -> list[Operator] | None:
        rule = _RULES.get(operator.kind)
        return rule(integers, operator) if rule and model.is_int8(operator.inputs[0]) else None

    if replace_operators(model, alike):
        tidy_reshapes(model)
        model.write(file)


class Integers:
    """What rules share: constants and changes of shape that are made once for all who read them.

    Attributes:
        model: The model.
        reshapes: Makes RESHAPEs.
    """

    def __init__(self, model: FlatModel) -> None:
        self.model = model
        self.reshapes = Reshapes(model)
        self._filters: dict[int, int] = {}
        self._zeros: dict[int, int] = {}
        self._ones: dict[int, int] = {}
        self._axes: int | None = None

    def filters(self, weights: int) -> int:
        """Give weights [n, k] as filters of one pixel, [n, 1, 1, k]."""
        if weights not in self._filters:
            n, k = self.model.shape(weights)
            self._filters[weights] = self.model.add_view(weights, (n, 1, 1, k))
        return self._filters[weights]

    def no_bias(self, weights: int) -> int:
        """Give a bias of zeros for weights [n, k]: a quantised CONV_2D has to have one."""
        if weights not in self._zeros:
            outputs = self.model.shape(weights)[0]
            # What zeros are steps of is all the same; there have to be as many scales as weights have.
            self._zeros[weights] = self.model.add_constant(
                np.zeros(outputs, np.int32), "no_bias", self.model.scales(weights)
            )
        return self._zeros[weights]

    def ones(self, count: int) -> int:
        """Give weights [1, count] by which a product is the mean."""
        if count not in self._ones:
            value = np.ones((1, count), np.int8)
            self._ones[count] = self.model.add_constant(value, f"mean_of_{count}", (1 / count,))
        return self._ones[count]

    def middle(self) -> int:
        """Give the axes 1 and 2 as a constant."""
        if self._axes is None:
            self._axes = self.model.add_constant(np.array([1, 2], np.int32), "axes")
        return self._axes


def layer_by_channels(integers: Integers, operator: Operator) -> list[Operator] | None:
    """FULLY_CONNECTED with a scale per output becomes a CONV_2D of single pixels.

    For that, and for one row above all, 2.16.1 has a kernel of its own, which rounds otherwise; one scale
    for all outputs it leaves to XNNPACK, and CONV_2D of both kinds.
    """
    model, reshapes = integers.model, integers.reshapes
    given, weights, *more = operator.inputs
    (result,) = operator.outputs
    if operator.options is None or operator.options.weightsFormat or not model.is_constant(weights):
        return None
    if len(model.scales(weights)) < 2 or not model.is_int8(weights):
        return None
    outputs, width = model.shape(weights)
    pixels: Shape = (1, 1, prod(model.shape(given)) // width)
    made: list[Operator] = []
    image = reshapes.reshaped(given, (*pixels, width), made)
    picture, behind = reshapes.result(result, (*pixels, outputs))
    bias = more[0] if more and more[0] >= 0 else integers.no_bias(weights)
    layer = model.make_operator("CONV_2D", [image, integers.filters(weights), bias], [picture])
    layer.options.padding = VALID
    layer.options.strideH = layer.options.strideW = 1
    layer.options.fusedActivationFunction = operator.options.fusedActivationFunction
    return [*made, layer, *behind]


def mean(integers: Integers, operator: Operator) -> list[Operator] | None:
    """MEAN of the last axes becomes a FULLY_CONNECTED of ones, of others a MEAN of height and width.

    2.16.1 leaves no other MEAN to XNNPACK, and its own adds up one element at a time.
    """
    model, shape = integers.model, integers.model.shape(operator.inputs[0])
    axes = model.constant(operator.inputs[1])
    if axes is None or operator.options is None or not prod(shape):
        return None
    over = sorted({int(axis) % len(shape) for axis in axes.reshape(-1)})
    if not over or (len(shape) == 4 and over in ([1, 2], [2])):
        return None
    before, count, behind = (
        prod(shape[: over[0]]),
        prod(shape[over[0] : over[-1] + 1]),
        prod(shape[over[-1] + 1 :]),
    )
    if count == 1 or count != prod(shape[axis] for axis in over):
        return None
    return (
        _mean_of_rows(integers, operator, before, count)
        if behind == 1
        else _mean_between(integers, operator, (before, 1, count, behind))
    )


def _mean_of_rows(integers: Integers, operator: Operator, rows: int, count: int) -> list[Operator]:
    model, reshapes = integers.model, integers.reshapes
    given, (result,) = operator.inputs[0], operator.outputs
    shape = model.shape(given)
    made: list[Operator] = []
    behind: list[Operator] = []
    keeps = model.shape(result) == (*shape[:-1], 1) and shape[-1] == count
    if not keeps:
        given = reshapes.reshaped(given, (rows, count), made)
        result, behind = reshapes.result(result, (rows, 1))
    product = model.make_operator("FULLY_CONNECTED", [given, integers.ones(count), -1], [result])
    product.options.keepNumDims = keeps
    return [*made, product, *behind]


def _mean_between(integers: Integers, operator: Operator, shape: Shape) -> list[Operator]:
    reshapes = integers.reshapes
    made: list[Operator] = []
    given = reshapes.reshaped(operator.inputs[0], shape, made)
    result, behind = reshapes.result(operator.outputs[0], (shape[0], 1, 1, shape[-1]))
    operator.inputs, operator.outputs = [given, integers.middle()], [result]
    operator.options.keepDims = True
    return [*made, operator, *behind]


_RULES: dict[str, Callable[[Integers, Operator], list[Operator] | None]] = {
    "FULLY_CONNECTED": layer_by_channels,
    "MEAN": mean,
}
