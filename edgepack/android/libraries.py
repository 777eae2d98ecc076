"""The native libraries of Android's runtimes: those that were published, and those that an app holds."""

from __future__ import annotations

import json
import mmap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from edgepack.android.elf import read_elf
from edgepack.runners.runtime_store import InstalledRuntime
from edgepack.runners.runtimes import ANDROID_ENGINES

PAGE = 16 * 1024
"""The page size, in bytes, that newer 64-bit devices may have."""


@dataclass(frozen=True, slots=True)
class NativeLibrary:
    """A native library for one kind of machine.

    Attributes:
        name: Of the file.
        abi: The machine's binary interface.
        bytes: Its size, unpacked.
        alignment: The largest page it can be loaded with, in bytes.
        build_id: See `edgepack.android.elf.ElfFile`.
    """

    name: str
    abi: str
    bytes: int
    alignment: int
    build_id: str

    @property
    def has_large_pages(self) -> bool:
        """Whether such machines may have pages of 16 KB: 64-bit ones may."""
        return self.abi in ("arm64-v8a", "x86_64")


def describe(name: str, abi: str, data: bytes | memoryview) -> NativeLibrary:
    """Describe a library by its content.

    Raises:
        ValueError: It is no library.
    """
    elf = read_elf(data)
    return NativeLibrary(name, abi, len(data), elf.alignment, elf.build_id)


def libraries_of(runtime_id: str, installed: Sequence[InstalledRuntime]) -> tuple[NativeLibrary, ...]:
    """Give what is known of a release's libraries; nothing where it is neither published here nor installed.

    Args:
        runtime_id: The release.
        installed: What is on this machine, of which only libraries for 64-bit ARM are kept.
    """
    if runtime_id in published():
        return published()[runtime_id]
    return tuple(
        _of_file(path)
        for one in installed
        if one.release.id == runtime_id
        for path in sorted((one.folder / "lib").glob("*.so"))
    )


def identify(library: NativeLibrary, installed: Sequence[InstalledRuntime]) -> str:
    """Give the id of the release that a runtime's main library belongs to, or nothing.

    Args:
        library: Found in an app.
        installed: What is on this machine, besides the releases that are known anyway.
    """
    candidates = [*published(), *(one.release.id for one in installed)]
    return next(
        (
            release
            for release in candidates
            for one in libraries_of(release, installed)
            if one.name in ANDROID_ENGINES and library.build_id and one.build_id == library.build_id
        ),
        "",
    )


def _of_file(path: Path) -> NativeLibrary:
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
        # The library is tens of megabytes, and what is asked for a few hundred bytes of it.
        view = memoryview(mapped)
        try:
            return describe(path.name, "arm64-v8a", view)
        finally:
            view.release()


@cache
def published() -> Mapping[str, tuple[NativeLibrary, ...]]:
    """Give what lies under jni/ in the archives of known releases, by release."""
    document = json.loads((Path(__file__).parent / "published.json").read_text(encoding="ascii"))
    return {
        release: tuple(
            NativeLibrary(name, abi, one["bytes"], one["alignment"], one["build_id"])
            for abi, libraries in abis.items()
            for name, one in libraries.items()
        )
        for release, abis in document.items()
    }
