"""Files of stacked arrays, mapped instead of read: .npz with one array per name, or a lone .npy."""

from __future__ import annotations

import shutil
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from edgepack.errors import SourceError
from edgepack.numpy_files import reading_arrays

if TYPE_CHECKING:
    from edgepack.compare import Array

_ZIP = b"PK"


def open_stacks(path: Path, scratch: Path) -> Mapping[str, Array]:
    """Open a file's arrays without reading them into memory.

    Args:
        path: An .npz, or an .npy, whose array has no name.
        scratch: A folder for the members of an .npz, which must lie on the disk by themselves to be mapped.

    Returns:
        Arrays by name, all of the same length; the one of an .npy under "".

    Raises:
        SourceError: The file is missing, damaged, empty, or its arrays are not stacks of one length.
    """
    with reading_arrays(path):
        stacks = _open(path, scratch)
    _check_lengths(path, stacks)
    return stacks


def _open(path: Path, scratch: Path) -> Mapping[str, Array]:
    with path.open("rb") as file:
        packed = file.read(len(_ZIP)) == _ZIP
    if not packed:
        loaded: Array = np.load(path, mmap_mode="r", allow_pickle=False)
        return {"": loaded}
    stacks: dict[str, Array] = {}
    with zipfile.ZipFile(path) as archive:
        for index, member in enumerate(archive.namelist()):
            plain = scratch / f"{index}.npy"
            with archive.open(member) as source, plain.open("xb") as unpacked:
                shutil.copyfileobj(source, unpacked)
            stacks[member.removesuffix(".npy")] = np.load(plain, mmap_mode="r", allow_pickle=False)
    return stacks


def _check_lengths(path: Path, stacks: Mapping[str, Array]) -> None:
    lengths = {name: len(stack) if stack.ndim else None for name, stack in stacks.items()}
    for name, length in lengths.items():
        if length is None:
            raise SourceError(
                f"{path}: {name!r} is a single number, not a stack of samples", hint="stack them: numpy.stack"
            )
    if len(set(lengths.values())) > 1:
        listed = ", ".join(f"{name} {length}" for name, length in lengths.items())
        raise SourceError(f"{path}: the arrays hold different numbers of samples: {listed}")
    if not any(lengths.values()):
        raise SourceError(f"{path} holds no samples", hint="stack some along the first axis: numpy.stack")
