"""The jobs that quantise a float32 .tflite file with ai-edge-quantizer."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from edgepack.backends.overflow import overflow
from edgepack.backends.tflite.interpreter import open_all_tensors, open_file, read_tensor
from edgepack.backends.tflite.layers import constant_tensors, read_layers, sequence_layers
from edgepack.backends.tflite.recipes import Recipe
from edgepack.bundle.manifest import TensorContract
from edgepack.samples import Samples

_ALL = "*"
_EVERYWHERE = ".*"
_SHARES = 0.0, 255 / 256
_XNNPACK_BITS = 8
_LAST = ""
"""Fits everything, as `_EVERYWHERE` does. The quantiser takes patterns in the order in which they were first
added, so rules under this one, which is added last, decide."""


def measure_ranges(path: Path, inputs: Sequence[TensorContract], samples: Samples, ranges: Path) -> None:
    """Job: run a float32 file on calibration data and note the smallest and largest value of each activation.

    Args:
        path: The file.
        inputs: Its contracts.
        samples: In the source's layout; one is in memory at a time.
        ranges: Where the JSON goes: by tensor name, smallest, largest, and the number of axes; the smallest
            is infinite and the largest its negative where a tensor never held a finite value.
    """
    import numpy as np

    from edgepack.contract import to_file

    litert = open_all_tensors(path)
    constants = constant_tensors(path)
    details = [
        one
        for one in litert.get_tensor_details()
        if one["dtype"] == np.float32 and one["name"] not in constants and np.prod(one["shape"])
    ]
    found: dict[str, tuple[float, float, int]] = {}
    for sample in samples.samples():
        for detail, contract in zip(litert.get_input_details(), inputs, strict=True):
            litert.set_tensor(detail["index"], to_file(sample[contract.name], contract))
        litert.invoke()
        for detail in details:
            values = read_tensor(litert, detail)
            if values is None:
                continue
            # Masks hold infinities, which no range can.
            values = values if np.isfinite(values).all() else values[np.isfinite(values)]
            low, high, _ = found.get(detail["name"], (np.inf, -np.inf, 0))
            if values.size:
                low, high = min(low, float(values.min())), max(high, float(values.max()))
            found[detail["name"]] = (low, high, len(detail["shape"]))
    for layer in read_layers(path):
        if layer.operator == "SOFTMAX" and layer.name in found:
            # Shares of one, whatever the samples had; so integer kernels of it have it, too.
            found[layer.name] = (*_SHARES, found[layer.name][2])
    ranges.write_text(json.dumps(found))


def quantise(path: Path, file: Path, recipe: Recipe, ranges: Path | None) -> None:
    """Job: quantise a file.

    Args:
        path: The float32 file.
        file: Where the quantised one goes; the same input gives the same bytes.
        recipe: What is wanted.
        ranges: What `measure_ranges` wrote, for recipes that need it.

    Raises:
        ConversionError: An activation never held a finite value, and the quantiser wants its range.
    """
    from ai_edge_quantizer.quantizer import Quantizer

    from edgepack.backends.tflite.finish.integers import finish_integers
    from edgepack.backends.tflite.half import halve_weights

    quantiser = Quantizer(str(path))
    if recipe.kept_sequences:
        recipe = replace(recipe, kept_scopes=(*recipe.kept_scopes, *sequence_layers(path)))
    _add_rules(quantiser, recipe)
    measured, overflown = _read_ranges(ranges) if ranges else (None, [])
    try:
        result = quantiser.quantize(measured)
    except ValueError as error:
        # Masks may hold nothing but infinities, and are no layer's to quantise.
        if overflown:
            raise overflow(f"{overflown[0]!r} is never finite") from error
        raise
    file.write_bytes(result.quantized_model)
    if recipe.halved:
        halve_weights(file, recipe.halved, recipe.kept_scopes)
    if recipe.activation_bits == _XNNPACK_BITS:
        finish_integers(file)


def read_contracts(
    file: Path, inputs: Sequence[TensorContract], outputs: Sequence[TensorContract]
) -> tuple[tuple[TensorContract, ...], tuple[TensorContract, ...]]:
    """Job: give the float32 file's contracts with the dtypes, scales and zero points of a quantised one."""
    interpreter = open_file(file)
    sides = ((inputs, interpreter.inputs), (outputs, interpreter.outputs))
    found = [
        tuple(
            replace(
                contract,
                dtype=tensors[contract.index].dtype,
                scale=tensors[contract.index].scale,
                zero_point=tensors[contract.index].zero_point,
            )
            for contract in contracts
        )
        for contracts, tensors in sides
    ]
    return found[0], found[1]


def _add_rules(quantiser: Any, recipe: Recipe) -> None:
    """Tell the quantiser what to do; of the rules that fit an operator the last decides."""
    _use(quantiser, recipe, _EVERYWHERE, _ALL)
    for operator in recipe.per_tensor:
        _use(quantiser, recipe, _EVERYWHERE, operator, per_tensor=True)
    for operator in recipe.lacking + recipe.kept:
        _leave(quantiser, _EVERYWHERE, operator)
    for scope in recipe.kept_scopes:
        _leave(quantiser, f"^{re.escape(scope)}$", _ALL)
    # A layer that is left in float may give an output of the file, and must not make that a float.
    for border in ("INPUT", "OUTPUT") if recipe.calibrated else ():
        if recipe.float_io:
            _leave(quantiser, _LAST, border)
        else:
            _use(quantiser, recipe, _LAST, border)


def _use(quantiser: Any, recipe: Recipe, pattern: str, operator: str, *, per_tensor: bool = False) -> None:
    from ai_edge_quantizer.algorithm_manager import AlgorithmName
    from ai_edge_quantizer.qtyping import QuantGranularity, TFLOperationName

    name = TFLOperationName(operator)
    scales = QuantGranularity.TENSORWISE if per_tensor else QuantGranularity.CHANNELWISE
    if recipe.activation_bits is not None:
        quantiser.add_static_config(pattern, name, recipe.activation_bits, recipe.weight_bits, scales)
    elif recipe.weight_bits == 8:
        quantiser.add_dynamic_config(pattern, name, recipe.weight_bits, scales)
    else:
        quantiser.add_weight_only_config(
            pattern, name, recipe.weight_bits, algorithm_key=AlgorithmName.FLOAT_CASTING
        )


def _leave(quantiser: Any, pattern: str, operator: str) -> None:
    from ai_edge_quantizer.algorithm_manager import AlgorithmName
    from ai_edge_quantizer.qtyping import TFLOperationName

    quantiser.update_quantization_recipe(
        pattern, TFLOperationName(operator), algorithm_key=AlgorithmName.NO_QUANTIZE
    )


def _read_ranges(ranges: Path) -> tuple[dict[str, dict[str, Any]], list[str]]:
    """Give what the quantiser takes, and the names of tensors that never held a finite value."""
    import numpy as np

    found = json.loads(ranges.read_text())
    measured = {
        name: {
            "min": np.full((1,) * axes, low, np.float32),
            "max": np.full((1,) * axes, high, np.float32),
        }
        for name, (low, high, axes) in found.items()
        if low <= high
    }
    return measured, [name for name in found if name not in measured]
