"""Bundles as one .zip: the same content gives the same bytes, and nothing gets out of a foreign one."""

from __future__ import annotations

import os
import shutil
import stat
import tempfile
import time
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, BinaryIO

from edgepack.bundle.disk import write_error
from edgepack.errors import BundleError, UsageError
from edgepack.files import copy_hashed

_EARLIEST, _LATEST = 315532800, 4354819198
"""1980-01-01 and 2107-12-31 in Unix time: all that a .zip's clock can show (APPNOTE.TXT, 4.4.6)."""
_SMALL = 256 * 2**20
_MOST_PACKED = 100
"""What unpacks to more than `_SMALL` bytes and to this many times its size is no bundle but a bomb: trained
weights hardly compress, and edgepack stores them as they are."""
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_ENCRYPTED = 0x1
"""Bit of a .zip entry's flags (APPNOTE.TXT, 4.4.4)."""
_BROKEN = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, UnicodeDecodeError)
"""What zipfile raises on a damaged archive."""


class ZipSink:
    """Takes a bundle's files into a new .zip.

    Everything is stored, not deflated: artifacts can be mapped into memory where they lie, and the bytes do
    not depend on the zlib at hand. Order is the caller's; times and permissions are fixed.
    """

    def __init__(self, archive: zipfile.ZipFile) -> None:
        self._archive = archive
        self._moment = time.gmtime(_source_date())[:6]

    @contextmanager
    def create(self, path: str, size: int) -> Iterator[IO[bytes]]:
        """Add a file of a known size."""
        info = zipfile.ZipInfo(path, self._moment)
        info.create_system = 3  # Unix, whatever this runs on
        info.external_attr = (stat.S_IFREG | 0o644) << 16
        info.file_size = size
        with self._archive.open(info, "w") as member:
            yield member


@contextmanager
def zip_sink(file: BinaryIO) -> Iterator[ZipSink]:
    """Write a .zip into an open file; its table of contents follows at the end of the block."""
    archive = zipfile.ZipFile(file, "w")
    try:
        yield ZipSink(archive)
    except BaseException:
        # Left alone, it would write its table when it is collected, into a file that is closed by then.
        with suppress(OSError):
            archive.close()
        raise
    archive.close()


def unpack(path: Path) -> Path:
    """Unpack a .zip into a new temporary folder, once every entry's name, kind and size has been checked.

    Raises:
        BundleError: It is no .zip, damaged, or not safe to unpack; the message names the entry.
        UsageError: There is no room for it.
    """
    try:
        folder = Path(tempfile.mkdtemp(prefix="edgepack-"))
    except OSError as error:
        raise UsageError(
            f"cannot make a temporary folder: {error.strerror}",
            hint="set TMPDIR to a folder with room for the bundle",
        ) from error
    try:
        with _open(path) as archive:
            for info in _checked(archive, path):
                _extract(archive, info, folder, path)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    return folder


def read_member(path: Path, name: str, limit: int) -> bytes:
    """Give one file's content without unpacking the rest.

    Raises:
        BundleError: It is no .zip, damaged, not safe, has no such file, or one larger than `limit` bytes.
    """
    with _open(path) as archive:
        for info in _checked(archive, path):
            if info.filename == name and info.file_size <= limit:
                return archive.read(info)
    raise BundleError(f"{path} is not a bundle: it has no {name}", hint="give what `edgepack build` wrote")


@contextmanager
def _open(path: Path) -> Iterator[zipfile.ZipFile]:
    try:
        with zipfile.ZipFile(path) as archive:
            yield archive
    except _BROKEN as error:
        raise BundleError(
            f"{path} is not a readable .zip: {error}", hint="copy it again, or build it again"
        ) from error
    except OSError as error:
        raise BundleError(f"cannot read {path}: {error.strerror}", hint="check its permissions") from error


def _checked(archive: zipfile.ZipFile, path: Path) -> list[zipfile.ZipInfo]:
    """Give the files to unpack, after a look at every entry."""
    seen: set[str] = set()
    for info in archive.infolist():
        fault = "comes twice" if info.filename in seen else _fault(info)
        seen.add(info.filename)
        if fault:
            raise BundleError(
                f"{path}: entry {info.filename!r} {fault}", hint="this .zip is not safe to unpack"
            )
    total = sum(info.file_size for info in archive.infolist())
    if total > max(_SMALL, _MOST_PACKED * path.stat().st_size):
        raise BundleError(
            f"{path} would unpack to {total} bytes, over {_MOST_PACKED} times its size",
            hint="this .zip is not safe to unpack",
        )
    return [info for info in archive.infolist() if not info.is_dir()]


def _fault(info: zipfile.ZipInfo) -> str:
    """Say what makes an entry unfit to be unpacked, or nothing."""
    name = info.filename.removesuffix("/")
    kind = stat.S_IFMT(info.external_attr >> 16)
    faults = {
        "has a character in its name that no bundle's file has": (
            "\\" in name or ":" in name or not name.isprintable()
        ),
        "has a path that leaves the bundle": any(part in ("", ".", "..") for part in name.split("/")),
        "is a symbolic link": stat.S_ISLNK(kind),
        "is no plain file": kind not in (0, stat.S_IFREG, stat.S_IFDIR, stat.S_IFLNK),
        "is encrypted": bool(info.flag_bits & _ENCRYPTED),
        "is compressed in a way that bundles do not use": info.compress_type not in _METHODS,
    }
    return next((words for words, found in faults.items() if found), "")


def _extract(archive: zipfile.ZipFile, info: zipfile.ZipInfo, folder: Path, path: Path) -> None:
    destination = folder / info.filename
    try:
        destination.parent.mkdir(parents=True, exist_ok=True)
        with archive.open(info) as source, destination.open("xb") as copy:
            copy_hashed(source, copy)
    except (FileExistsError, NotADirectoryError) as error:
        raise BundleError(
            f"{path}: entry {info.filename!r} clashes with another", hint="this .zip is not safe to unpack"
        ) from error
    except OSError as error:
        raise write_error(error, destination) from error


def _source_date() -> int:
    """Give SOURCE_DATE_EPOCH, in seconds, as https://reproducible-builds.org/specs/source-date-epoch asks."""
    text = os.environ.get("SOURCE_DATE_EPOCH", str(_EARLIEST))
    if not text.isdecimal():
        raise UsageError(
            f"SOURCE_DATE_EPOCH is {text!r}", hint="set it to whole seconds since 1970-01-01, or unset it"
        )
    return min(max(int(text), _EARLIEST), _LATEST)
