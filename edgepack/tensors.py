"""Tensors as a user gives and keeps them: numbers on the command line, in lists, in .npy and .npz files."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from edgepack.errors import SourceError, UsageError
from edgepack.model import ModelSpec, TensorSpec
from edgepack.numpy_files import reading_arrays
from edgepack.processing.pictures import is_picture, read_picture
from edgepack.processing.steps import Preprocess
from edgepack.suggest import choices

if TYPE_CHECKING:
    from edgepack.compare import Array

_HOLDS = {"b": "b", "i": "biu", "u": "biu", "f": "biuf"}
"""Which kinds of numbers, by numpy's letters, each kind of dtype holds without losing anything."""


def read_inputs(
    texts: Sequence[str], model: ModelSpec, contracts: Sequence[Preprocess] = ()
) -> dict[str, Array]:
    """Read a model's inputs, each from a file or from the text itself.

    Args:
        texts: "name=@file.npy", "name=@picture.png", or "name=1,2,3" with all values in row-major order.
        model: Says how many values an input has, in which shape and dtype.
        contracts: What turns pictures into inputs.

    Returns:
        By name. Files come as they are; `edgepack.verification.run_artifact` checks their shape and dtype.

    Raises:
        UsageError: A text has no name, names no input of the model or one twice, or its values do not fit.
        SourceError: A file cannot be read, or a picture has no contract or does not fit it.
        ToolError: Pillow, which pictures need, is not installed.
    """
    specs = {spec.name: spec for spec in model.inputs}
    inputs: dict[str, Array] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals:
            raise UsageError(f"cannot read input {text!r}", hint="write name=@file.npy or name=1,2,3")
        if name not in specs:
            raise UsageError(f"the model has no input {name!r}", hint=choices(name, specs))
        if name in inputs:
            raise UsageError(f"input {name!r} is given twice")
        inputs[name] = _read(value, specs[name], contracts)
    return inputs


def as_array(value: object, spec: TensorSpec) -> Array:
    """Give what a program passes for an input as an array.

    Args:
        value: An array or a tensor, which keeps its dtype; or nested lists of numbers, which have none.
        spec: The input.

    Raises:
        UsageError: It is neither, or its numbers do not fit the input's dtype.
    """
    import numpy as np

    try:
        array = np.asarray(value)
        if hasattr(value, "__array__"):
            return array
        dtype = np.dtype(spec.dtype)
        if array.size and array.dtype.kind not in _HOLDS[dtype.kind]:
            raise UsageError(
                f"input {spec.name!r}: not all values are {spec.dtype}", hint=f"the model takes {spec}"
            )
        return np.asarray(value, dtype)
    except (TypeError, ValueError, OverflowError, RuntimeError) as error:
        raise UsageError(
            f"input {spec.name!r} is no array of {spec.dtype}: {error}",
            hint=f"the model takes {spec}; of a tensor give tensor.detach().cpu().numpy()",
        ) from error


def save_outputs(path: Path, outputs: Mapping[str, Array]) -> None:
    """Write outputs into one .npz file, an array each by name.

    Raises:
        UsageError: The file cannot be written.
    """
    import numpy as np

    try:
        # numpy.savez takes names as keywords, so an output called "file" would collide with its own.
        with zipfile.ZipFile(path, "w") as archive:
            for name, tensor in outputs.items():
                with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
                    np.save(member, tensor, allow_pickle=False)
    except OSError as error:
        raise UsageError(f"cannot write {path}: {error.strerror}") from error


def _read(value: str, spec: TensorSpec, contracts: Sequence[Preprocess]) -> Array:
    if not value.startswith("@"):
        return _parse(value, spec)
    path = Path(value[1:])
    if not is_picture(path):
        return _load(path)
    from edgepack.processing.arithmetic import preprocess

    for contract in contracts:
        if contract.input == spec.name:
            return preprocess(contract, read_picture(path), spec)
    raise SourceError(
        f"the bundle does not say how a picture becomes {spec}",
        hint="build it with --preprocess, or give an .npy",
    )


def _load(path: Path) -> Array:
    import numpy as np

    # numpy leaves a file open that it opened and found damaged.
    with reading_arrays(path), path.open("rb") as file:
        loaded = np.load(file, allow_pickle=False)
    if not isinstance(loaded, np.ndarray):
        loaded.close()
        raise SourceError(f"{path} holds several arrays", hint="save the one that is meant with numpy.save")
    return loaded


def _parse(text: str, spec: TensorSpec) -> Array:
    import numpy as np

    parts = [part.strip() for part in text.split(",")] if text.strip() else []
    if len(parts) != spec.elements:
        raise UsageError(
            f"input {spec.name!r} has {spec.elements} values, not {len(parts)}",
            hint=f"the model takes {spec}",
        )
    try:
        values = [_number(part, spec.dtype) for part in parts]
        return np.array(values, dtype=spec.dtype).reshape(spec.shape)
    except (ValueError, OverflowError, KeyError) as error:
        raise UsageError(f"input {spec.name!r}: not all values are {spec.dtype}: {error}") from error


def _number(text: str, dtype: str) -> float | int | bool:
    if dtype == "bool":
        return {"true": True, "1": True, "false": False, "0": False}[text.lower()]
    return float(text) if dtype.startswith("float") else int(text)
