"""The zip archive around a .ptl file: what may stay in it, and whether it is whole.

`_save_for_lite_interpreter` writes two programs into one archive: the bytecode that phones run, and the
TorchScript source with constants of its own, for desktops. The layout is the one described in PyTorch's
torch/csrc/jit/docs/serialization.md; what the lite interpreter needs of it is what its loader reads,
torch/csrc/jit/mobile/import.cpp.
"""

from __future__ import annotations

import re
import struct
import zipfile
import zlib
from pathlib import Path
from shutil import copyfileobj

from edgepack.backends.torch_lite.program import rename

_ROOT = "model"
_PROGRAM = ("data.pkl", "bytecode.pkl")
_KEPT = ("data/", "bytecode/", "version", ".data/version", "byteorder")
_ALIGNMENT = 64  # bytes; PyTorch starts every record at such an offset, so that tensors can be mapped
_LOCAL_HEADER = 30  # bytes in front of a record's name, by the zip specification
_CHUNK = 1 << 20
_SIGNS_OF_DAMAGE = (EOFError, NotImplementedError, OSError, RuntimeError, zipfile.BadZipFile, zlib.error)
_CLASS_NUMBER = re.compile(r"(?<=___torch_mangle_)\d+")
_CONSTANT_NUMBER = re.compile(r"^\d+(?=\.storage$)")


class _Renumbering:
    """Replaces the numbers that a pattern finds by 0, 1, 2, … in order of appearance."""

    def __init__(self, pattern: re.Pattern[str]) -> None:
        self._pattern = pattern
        self.numbers: dict[str, str] = {}

    def __call__(self, text: str) -> str:
        return self._pattern.sub(
            lambda found: self.numbers.setdefault(found[0], str(len(self.numbers))), text
        )


def keep_program(saved: Path, path: Path) -> None:
    """Copy from a saved .ptl what the lite interpreter reads, so that the same model gives the same bytes.

    Dropped are the TorchScript source, its debug records (they name folders of the machine that traced the
    model), its constants (a backport writes them twice) and the archive's id, a hash over what is dropped.
    Class names, which count what the process compiled before, and constants, which a backport names by
    their address, are numbered anew.

    Args:
        saved: As `_save_for_lite_interpreter` or `_backport_for_mobile` wrote it.
        path: Where the copy goes.
    """
    with zipfile.ZipFile(saved) as source, path.open("wb") as stream, zipfile.ZipFile(stream, "w") as target:
        records = {info.filename.partition("/")[2]: info for info in source.infolist()}
        classes, constants = _Renumbering(_CLASS_NUMBER), _Renumbering(_CONSTANT_NUMBER)
        for name in _PROGRAM:
            program = rename(source.read(records[name]), lambda text: constants(classes(text)))
            target.writestr(_aligned(name, len(program), stream.tell()), program)
        kept = {
            f"constants/{old}.storage": f"constants/{new}.storage" for old, new in constants.numbers.items()
        }
        kept |= {name: name for name in records if name.startswith(_KEPT)}
        for old, new in kept.items():
            info = _aligned(new, records[old].file_size, stream.tell())
            with source.open(records[old]) as record, target.open(info, "w") as copy:
                copyfileobj(record, copy, _CHUNK)


def refuse_damage(path: Path) -> None:
    """Check every record's CRC-32, which the lite interpreter ignores: it crashes, or uses wrong weights.

    Raises:
        BadZipFile: The file is cut short, altered, or not a .ptl at all.
        OSError: It cannot be read.
    """
    with path.open("rb") as stream:
        try:
            with zipfile.ZipFile(stream) as archive:
                damaged = archive.testzip()
        except _SIGNS_OF_DAMAGE as error:
            reason = str(error) or "a record ends too early"
            raise zipfile.BadZipFile(f"{path.name} is damaged or not a .ptl file: {reason}") from error
    if damaged:
        raise zipfile.BadZipFile(f"{path.name} is damaged: the checksum of {damaged} is wrong")


def _aligned(name: str, size: int, offset: int) -> zipfile.ZipInfo:
    """Describe a record whose header stands at `offset`, padded so that its data starts aligned."""
    info = zipfile.ZipInfo(f"{_ROOT}/{name}")
    info.file_size = size
    padding = -(offset + _LOCAL_HEADER + len(info.filename) + 4) % _ALIGNMENT
    info.extra = b"FB" + struct.pack("<H", padding) + b"Z" * padding
    return info
