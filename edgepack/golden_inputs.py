"""Inputs of golden cases: drawn from a seed, or read from the user's files."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from edgepack.errors import SourceError
from edgepack.model import InputSpec, TensorSpec
from edgepack.numpy_files import reading_arrays
from edgepack.suggest import did_you_mean

if TYPE_CHECKING:
    from edgepack.compare import Array

_DEFAULT_INTEGERS = (0, 9)


def draw_inputs(inputs: Sequence[InputSpec], cases: int, seed: int) -> list[dict[str, Array]]:
    """Draw inputs from seeded generators.

    Floats come from the standard normal distribution, or uniformly from the input's range; integers
    uniformly from 0 to 9 or from the range, bounds included; booleans are true and false alike. Every input
    has a stream of its own, made of seed, case and name, so that another input does not change it.

    Args:
        inputs: Names, dtypes, shapes and ranges.
        cases: How many.
        seed: Any integer.

    Returns:
        Per case, an array of the spec's dtype and shape for every input.

    Raises:
        SourceError: A range does not fit its dtype.
    """
    return [{one.tensor.name: _draw(one, case, seed) for one in inputs} for case in range(cases)]


def undeclared_ranges(inputs: Sequence[InputSpec]) -> tuple[str, ...]:
    """Warn of each input whose integers are drawn from a range that nobody gave: others prove nothing.

    Negative and large integers are where exporters and converters differ from PyTorch without an error.
    """
    low, high = _DEFAULT_INTEGERS
    return tuple(
        f"input {one.tensor.name!r} was tried with integers from {low} to {high} only; say which ones occur: "
        f"--input {one.tensor}=LOW..HIGH"
        for one in inputs
        if np.issubdtype(np.dtype(one.tensor.dtype), np.integer) and one.low is None
    )


def read_arrays(path: Path, specs: Sequence[TensorSpec]) -> dict[str, Array]:
    """Read one of the user's own cases: an `.npz` with arrays named by input, or an `.npy` for a lone input.

    Args:
        path: Of the file.
        specs: Of the model's inputs.

    Raises:
        SourceError: The file cannot be read, or its arrays are not what the model takes.
    """
    arrays = _load(path, specs)
    names = [spec.name for spec in specs]
    for name in arrays:
        if name not in names:
            near = did_you_mean(name, names)
            raise SourceError(
                f"{path}: the model has no input {name!r}",
                hint=f"{near} its inputs are {', '.join(map(str, specs))}".strip(),
            )
    return {spec.name: _checked(path, spec, arrays.get(spec.name)) for spec in specs}


def _draw(spec: InputSpec, case: int, seed: int) -> Array:
    name, dtype, shape = spec.tensor.name, np.dtype(spec.tensor.dtype), spec.tensor.shape
    entropy = hashlib.sha256(f"{seed}/{case}/{name}".encode()).digest()
    generator = np.random.default_rng(int.from_bytes(entropy))
    if np.issubdtype(dtype, np.floating):
        if spec.low is None or spec.high is None:
            return generator.standard_normal(shape).astype(dtype)
        _check_range(spec, float(np.finfo(dtype).min), float(np.finfo(dtype).max))
        return generator.uniform(spec.low, spec.high, shape).astype(dtype)
    is_bool = dtype == np.bool_
    limits = (0, 1) if is_bool else (int(np.iinfo(dtype).min), int(np.iinfo(dtype).max))
    low, high = (0, 1) if is_bool else _DEFAULT_INTEGERS
    if spec.low is not None and spec.high is not None:
        _check_range(spec, *limits)
        low, high = int(spec.low), int(spec.high)
    drawn = generator.integers(low, high, shape, dtype=np.int64, endpoint=True)
    return np.asarray(drawn).astype(dtype)


def _check_range(spec: InputSpec, lowest: float, highest: float) -> None:
    assert spec.low is not None
    assert spec.high is not None
    whole = "float" in spec.tensor.dtype or (spec.low.is_integer() and spec.high.is_integer())
    if not whole or spec.low < lowest or spec.high > highest:
        raise SourceError(
            f"input {spec.tensor}: the range {spec.low:g}..{spec.high:g} does not fit {spec.tensor.dtype}",
            hint=f"{spec.tensor.dtype} goes from {lowest:g} to {highest:g}"
            + ("" if whole else ", in whole numbers"),
        )


def _load(path: Path, specs: Sequence[TensorSpec]) -> Mapping[str, Array]:
    with reading_arrays(path), path.open("rb") as file:
        loaded = np.load(file, allow_pickle=False)
        if not isinstance(loaded, np.ndarray):
            with loaded:
                arrays = {name: loaded[name] for name in loaded.files}
            if not all(isinstance(array, np.ndarray) for array in arrays.values()):
                raise ValueError("a member of the archive is not an array")
            return arrays
    if len(specs) != 1:
        raise SourceError(
            f"{path} holds one array, and the model has {len(specs)} inputs",
            hint=f"write an .npz: numpy.savez(file, {', '.join(f'{spec.name}=…' for spec in specs)})",
        )
    return {specs[0].name: loaded}


def _checked(path: Path, spec: TensorSpec, array: Array | None) -> Array:
    if array is None:
        raise SourceError(f"{path} has no array for input {spec.name!r}", hint=f"add one of {spec}")
    if array.shape != spec.shape:
        raise SourceError(
            f"{path}: {spec.name!r} has shape {list(array.shape)}, the model takes {list(spec.shape)}",
            hint=f"give an array of {spec}",
        )
    native = array.dtype.newbyteorder("=")
    if native != np.dtype(spec.dtype):
        raise SourceError(
            f"{path}: {spec.name!r} has dtype {array.dtype}, the model takes {spec.dtype}",
            hint=f"write it with .astype({spec.dtype!r})",
        )
    return array.astype(native)
