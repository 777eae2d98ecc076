"""Joins operators that the runtime computes in one, and drops those that do nothing.

Each rule is a function with a docstring; it looks at one operator and what makes its first input. The
converter has most of them itself, as patterns that a TRANSPOSE in between hid from it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from edgepack.backends.tflite.finish.columns import columns_reordered
from edgepack.backends.tflite.finish.def_use import DefUseChains
from edgepack.backends.tflite.finish.flexible import flattens
from edgepack.backends.tflite.finish.model import ACTIVATIONS, NO_ACTIVATION, SAME, VALID, Operator
from edgepack.backends.tflite.finish.moves import transposes_around_reshape, turned_operand

if TYPE_CHECKING:
    from edgepack.backends.tflite.finish.model import FlatModel

_WEIGHTED = ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED")
_ACTIVATED = (*_WEIGHTED, "CONV_3D", "ADD", "SUB", "MUL", "DIV", "AVERAGE_POOL_2D", "MAX_POOL_2D")
_MOST_SHIFT = 100
_LOWEST = np.finfo(np.float32).min


def fuse(model: FlatModel) -> bool:
    """Apply all rules until none fits.

    Returns:
        Whether anything changed.
    """
    changed = False
    fusing = DefUseChains(model)
    for operator in list(model.operators):
        for rule in _RULES.get(operator.kind, ()):
            if operator in fusing.alive and rule(fusing, operator):
                changed = True
    model.operators = [operator for operator in model.operators if operator in fusing.alive]
    return changed


def activation(fusing: DefUseChains, operator: Operator) -> bool:
    """RELU, RELU6 and RELU_N1_TO_1 become the activation of the convolution, product or sum before them."""
    maker = fusing.maker(operator)
    if maker is None or maker.kind not in _ACTIVATED or not _is_plain(maker):
        return False
    maker.options.fusedActivationFunction = ACTIVATIONS[operator.kind]
    fusing.absorb(maker, operator)
    return True


def scale_and_shift(fusing: DefUseChains, operator: Operator) -> bool:
    """MUL and ADD by constants per output channel go into the weights and the bias of what is before them.

    c (W x + b) + d = (c W) x + (c b + d). A d that is far above b stays outside: quantisers hold a bias in
    steps as small as the input's and the weights' together, of which int32 counts only so many.
    """
    model, maker = fusing.model, fusing.maker(operator)
    if maker is None or maker.kind not in _WEIGHTED or not _is_plain(maker):
        return False
    if len(maker.inputs) < 3 or not all(fusing.unshared(tensor) for tensor in maker.inputs[1:3]):
        return False
    weights, bias = (model.constant(tensor) for tensor in maker.inputs[1:3])
    factor = model.constant(operator.inputs[1])
    shape = model.shape(operator.outputs[0])
    if weights is None or bias is None or factor is None or shape != model.shape(operator.inputs[0]):
        return False
    if factor.dtype != np.float32 or factor.size not in (1, factor.shape[-1]) or shape[-1] != bias.size:
        return False
    if operator.kind == "MUL":
        channels = (1, 1, 1, -1) if maker.kind == "DEPTHWISE_CONV_2D" else (-1, *[1] * (weights.ndim - 1))
        maker.inputs[1] = model.add_constant(
            np.multiply(weights, factor.reshape(channels)), model.name(maker.inputs[1])
        )
        new_bias = np.multiply(bias, factor.reshape(-1))
    else:
        if np.abs(factor).max() > _MOST_SHIFT * np.abs(bias).max():
            return False
        new_bias = np.add(bias, factor.reshape(-1))
    maker.inputs[2] = model.add_constant(new_bias, model.name(maker.inputs[2]))
    fusing.reads.update(maker.inputs[1:3])
    if operator.options:
        maker.options.fusedActivationFunction = operator.options.fusedActivationFunction
    fusing.absorb(maker, operator)
    return True


def constant_second(fusing: DefUseChains, operator: Operator) -> bool:
    """ADD and MUL have their constant second: there the rules look for it."""
    first, second = operator.inputs
    if not fusing.model.is_constant(first) or fusing.model.is_constant(second):
        return False
    operator.inputs = [second, first]
    return True


def nothing_added(fusing: DefUseChains, operator: Operator) -> bool:
    """ADD of zeros, such as what a recurrent layer's first step makes of its state, is nothing."""
    model, maker = fusing.model, fusing.maker(operator)
    summand = model.constant(operator.inputs[1])
    same = model.shape(operator.outputs[0]) == model.shape(operator.inputs[0])
    if maker is None or summand is None or summand.any() or not same or not _is_plain(operator):
        return False
    if len(maker.outputs) > 1:
        return False
    fusing.absorb(maker, operator)
    return True


def bias(fusing: DefUseChains, operator: Operator) -> bool:
    """ADD of a constant per output is the bias of a FULLY_CONNECTED that has none, also behind a sum.

    (W x + y) + b = (W x + b) + y.
    """
    model, maker = fusing.model, fusing.maker(operator)
    constant = model.constant(operator.inputs[1])
    shape = model.shape(operator.outputs[0])
    if maker is None or maker.kind not in ("ADD", "FULLY_CONNECTED") or not _is_plain(maker):
        return False
    if constant is None or constant.dtype != np.float32:
        return False
    if constant.size != shape[-1] or constant.shape[-1:] != shape[-1:]:
        return False
    layer = maker if maker.kind == "FULLY_CONNECTED" else _unbiased_summand(fusing, maker)
    if layer is None or _has_bias(layer) or model.shape(layer.outputs[0]) != shape:
        return False
    flat = operator.inputs[1] if constant.ndim == 1 else model.add_view(operator.inputs[1], shape[-1:])
    layer.inputs = [*layer.inputs[:2], flat]
    fusing.reads[flat] += int(flat != operator.inputs[1])
    if operator.options:
        maker.options.fusedActivationFunction = operator.options.fusedActivationFunction
    fusing.absorb(maker, operator)
    return True


def _unbiased_summand(fusing: DefUseChains, operator: Operator) -> Operator | None:
    """Give a layer without bias and activation of which only this ADD reads the output."""
    for tensor in operator.inputs if operator.kind == "ADD" else ():
        layer = fusing.sole_maker(tensor)
        if (
            layer is not None
            and layer.kind == "FULLY_CONNECTED"
            and _is_plain(layer)
            and not _has_bias(layer)
        ):
            return layer
    return None


def _has_bias(layer: Operator) -> bool:
    return len(layer.inputs) > 2 and layer.inputs[2] >= 0


def reshape_of_reshape(fusing: DefUseChains, operator: Operator) -> bool:
    """A RESHAPE of a RESHAPE is one of what that reads."""
    maker = fusing.made_by(operator)
    if maker is None or maker.kind != "RESHAPE":
        return False
    fusing.skip(maker, operator)
    return True


def flattened_by_itself(fusing: DefUseChains, operator: Operator) -> bool:
    """FULLY_CONNECTED reads rows of its weights' length: no RESHAPE has to drop axes of size 1 before it."""
    maker = fusing.made_by(operator)
    if maker is None or maker.kind != "RESHAPE" or not flattens(operator):
        return False
    before, after = (fusing.model.shape(one.inputs[0]) for one in (maker, operator))
    wide, rows = ([size for size in shape if size != 1] for shape in (before, after))
    if len(after) != 2 or before[-1] != after[-1] or wide != rows:
        return False
    fusing.skip(maker, operator)
    return True


def padded_pool(fusing: DefUseChains, operator: Operator) -> bool:
    """MAX_POOL_2D with padding SAME needs no PADV2 by the lowest number before it, where the two are alike.

    SAME pads max((ceil(n / stride) - 1) stride + window - n, 0) rows, the smaller half of them before.
    """
    model, maker = fusing.model, fusing.maker(operator)
    if maker is None or maker.kind != "PADV2" or not operator.options or operator.options.padding != VALID:
        return False
    pads, value = (model.constant(tensor) for tensor in maker.inputs[1:3])
    if pads is None or value is None or value.dtype != np.float32 or value.max(initial=-np.inf) > _LOWEST:
        return False
    options, shape = operator.options, model.shape(maker.inputs[0])
    wanted = [(0, 0), _same(shape[1], options.strideH, options.filterHeight)]
    wanted += [_same(shape[2], options.strideW, options.filterWidth), (0, 0)]
    if [tuple(map(int, row)) for row in pads] != wanted:
        return False
    options.padding = SAME
    fusing.skip(maker, operator)
    return True


def _same(size: int, stride: int, window: int) -> tuple[int, int]:
    total = max((-(-size // stride) - 1) * stride + window - size, 0)
    return total // 2, total - total // 2


def _is_plain(operator: Operator) -> bool:
    """Tell whether an operator has no activation yet, and a place for one."""
    return bool(operator.options) and operator.options.fusedActivationFunction == NO_ACTIVATION


_RULES: dict[str, tuple[Callable[[DefUseChains, Operator], bool], ...]] = {
    **dict.fromkeys(ACTIVATIONS, (activation,)),
    "MUL": (constant_second, scale_and_shift),
    "ADD": (constant_second, nothing_added, bias, scale_and_shift),
    "RESHAPE": (reshape_of_reshape,),
    "TRANSPOSE": (transposes_around_reshape,),
    "BATCH_MATMUL": (turned_operand,),
    "FULLY_CONNECTED": (columns_reordered, flattened_by_itself),
    "MAX_POOL_2D": (padded_pool,),
}
