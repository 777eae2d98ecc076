"""A TRANSPOSE before rows that a layer takes whole: the layer's weights are put into its order instead."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edgepack.backends.tflite.finish.flexible import flattens, inverse, transpose_order

if TYPE_CHECKING:
    from edgepack.backends.tflite.finish.def_use import DefUseChains
    from edgepack.backends.tflite.finish.model import Operator


def columns_reordered(fusing: DefUseChains, operator: Operator) -> bool:
    """FULLY_CONNECTED of flattened, transposed rows takes them as they were, its columns reordered.

    Networks of the kind of AlexNet and VGG flatten channels-first pictures before their first layer.
    """
    model = fusing.model
    reshape = fusing.maker(operator) if flattens(operator) else None
    turn = fusing.maker(reshape) if reshape is not None and reshape.kind == "RESHAPE" else None
    order = transpose_order(model, turn) if turn is not None else None
    if reshape is None or turn is None or order is None or order[0] != 0:
        return False
    weights, shape = model.constant(operator.inputs[1]), model.shape(turn.outputs[0])
    if weights is None or not fusing.unshared(operator.inputs[1]):
        return False
    if min(shape) < 1 or model.shape(operator.inputs[0]) != (shape[0], weights.shape[1]):
        return False
    columns = weights.reshape(-1, *shape[1:]).transpose(inverse(order)).reshape(weights.shape)
    operator.inputs[1] = model.add_constant(columns, model.name(operator.inputs[1]))
    fusing.reads[operator.inputs[1]] += 1
    fusing.skip(turn, reshape)
    return True
