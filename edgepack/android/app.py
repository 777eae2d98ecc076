"""What an Android app says of itself, whether its Gradle files do or its APK does."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from edgepack.android.libraries import NativeLibrary


@dataclass(frozen=True, slots=True)
class Pin:
    """A release of a runtime that ends up in the app.

    Attributes:
        release: "group:artifact:version", or the id of a runtime that was added from a file.
        where: What says so: a file and line, an entry of a catalogue, a library, an option.
    """

    release: str
    where: str


@dataclass(frozen=True, slots=True)
class Unclear:
    """Something about runtimes that could not be understood.

    Attributes:
        where: File and line, or the entry of a catalogue.
        text: What is written there.
        reason: Why it does not tell a release.
    """

    where: str
    text: str
    reason: str


@dataclass(frozen=True, slots=True)
class App:
    """What could be found out about an app.

    Attributes:
        path: Its project or its APK.
        pins: The runtimes that it holds.
        unclear: What may say more, but was not understood.
        abis: The machines that it is built for; empty where it is built for all that its runtimes are for.
        libraries: All native libraries; empty for a project, whose libraries come when it is built.
        source_sets: The folders that hold assets.
        stored: For a project, the suffixes of files that its build does not compress.
        compressed: For an APK, the assets that were compressed.
        misplaced: For an APK, libraries for pages of 16 KB that lie in it where no such page starts.
    """

    path: Path
    pins: tuple[Pin, ...] = ()
    unclear: tuple[Unclear, ...] = ()
    abis: tuple[str, ...] = ()
    libraries: tuple[NativeLibrary, ...] = ()
    source_sets: tuple[Path, ...] = ()
    stored: frozenset[str] = field(default=frozenset())
    compressed: frozenset[str] = field(default=frozenset())
    misplaced: tuple[str, ...] = ()

    @property
    def is_built(self) -> bool:
        """Whether this is an APK, and so what will run, not a project of which it will be made."""
        return self.path.is_file()
