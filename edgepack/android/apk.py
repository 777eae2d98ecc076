"""Reads an APK: its native libraries, and how its assets are stored."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO
from zipfile import ZIP_STORED, BadZipFile, ZipFile, ZipInfo

from edgepack.android.app import App, Pin, Unclear
from edgepack.android.libraries import PAGE, NativeLibrary, describe, identify
from edgepack.errors import SourceError
from edgepack.runners.runtime_store import InstalledRuntime
from edgepack.runners.runtimes import ANDROID_ENGINES

_MANIFEST = "AndroidManifest.xml"
_BUNDLE_MANIFEST = f"base/manifest/{_MANIFEST}"
_LOCAL_HEADER = struct.Struct("<26xHH")
"""Of a .zip entry; the lengths of its name and of its extra field close it (APPNOTE.TXT, 4.3.7)."""
_LARGEST_LIBRARY = 2**30


def read_apk(path: Path, installed: tuple[InstalledRuntime, ...], scratch: Path, name: str) -> App:
    """Read an APK.

    Args:
        path: The file.
        installed: Runtimes of this machine, to recognise those in the APK by.
        scratch: An empty folder; the embedded bundle is unpacked into it, as it would lie in a source set.
        name: Of the bundle to unpack.

    Raises:
        SourceError: It is no APK, or damaged.
    """
    with _opened(path) as archive, path.open("rb") as file:
        infos = [info for info in archive.infolist() if not info.is_dir()]
        shared = [(info, _library(archive, info, path)) for info in infos if _is_library(info)]
        libraries = tuple(library for _, library in shared)
        misplaced = tuple(info.filename for info, library in shared if _is_misplaced(file, info, library))
        assets = [info for info in infos if info.filename.startswith(f"assets/edgepack/{name}/")]
        for info in assets:
            archive.extract(info, scratch)
    mains = [one for one in libraries if one.name in ANDROID_ENGINES]
    named = [(one, identify(one, installed)) for one in mains]
    return App(
        path=path,
        pins=tuple(Pin(release, _place(one)) for one, release in named if release),
        unclear=tuple(
            Unclear(_place(one), f"build id {one.build_id or 'missing'}", "no release that edgepack knows")
            for one, release in named
            if not release
        ),
        abis=tuple(dict.fromkeys(one.abi for one in libraries)),
        libraries=libraries,
        source_sets=(scratch,) if assets else (),
        compressed=frozenset(info.filename for info in assets if info.compress_type != ZIP_STORED),
        misplaced=misplaced,
    )


def _place(library: NativeLibrary) -> str:
    return f"lib/{library.abi}/{library.name}"


@contextmanager
def _opened(path: Path) -> Iterator[ZipFile]:
    try:
        with ZipFile(path) as archive:
            names = set(archive.namelist())
            if _MANIFEST not in names:
                kind = "an app bundle, from which the store makes APKs" if _BUNDLE_MANIFEST in names else ""
                raise SourceError(
                    f"{path} is {kind or f'no APK: it has no {_MANIFEST}'}",
                    hint="give an .apk, or the folder of the app's project",
                )
            yield archive
    except (BadZipFile, zlib.error, EOFError, NotImplementedError, OSError) as error:
        raise SourceError(f"{path} is not a readable APK: {error}", hint="build it again") from error


def _is_library(info: ZipInfo) -> bool:
    parts = info.filename.split("/")
    return len(parts) == 3 and parts[0] == "lib" and parts[2].endswith(".so")


def _library(archive: ZipFile, info: ZipInfo, path: Path) -> NativeLibrary:
    if info.file_size > _LARGEST_LIBRARY:
        raise SourceError(f"{path}: {info.filename} has {info.file_size} bytes, too many for a library")
    _, abi, name = info.filename.split("/")
    try:
        return describe(name, abi, archive.read(info))
    except ValueError as error:
        raise SourceError(
            f"{path}: {info.filename} is no native library: {error}", hint="build the app again"
        ) from error


def _is_misplaced(file: BinaryIO, info: ZipInfo, library: NativeLibrary) -> bool:
    # Where a library cannot be loaded with such pages at all, its place does not matter.
    if not library.has_large_pages or library.alignment < PAGE or info.compress_type != ZIP_STORED:
        return False
    return _data_offset(file, info) % PAGE != 0


def _data_offset(file: BinaryIO, info: ZipInfo) -> int:
    """Say where an entry's content starts in the archive: after its local header, which has no fixed size."""
    file.seek(info.header_offset)
    name_size, extra_size = _LOCAL_HEADER.unpack(file.read(_LOCAL_HEADER.size))
    start: int = info.header_offset + _LOCAL_HEADER.size + name_size + extra_size
    return start
