"""Weights in 16 bits where ai-edge-quantizer leaves 32: of products between activations, and of tables."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

import numpy as np

from edgepack.backends.tflite.finish.model import FlatModel

_LARGE = 64
"""Fewer values than this weigh less than the operator and the tensor that make floats of them again."""


def halve_weights(file: Path, operators: Collection[str], kept_scopes: Collection[str]) -> None:
    """Store the constants of some operators as float16, in place, each with a DEQUANTIZE before it is used.

    Args:
        file: A .tflite file.
        operators: TensorFlow Lite's names.
        kept_scopes: Single operators that are left alone; see `edgepack.backends.tflite.layers.Layer`.
    """
    model = FlatModel.read(file)
    wide: dict[int, int] = {}
    result = []
    for operator in model.operators:
        scope = "".join(f"{model.name(tensor)};" for tensor in operator.outputs)
        if operator.kind in operators and scope not in kept_scopes:
            for place, tensor in enumerate(operator.inputs):
                if tensor not in wide and (half := _halved(model, tensor)) is not None:
                    wide[tensor] = model.add_tensor(tensor, model.shape(tensor))
                    result.append(model.make_operator("DEQUANTIZE", [half], [wide[tensor]]))
                operator.inputs[place] = wide.get(tensor, tensor)
        result.append(operator)
    if wide:
        model.operators = result
        model.write(file)


def _halved(model: FlatModel, tensor: int) -> int | None:
    """Add a float16 copy of a constant; None for what is none, is small, or does not fit."""
    value = model.constant(tensor)
    if value is None or value.dtype != np.float32 or value.size < _LARGE:
        return None
    if np.abs(value).max() > np.finfo(np.float16).max:
        return None
    return model.add_constant(value.astype(np.float16), f"{model.name(tensor)}_float16")
