"""Inputs that the user fixes to a value: they become constants of the model."""

from __future__ import annotations

from collections.abc import Sequence
from math import isfinite
from typing import TYPE_CHECKING, Any

import numpy as np

from edgepack.errors import SourceError
from edgepack.model import DTYPES, Binding, InputSpec
from edgepack.sources.input_choice import FileInput, unknown_input

if TYPE_CHECKING:
    from edgepack.compare import Array


def bind_inputs(
    source: str, known: Sequence[FileInput], bindings: Sequence[Binding], given: Sequence[InputSpec] = ()
) -> dict[str, Array]:
    """Give bound values in the dtypes and shapes that the model file has for these inputs.

    Args:
        source: The file, for messages.
        known: All inputs of the file.
        bindings: From `--bind`.
        given: From `--input`; none of them may be bound.

    Raises:
        SourceError: There is no such input, it is also given or bound twice, the value does not fit it, or no
            input is left.
    """
    inputs = {one.name: one for one in known}
    described = {one.tensor.name for one in given}
    values: dict[str, Array] = {}
    for binding in bindings:
        if binding.name not in inputs:
            raise unknown_input(source, binding.name, known)
        if binding.name in values:
            raise SourceError(f"input {binding.name!r} is bound twice", hint="bind each input once")
        if binding.name in described:
            raise SourceError(
                f"input {binding.name!r} is bound, and given by --input too",
                hint="a bound input has its dtype and shape from the model: leave --input away",
            )
        values[binding.name] = _array(source, inputs[binding.name], binding)
    if known and len(values) == len(known):
        raise SourceError(
            f"{source}: all inputs are bound, so that there is nothing left to compute",
            hint="leave the input free that carries the data",
        )
    return values


def _array(source: str, known: FileInput, binding: Binding) -> Array:
    if known.dtype not in DTYPES:
        raise SourceError(
            f"{source}: input {known} cannot be bound, for it holds no numbers",
            hint="cut the graph behind it with onnx.utils.extract_model",
        )
    dtype = np.dtype(known.dtype)
    if not all(_holds(dtype, number) for number in np.asarray(binding.value, object).flat):
        raise SourceError(f"{source}: {binding} does not fit input {known}: {_wanted(dtype)}")
    value = np.asarray(binding.value, dtype)
    if not known.accepts(value.shape):
        shape = "one number" if not value.shape else f"shape [{','.join(map(str, value.shape))}]"
        raise SourceError(
            f"{source}: input {known} cannot be bound to {shape}", hint=f"write --bind {_example(known)}"
        )
    return value


def _holds(dtype: np.dtype[Any], number: float) -> bool:
    """Whether a dtype has this number, or for a fraction one next to it."""
    if dtype.kind == "b" or isinstance(number, bool):
        return dtype.kind == "b" and isinstance(number, bool)
    if dtype.kind == "f":
        return not isfinite(number) or abs(number) <= float(np.finfo(dtype).max)
    info = np.iinfo(dtype)
    return isinstance(number, int) and info.min <= number <= info.max


def _wanted(dtype: np.dtype[Any]) -> str:
    if dtype.kind == "b":
        return "it is true or false"
    if dtype.kind == "f":
        return f"it is a number within {dtype.name}"
    info = np.iinfo(dtype)
    return f"it is a whole number from {info.min} to {info.max}"


def _example(known: FileInput) -> str:
    """Spell a value of the right shape: "axes=[0,0]"."""
    number = "true" if known.dtype == "bool" else "0"
    for size in reversed(known.shape or ()):
        number = f"[{','.join([number] * (size if isinstance(size, int) else 1))}]"
    return f"{known.name}={number}"
