"""Constant folding in a file: what operators of constants give stands there instead of them.

The graph that is converted holds few of them, for `edgepack.backends.tflite.folding` computes its own; the
converter adds some, such as the first state of a recurrent layer, cut in two and multiplied. As a tensor that
is always zero it would get steps so small that no bias can be counted in them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from edgepack.backends.tflite.finish.model import NO_ACTIVATION

if TYPE_CHECKING:
    from edgepack.backends.tflite.finish.model import FlatModel, Operator
    from edgepack.compare import Array

_LARGEST = 1 << 14
"""Elements: a result may be far larger than what it is made of, and weights stay as they are."""


def known_values(model: FlatModel, operator: Operator) -> list[Array] | None:
    """Compute an operator, if all that it reads is known.

    Args:
        model: The model.
        operator: One of its operators.

    Returns:
        Its outputs, or None where an input is computed, an output is the graph's own or large, or floats do
        not come out of it.
    """
    compute = _COMPUTED.get(operator.kind)
    if compute is None or not all(model.is_constant(tensor) for tensor in operator.inputs):
        return None
    values = [model.constant(tensor) for tensor in operator.inputs]
    known = [value for value in values if value is not None]
    small = all(np.prod(model.shape(tensor)) <= _LARGEST for tensor in operator.outputs)
    floats = all(model.is_float(tensor) for tensor in operator.outputs)
    if len(known) < len(values) or not small or not floats or {*operator.outputs} & {*model.outputs}:
        return None
    results = compute(operator, known)
    return results and [
        np.asarray(result, np.float32).reshape(model.shape(tensor))
        for result, tensor in zip(results, operator.outputs, strict=True)
    ]


def _same(_operator: Operator, values: Sequence[Array]) -> list[Array]:
    return [values[0]]


def _slice(_operator: Operator, values: Sequence[Array]) -> list[Array]:
    value, begin, size = values
    ends = [None if long < 0 else int(start + long) for start, long in zip(begin, size, strict=True)]
    return [value[tuple(slice(int(start), end) for start, end in zip(begin, ends, strict=True))]]


def _split(operator: Operator, values: Sequence[Array]) -> list[Array]:
    axis, value = values
    return np.split(value, len(operator.outputs), int(axis.reshape(-1)[0]))


def _product(operator: Operator, values: Sequence[Array]) -> list[Array]:
    left, right = values
    left = left.swapaxes(-1, -2) if operator.options and operator.options.adjX else left
    right = right.swapaxes(-1, -2) if operator.options and operator.options.adjY else right
    return [np.matmul(left, right, dtype=np.float64)]


def _sum(operator: Operator, values: Sequence[Array]) -> list[Array] | None:
    one, other = values
    activation = operator.options.fusedActivationFunction if operator.options else NO_ACTIVATION
    return [np.add(one, other)] if activation == NO_ACTIVATION else None


_COMPUTED: dict[str, Callable[[Operator, Sequence[Array]], list[Array] | None]] = {
    "ADD": _sum,
    "BATCH_MATMUL": _product,
    "EXPAND_DIMS": _same,
    "RESHAPE": _same,
    "SLICE": _slice,
    "SPLIT": _split,
    "SQUEEZE": _same,
}
