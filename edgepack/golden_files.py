"""The files of golden cases.

Every case is a folder, `golden/0`, with a raw little-endian file for every tensor in `inputs` and `outputs`.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from edgepack.bundle.manifest import FileRef
from edgepack.errors import BundleError
from edgepack.golden import GoldenSet
from edgepack.model import TensorSpec

if TYPE_CHECKING:
    from edgepack.compare import Array

_LONGEST_NAME = 80


def load_case(golden: GoldenSet, index: int) -> tuple[dict[str, Array], dict[str, Array]]:
    """Read one case.

    Returns:
        Inputs by name and reference outputs by name, in the source's dtypes and layout.

    Raises:
        BundleError: A file is missing or of another size than its tensor.
    """
    case = golden.cases[index]
    return (
        _read_all(golden.root, case.inputs, golden.model.inputs),
        _read_all(golden.root, case.outputs, golden.model.outputs),
    )


def write_array(root: Path, path: str, array: Array) -> FileRef:
    """Write an array as raw little-endian bytes in C order.

    Args:
        root: The bundle, or a build's workspace.
        path: Relative to it, with forward slashes; folders are made.
        array: Any shape.
    """
    data = array.astype(array.dtype.newbyteorder("<"), order="C", copy=False).tobytes()
    target = root / path
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(data)
    return FileRef(path, hashlib.sha256(data).hexdigest(), len(data))


def read_array(path: Path, spec: TensorSpec) -> Array:
    """Read an array that `write_array` wrote.

    Returns:
        An array of the spec's dtype and shape that may be written to.

    Raises:
        BundleError: The file is missing, or not of the size that the spec asks for.
    """
    import numpy as np

    dtype = np.dtype(spec.dtype)
    try:
        data = bytearray(path.read_bytes())
    except OSError as error:
        raise BundleError(
            f"cannot read the golden file {path}: {error.strerror}",
            hint="the bundle is not whole; build it again",
        ) from error
    if len(data) != spec.elements * dtype.itemsize:
        raise BundleError(
            f"the golden file {path} has {len(data)} bytes, {spec} takes {spec.elements * dtype.itemsize}",
            hint="the bundle is damaged; build it again",
        )
    return np.frombuffer(data, dtype.newbyteorder("<")).astype(dtype, copy=False).reshape(spec.shape)


def write_arrays(root: Path, folder: str, arrays: Mapping[str, Array]) -> dict[str, FileRef]:
    """Write one side of a case, a file for each tensor.

    Args:
        root: The bundle, or a build's workspace.
        folder: Relative to it.
        arrays: By name.
    """
    files = _file_names(list(arrays))
    return {name: write_array(root, f"{folder}/{files[name]}.bin", array) for name, array in arrays.items()}


def _read_all(root: Path, files: Mapping[str, FileRef], specs: Sequence[TensorSpec]) -> dict[str, Array]:
    for spec in specs:
        if spec.name not in files:
            raise BundleError(
                f"a golden case has no file for {spec}", hint="the bundle is damaged; build it again"
            )
    return {spec.name: read_array(root / files[spec.name].path, spec) for spec in specs}


def _file_names(names: Sequence[str]) -> dict[str, str]:
    """Give tensors file names that every file system can hold, different even where case does not count."""
    taken: set[str] = set()
    files = {}
    for name in names:
        stem = re.sub(r"[^A-Za-z0-9_.-]", "_", name).strip(".")[:_LONGEST_NAME] or "tensor"
        candidate, number = stem, 1
        while candidate.lower() in taken:
            number += 1
            candidate = f"{stem}-{number}"
        taken.add(candidate.lower())
        files[name] = candidate
    return files
