"""TRANSPOSEs whose work others can do: products that read a matrix turned, TRANSPOSEs beyond a RESHAPE."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING

import numpy as np

from edgepack.backends.tflite.finish.flexible import inverse, transpose_order

if TYPE_CHECKING:
    from collections.abc import Sequence

    from edgepack.backends.tflite.finish.def_use import DefUseChains
    from edgepack.backends.tflite.finish.model import Operator

type _Groups = list[list[int]]


def turned_operand(fusing: DefUseChains, operator: Operator) -> bool:
    """BATCH_MATMUL reads its right operand turned (`adjY`) where a TRANSPOSE turns it, as keys in attention.

    The left operand stays: XNNPACK leaves products with `adjX` to the runtime.
    """
    turn = fusing.sole_maker(operator.inputs[1])
    order = transpose_order(fusing.model, turn) if turn is not None else None
    if turn is None or order is None or operator.options is None:
        return False
    rank = len(order)
    if order != (*range(rank - 2), rank - 1, rank - 2):
        return False
    operator.options.adjY = not operator.options.adjY
    operator.inputs[1] = turn.inputs[0]
    fusing.alive.discard(turn)
    return True


def transposes_around_reshape(fusing: DefUseChains, operator: Operator) -> bool:
    """TRANSPOSE, RESHAPE, TRANSPOSE is one TRANSPOSE where the RESHAPE only joins axes, or only parts them.

    Axes that are joined can be moved before that as well, each by each; and parted ones could have been
    parted before the first TRANSPOSE. Windows of pictures, as in MaxViT, are cut out so.
    """
    model, reshape = fusing.model, fusing.maker(operator)
    first = fusing.maker(reshape) if reshape is not None and reshape.kind == "RESHAPE" else None
    before = transpose_order(model, first) if first is not None else None
    after = transpose_order(model, operator)
    if reshape is None or first is None or before is None or after is None:
        return False
    source, parted, joined = (model.shape(one) for one in (first.inputs[0], *first.outputs, *reshape.outputs))
    if min((*source, *joined), default=1) < 1:
        return False
    if groups := _groups(parted, joined):
        order = [before[axis] for k in after for axis in groups[k]]
        _give(fusing, first, [source[axis] for axis in order])
        first.inputs[1] = model.add_constant(np.array(order, np.int32), "order")
        reshape.inputs[0] = first.outputs[0]
        fusing.absorb(reshape, operator)
        _set_shape(fusing, reshape)
        return True
    if groups := _groups(joined, parted):
        axes = [axis for k in inverse(before) for axis in groups[k]]
        fusing.skip(first, reshape)
        _give(fusing, reshape, [joined[axis] for axis in axes])
        _set_shape(fusing, reshape)
        order = [axes.index(axis) for axis in after]
        operator.inputs = [reshape.outputs[0], model.add_constant(np.array(order, np.int32), "order")]
        return True
    return False


def _groups(many: Sequence[int], few: Sequence[int]) -> _Groups | None:
    """Say which neighbouring axes of one shape make up each axis of another; None where they do not."""
    groups: _Groups = []
    axis = 0
    for size in few:
        group = [axis]
        axis += 1
        while axis < len(many) and prod(many[one] for one in group) < size:
            group.append(axis)
            axis += 1
        if group[-1] >= len(many) or prod(many[one] for one in group) != size:
            return None
        groups.append(group)
    for rest in range(axis, len(many) if groups else axis):
        if many[rest] != 1:
            return None
        groups[-1].append(rest)
    return groups


def _give(fusing: DefUseChains, operator: Operator, shape: Sequence[int]) -> None:
    """Let an operator give a tensor of another shape, to the one that reads it."""
    tensor = fusing.model.add_tensor(operator.outputs[0], shape)
    fusing.gives(operator, tensor)


def _set_shape(fusing: DefUseChains, reshape: Operator) -> None:
    shape = np.array(fusing.model.shape(reshape.outputs[0]), np.int32)
    reshape.inputs = [reshape.inputs[0], fusing.model.add_constant(shape, "shape")]
    if reshape.options:
        reshape.options.newShape = shape
