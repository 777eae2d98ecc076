"""What a file written by PyTorch holds, told from the file itself and without importing torch."""

from __future__ import annotations

import zipfile
from enum import Enum
from pathlib import Path
from typing import IO

from edgepack.errors import SourceError
from edgepack.sources.texts import summarise

_ZIP = b"PK\x03\x04"
_LEGACY = bytes.fromhex("80028a0a6cfc9c46f9206aa850192e")  # torch.serialization.MAGIC_NUMBER as a pickle
_CHUNK = 1 << 20

TRUST_HINT = "--trust loads it all the same, if you trust whoever made it"


class Content(Enum):
    """The formats that PyTorch writes."""

    TORCHSCRIPT = "a TorchScript module"
    EXPORTED = "an exported program"
    PICKLE = "what torch.save made: a state dict or pickled Python objects"


def examine(path: Path) -> Content:
    """Tell what a file holds.

    Raises:
        SourceError: It is damaged, or PyTorch did not write it.
    """
    with path.open("rb") as file:
        head = file.read(len(_LEGACY))
    if head == _LEGACY:
        return Content.PICKLE
    if head[:1] == b"\x80":
        raise SourceError(
            f"{path} is a plain Python pickle, which PyTorch does not load",
            hint="write the model again with torch.jit.save, or its state dict with torch.save",
        )
    if not head.startswith(_ZIP):
        raise SourceError(
            f"{path} is not a model file of PyTorch",
            hint="write it with torch.jit.save, torch.export.save or torch.save",
        )
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except (zipfile.BadZipFile, ValueError, OSError) as error:
        raise damaged(path, f"the archive is cut short or broken ({error})") from error
    return _content(path, names)


def check_integrity(path: Path) -> None:
    """Read an archive through and compare every record with its checksum, which torch itself does not.

    Raises:
        SourceError: A byte is not as it was written; the message names the record.
    """
    if not zipfile.is_zipfile(path):
        return  # the older format has no checksums
    try:
        with zipfile.ZipFile(path) as archive:
            records = archive.infolist()
            # torch.serialization.set_crc32_options(False) writes zeros.
            if not any(record.CRC for record in records):
                return
            for record in records:
                with archive.open(record) as stream:
                    _read_through(stream)
    except Exception as error:
        # A flipped bit in a header can ask for a password, another compression or a seek beyond the end.
        raise damaged(path, summarise(error)) from error


def damaged(path: Path, reason: str) -> SourceError:
    """Give the error for a file that is not as it was written."""
    return SourceError(
        f"{path} is damaged: {reason}", hint="copy or download it again, or export the model again"
    )


def refuse_code(path: Path, what: str, hint: str) -> SourceError:
    """Give the error for a file whose loading would run code that is not PyTorch's own."""
    return SourceError(f"{path} holds {what}: loading it would run code from the file", hint)


def _content(path: Path, names: list[str]) -> Content:
    inside = {name.partition("/")[2] for name in names}
    if "archive_format" in inside or any(name.startswith("models/") for name in inside):
        return Content.EXPORTED
    if "serialized_exported_program.json" in names:
        return Content.EXPORTED
    if "constants.pkl" in inside:
        return Content.TORCHSCRIPT
    if "data.pkl" in inside:
        return Content.PICKLE
    raise SourceError(
        f"{path} is a zip archive, but not a model of PyTorch",
        hint="write it with torch.jit.save, torch.export.save or torch.save",
    )


def _read_through(stream: IO[bytes]) -> None:
    while stream.read(_CHUNK):
        pass
