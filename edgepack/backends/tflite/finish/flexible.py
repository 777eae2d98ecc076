"""Operators that compute the same in any order of axes, once their constants and options follow it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from edgepack.backends.tflite.finish.model import FlatModel, Operator
    from edgepack.compare import Array

type Order = tuple[int, ...]
"""An order of axes: axis k of the new layout is axis order[k] of the old one."""


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


ELEMENTWISE = _names(
    """
    ABS ADD ATAN2 CAST CEIL COS DIV ELU EQUAL EXP FLOOR FLOOR_DIV FLOOR_MOD GELU GREATER GREATER_EQUAL
    HARD_SWISH LEAKY_RELU LESS LESS_EQUAL LOG LOGICAL_AND LOGICAL_NOT LOGICAL_OR LOGISTIC MAXIMUM MINIMUM MUL
    NEG NOT_EQUAL POW PRELU RELU RELU6 RELU_0_TO_1 RELU_N1_TO_1 ROUND RSQRT SELECT SELECT_V2 SIGN SIN SQRT
    SQUARE SQUARED_DIFFERENCE SUB TANH
    """
)
REDUCTIONS = _names("MEAN REDUCE_ALL REDUCE_ANY REDUCE_MAX REDUCE_MIN REDUCE_PROD SUM")
_READ_FROM_OPTIONS = REDUCTIONS | {"CONCATENATION", "GATHER", "STRIDED_SLICE"}


@dataclass(frozen=True, slots=True)
class Ports:
    """Where an operator's tensors follow the layout it computes in: positions in its inputs and outputs."""

    inputs: tuple[int, ...]
    outputs: tuple[int, ...]


def find_ports(model: FlatModel, operator: Operator, rank: int) -> Ports | None:
    """Tell which tensors of an operator follow a layout of so many axes; None when it has one of its own."""
    tensors = [tensor for tensor in (*operator.inputs, *operator.outputs) if tensor >= 0]
    empty = any(prod(model.shape(tensor)) == 0 for tensor in tensors)
    if empty or (operator.kind in _READ_FROM_OPTIONS and operator.options is None):
        return None
    if operator.kind in REDUCTIONS:
        return _reduction_ports(model, operator, rank)
    data: tuple[int, ...] = _DATA.get(operator.kind, ())
    if operator.kind in ELEMENTWISE or operator.kind == "CONCATENATION":
        data = tuple(range(len(operator.inputs)))
    computed = [k for k in data if not model.is_constant(operator.inputs[k])]
    ports = tuple(k for k in computed if len(model.shape(operator.inputs[k])) == rank)
    single = all(prod(model.shape(operator.inputs[k])) == 1 for k in computed if k not in ports)
    known = all(_is_known(model, operator.inputs[k]) for k in data if k not in computed)
    alike = all(len(model.shape(tensor)) == rank for tensor in operator.outputs)
    if not (ports and single and known and alike) or not _CONDITIONS.get(operator.kind, _always)(
        model, operator
    ):
        return None
    return Ports(ports, tuple(range(len(operator.outputs))))


def _is_known(model: FlatModel, tensor: int) -> bool:
    """Tell whether a constant can be put into another order, or need not."""
    return prod(model.shape(tensor)) == 1 or model.constant(tensor) is not None


def _always(_model: FlatModel, _operator: Operator) -> bool:
    return True


def can_follow(model: FlatModel, operator: Operator, order: Order) -> bool:
    """Tell whether an operator with ports can be computed in another layout."""
    if operator.kind not in REDUCTIONS or operator.options.keepDims:
        return True
    shape = model.shape(operator.inputs[0])
    axes = _axes(model, operator.inputs[1], len(order))
    stay = [axis for axis in order if axis not in axes and shape[axis] != 1]
    return stay == sorted(stay)


def follow(model: FlatModel, operator: Operator, order: Order) -> None:
    """Change an operator's constants and options for another layout; its ports' tensors are left alone."""
    if operator.kind in ELEMENTWISE or operator.kind == "CONCATENATION":
        for position, tensor in enumerate(operator.inputs):
            if model.is_constant(tensor) and prod(model.shape(tensor)) > 1:
                operator.inputs[position] = _permuted(model, tensor, order)
    if operator.kind in ("CONCATENATION", "GATHER"):
        operator.options.axis = order.index(operator.options.axis % len(order))
    elif operator.kind in _AXES_AT or operator.kind in REDUCTIONS:
        position = _AXES_AT.get(operator.kind, 1)
        axes = [order.index(axis) for axis in _axes(model, operator.inputs[position], len(order))]
        _replace(model, operator, position, lambda old: np.array(axes, old.dtype).reshape(old.shape))
    for position in _ROWS_AT.get(operator.kind, ()):
        _replace(model, operator, position, lambda old: old[list(order)])
    if operator.kind == "STRIDED_SLICE":
        for mask in ("beginMask", "endMask"):
            bits = getattr(operator.options, mask)
            setattr(operator.options, mask, sum(1 << k for k, axis in enumerate(order) if bits >> axis & 1))


def _reduction_ports(model: FlatModel, operator: Operator, rank: int) -> Ports | None:
    if len(model.shape(operator.inputs[0])) != rank or model.constant(operator.inputs[1]) is None:
        return None
    return Ports((0,), (0,) if operator.options.keepDims else ())


def _known(*positions: int) -> Callable[[FlatModel, Operator], bool]:
    return lambda model, operator: all(
        model.constant(operator.inputs[position]) is not None for position in positions
    )


def _plain_slice(model: FlatModel, operator: Operator) -> bool:
    options = operator.options
    shaping = options.ellipsisMask or options.newAxisMask or options.shrinkAxisMask
    return not shaping and _known(1, 2, 3)(model, operator)


def _plain_gather(model: FlatModel, operator: Operator) -> bool:
    return operator.options.batchDims == 0 and len(model.shape(operator.inputs[1])) == 1


# Which inputs follow the layout, where that is not all of them.
_DATA = {
    **dict.fromkeys(("GATHER", "PAD", "PADV2", "MIRROR_PAD", "SLICE", "STRIDED_SLICE", "TILE"), (0,)),
    **dict.fromkeys(("BROADCAST_TO", "REVERSE_V2", "SPLIT_V", "CUMSUM"), (0,)),
    "SPLIT": (1,),
}
# Which input holds axes, and which hold one row for each axis.
_AXES_AT = {"SPLIT": 0, "SPLIT_V": 2, "REVERSE_V2": 1, "CUMSUM": 1}
_ROWS_AT = {
    **dict.fromkeys(("PAD", "PADV2", "MIRROR_PAD", "TILE", "BROADCAST_TO"), (1,)),
    "SLICE": (1, 2),
    "STRIDED_SLICE": (1, 2, 3),
}
_CONDITIONS: dict[str, Callable[[Any, Any], bool]] = {
    **{kind: _known(position) for kind, position in _AXES_AT.items()},
    **{kind: _known(*positions) for kind, positions in _ROWS_AT.items()},
    "GATHER": _plain_gather,
    "STRIDED_SLICE": _plain_slice,
}


def _axes(model: FlatModel, tensor: int, rank: int) -> list[int]:
    value = model.constant(tensor)
    assert value is not None
    return [int(axis) % rank for axis in value.reshape(-1)]


def _permuted(model: FlatModel, tensor: int, order: Order) -> int:
    value = model.constant(tensor)
    assert value is not None
    aligned = value.reshape((1,) * (len(order) - value.ndim) + value.shape)
    return model.add_constant(aligned.transpose(order), model.name(tensor))


def _replace(model: FlatModel, operator: Operator, position: int, change: Callable[[Array], Array]) -> None:
    old = model.constant(operator.inputs[position])
    assert old is not None
    operator.inputs[position] = model.add_constant(change(old), model.name(operator.inputs[position]))


def inverse(order: Order) -> Order:
    """Give the order that undoes another."""
    return tuple(int(axis) for axis in np.argsort(order))


def transpose_order(model: FlatModel, operator: Operator) -> Order | None:
    """Give the order of a TRANSPOSE; None for other operators and orders that are computed."""
    order = model.constant(operator.inputs[1]) if operator.kind == "TRANSPOSE" else None
    return None if order is None else tuple(int(axis) for axis in order)


def reads_memory(operator: Operator, tensor: int) -> bool:
    """Tell whether an operator goes by the order of elements only, and not by a tensor's shape."""
    if operator.inputs[0] != tensor:
        return False
    return operator.kind == "RESHAPE" or flattens(operator)


def flattens(operator: Operator) -> bool:
    """Tell whether an operator is a FULLY_CONNECTED that takes its input for rows."""
    return operator.kind == "FULLY_CONNECTED" and not (operator.options and operator.options.keepNumDims)


def moved(values: Sequence[int], order: Order) -> tuple[int, ...]:
    """Put what belongs to axes into another order."""
    return tuple(values[axis] for axis in order)


def same_memory(shape: Sequence[int], order: Order) -> bool:
    """Tell whether another order leaves every element where it is: only axes of size 1 move."""
    wide = [axis for axis in order if shape[axis] != 1]
    return wide == sorted(wide)
