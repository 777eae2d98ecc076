"""Samples of a model's inputs on disk: checked and written once, then read one at a time by any process."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from edgepack.errors import SourceError
from edgepack.model import TensorSpec
from edgepack.suggest import choices

if TYPE_CHECKING:
    from edgepack.compare import Array

type Row = tuple[str, Mapping[str, Array]]
"""Where a sample comes from, for messages, and its arrays by input name."""

_LARGER_DISK = "let TMPDIR name a folder on a larger disk"


@dataclass(frozen=True, slots=True)
class Samples:
    """Complete sets of inputs, in a build's workspace; can be pickled and opened in any process.

    Attributes:
        folder: Holds one file per input, `0.bin`, …: the samples one after another, as raw bytes.
        specs: The model's inputs, in order.
        count: How many samples there are.
        sha256: Of names, dtypes, shapes and values, in hexadecimal.
        warnings: What makes them poor data, for the report.
    """

    folder: Path
    specs: tuple[TensorSpec, ...]
    count: int
    sha256: str
    warnings: tuple[str, ...] = ()

    def samples(self) -> Iterator[dict[str, Array]]:
        """Give one sample after another: an array of the source's shape and dtype for every input.

        The files are mapped, never read whole; the arrays are the caller's own and may be written to.
        """
        import numpy as np

        stacks = {
            spec.name: np.memmap(
                self.folder / f"{index}.bin", spec.dtype, "r", shape=(self.count, *spec.shape)
            )
            for index, spec in enumerate(self.specs)
        }
        for index in range(self.count):
            yield {name: np.array(stack[index]) for name, stack in stacks.items()}

    def digest(self) -> str:
        """Sha256 over names, dtypes, shapes and values: equal exactly when the samples are."""
        return self.sha256


def write_samples(
    folder: Path, specs: Sequence[TensorSpec], rows: Iterable[Row], *, fewer: str = ""
) -> Samples:
    """Check samples one by one and write them; only one is in memory at a time.

    Args:
        folder: Is made.
        specs: What the model takes.
        rows: Where an input's first axis has size 1, an array may leave it out.
        fewer: What gives fewer samples, for the hint when the disk is full.

    Raises:
        SourceError: There are none; or one has an unknown or missing name, another shape or dtype than its
            input, or NaN or an infinity; or the disk is full.
    """
    folder.mkdir()
    digest = hashlib.sha256(" ".join(map(str, specs)).encode())
    first: dict[str, Array] = {}
    varied: set[str] = set()
    count = 0
    with ExitStack() as opened:
        files = [opened.enter_context((folder / f"{index}.bin").open("wb")) for index in range(len(specs))]
        for where, arrays in rows:
            sample = _checked(where, arrays, specs)
            for spec, file in zip(specs, files, strict=True):
                digest.update(_write(file, sample[spec.name], fewer))
                if not _same(first.setdefault(spec.name, sample[spec.name]), sample[spec.name]):
                    varied.add(spec.name)
            count += 1
    if not count:
        raise SourceError("the data holds no samples", hint="give some that the app will meet")
    unvaried = [name for name in first if name not in varied and (count > 1 or _is_constant(first[name]))]
    samples = f"all {count} samples" if count > 1 else "all of the only sample"
    warnings = tuple(f"input {name!r} is the same in {samples}" for name in unvaried)
    return Samples(folder, tuple(specs), count, digest.hexdigest(), warnings)


def spread(total: int, limit: int) -> list[int]:
    """Choose at most `limit` of `total` places, evenly spaced: files are often sorted by class."""
    return [index * total // min(total, limit) for index in range(min(total, limit))]


def _checked(where: str, arrays: Mapping[str, Array], specs: Sequence[TensorSpec]) -> dict[str, Array]:
    names = [spec.name for spec in specs]
    for name in arrays:
        if name not in names:
            raise SourceError(f"{where}: the model has no input {name!r}", hint=choices(name, names))
    return {spec.name: _checked_array(where, arrays.get(spec.name), spec) for spec in specs}


def _checked_array(where: str, array: Array | None, spec: TensorSpec) -> Array:
    import numpy as np

    if array is None:
        raise SourceError(f"{where}: there is no array for input {spec.name!r}", hint=f"add one of {spec}")
    if spec.shape not in (array.shape, (1, *array.shape)):
        raise SourceError(
            f"{where}: {spec.name!r} has shape {list(array.shape)}, the model takes {list(spec.shape)}",
            hint=f"every sample is one {spec}; files stack them along a new first axis",
        )
    native = array.dtype.newbyteorder("=")
    if native != np.dtype(spec.dtype):
        raise SourceError(
            f"{where}: {spec.name!r} has dtype {array.dtype}, the model takes {spec.dtype}",
            hint=f"write it with .astype({spec.dtype!r})",
        )
    array = np.ascontiguousarray(array, native).reshape(spec.shape)
    if "float" in spec.dtype and not np.isfinite(array).all():
        raise SourceError(
            f"{where}: {spec.name!r} holds NaN or an infinity", hint="leave that sample out, or mend it"
        )
    return array


def _write(file: BinaryIO, array: Array, fewer: str) -> bytes:
    data = array.tobytes()
    try:
        file.write(data)
    except OSError as error:
        raise SourceError(
            f"no room for the samples: {error.strerror}",
            hint=f"{fewer}, or {_LARGER_DISK}" if fewer else _LARGER_DISK,
        ) from error
    return data


def _same(first: Array, other: Array) -> bool:
    return first.tobytes() == other.tobytes()


def _is_constant(array: Array) -> bool:
    return bool((array == array.flat[0]).all())
