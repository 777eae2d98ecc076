"""The runtimes that are installed on this machine: adding, finding whole, removing."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgepack.cache import default_root
from edgepack.errors import ToolError, UsageError
from edgepack.events import Event, EventKind, Listener, ignore, step
from edgepack.files import sha256_of
from edgepack.runners.guest_programs import ENGINES, GuestProgram, build
from edgepack.runners.java import build_java
from edgepack.runners.runtimes import RUNTIMES, RuntimeRelease, find_release, unpack_libraries
from edgepack.runners.selftest import self_test
from edgepack.suggest import choices
from edgepack.toolchain.compiler import find_compiler
from edgepack.toolchain.downloads import DownloadCache, locked

SCHEMA = "edgepack.runtime/1"
_RECORD = "runtime.json"
_LIBRARIES = "lib"

type SelfTest = Callable[[str, str, GuestProgram], Mapping[str, float]]


@dataclass(frozen=True, slots=True)
class InstalledRuntime:
    """A runtime on this machine that has passed its self-test.

    Attributes:
        release: What it is.
        folder: Where it is.
        libraries: Name to sha256.
        self_test: By processor and file, the error in units of what is allowed.
    """

    release: RuntimeRelease
    folder: Path
    libraries: Mapping[str, str]
    self_test: Mapping[str, float]

    @property
    def bytes(self) -> int:
        """How much room it takes."""
        return sum(path.stat().st_size for path in self.folder.rglob("*") if path.is_file())


class RuntimeStore:
    """A folder of installed runtimes, with the downloads and the guest programs that belong to them.

    Several processes may use one at once: a runtime appears by one rename when it has passed its self-test.
    """

    def __init__(self, root: Path | None = None, *, offline: bool = False, emit: Listener = ignore) -> None:
        """Name the store; nothing is read or made before the first use.

        Args:
            root: The folder that holds it; the user's cache when None.
            offline: Whether nothing may be downloaded.
            emit: Who is told of downloads, tests and repairs.
        """
        base = root or default_root()
        self._emit = emit
        self._runtimes = base / "runtimes"
        self._programs = base / "guests"
        self.downloads = DownloadCache(base / "downloads", offline=offline, emit=emit)

    def installed(self) -> tuple[InstalledRuntime, ...]:
        """Give all runtimes that are installed, by id."""
        found = (_read(folder) for folder in self._runtimes.glob("*") if (folder / _RECORD).is_file())
        return tuple(sorted((one for one in found if one), key=lambda one: one.release.id))

    def add(
        self, release: RuntimeRelease, file: Path | None = None, test: SelfTest = self_test
    ) -> InstalledRuntime:
        """Install a runtime, unless it is there and whole.

        Args:
            release: Which.
            file: The archive, where it is a file of the user's own.
            test: What it has to pass.

        Raises:
            ToolError: It cannot be had, cannot be driven, or failed its self-test.
        """
        with locked(self._runtimes, release.slug):
            present = _read(self._folder(release))
            if present is not None and not _damage(present):
                return present
            archive = file or self._download(release)
            with tempfile.TemporaryDirectory(prefix="work-", dir=self._runtimes) as work:
                return self._install(release, archive, Path(work), test)

    def get(self, runtime_id: str) -> InstalledRuntime:
        """Give an installed runtime, whole; one that has been damaged is installed again.

        Raises:
            UsageError: There is no such runtime.
            ToolError: It is not installed, or is damaged and cannot be had again.
        """
        present = {one.release.id: one for one in self.installed()}.get(runtime_id)
        if present is None:
            known = find_release(runtime_id)
            raise ToolError(f"runtime {known.id} is not installed", hint=f"edgepack runtime add {known.id}")
        damage = _damage(present)
        if not damage:
            return present
        self._emit(
            Event(EventKind.WARNING, "runtimes", f"{damage} was damaged; installing {runtime_id} again")
        )
        if present.release.download is None:
            raise ToolError(
                f"runtime {runtime_id} is damaged: {damage}", hint="add it again from its archive"
            )
        return self.add(present.release)

    def program(self, runtime: InstalledRuntime, *, java: bool = False) -> GuestProgram:
        """Give the program that drives a runtime; it is compiled when there is none for this compiler yet.

        Args:
            runtime: Which.
            java: Whether through its Java classes, which are fetched when they are first needed.

        Raises:
            ToolError: The compiler is not installed, or a download cannot be had.
            UsageError: The runtime has no Java classes.
        """
        if java:
            return build_java(
                runtime.release,
                runtime.folder / _LIBRARIES,
                lambda: self._download(runtime.release),
                self.downloads,
                self._programs,
            )
        return self._build(runtime.release, runtime.folder, lambda: self._download(runtime.release))

    def remove(self, runtime_id: str) -> None:
        """Remove a runtime; its download stays until `prune`.

        Raises:
            UsageError: It is not installed.
        """
        present = {one.release.id: one for one in self.installed()}
        if runtime_id not in present:
            raise UsageError(f"runtime {runtime_id!r} is not installed", hint=choices(runtime_id, present))
        with locked(self._runtimes, present[runtime_id].release.slug):
            shutil.rmtree(present[runtime_id].folder)

    def prune(self) -> int:
        """Remove what can be made or fetched again: downloads, guest programs, what was left half-done.

        Returns:
            The bytes that became free.
        """
        before = sum(map(_size, (self.downloads.root, self._programs, self._runtimes)))
        for folder in (self.downloads.root, self._programs):
            shutil.rmtree(folder, ignore_errors=True)
        for work in self._runtimes.glob("work-*"):
            shutil.rmtree(work, ignore_errors=True)
        return before - sum(map(_size, (self.downloads.root, self._programs, self._runtimes)))

    def _download(self, release: RuntimeRelease) -> Path:
        if release.download is None:
            raise ToolError(f"{release.id} cannot be downloaded", hint="give the archive's path")
        return self.downloads.get(release.download)

    def _install(
        self, release: RuntimeRelease, archive: Path, work: Path, test: SelfTest
    ) -> InstalledRuntime:
        made, final = work / "made", self._folder(release)
        libraries = _unpack(release, archive, made / _LIBRARIES)
        with step(self._emit, f"test {release.title}"):
            margins = test(release.title, release.format, self._build(release, made, lambda: archive))
        record = {
            "schema": SCHEMA,
            "id": release.id,
            "format": release.format,
            "engine": release.engine,
            "libraries": libraries,
            "self_test": dict(margins),
        }
        (made / _RECORD).write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
        shutil.rmtree(final, ignore_errors=True)
        os.rename(made, final)
        return InstalledRuntime(release, final, libraries, margins)

    def _build(self, release: RuntimeRelease, folder: Path, archive: Callable[[], Path]) -> GuestProgram:
        engine = ENGINES[release.engine]
        return build(engine, folder / _LIBRARIES, archive, find_compiler(), self._programs)

    def _folder(self, release: RuntimeRelease) -> Path:
        return self._runtimes / release.slug


def _unpack(release: RuntimeRelease, archive: Path, folder: Path) -> dict[str, str]:
    """Unpack the libraries side by side, and give their digests by name."""
    unpack_libraries(archive, release.members, folder)
    libraries = {path.name: sha256_of(path) for path in sorted(folder.iterdir())}
    if not libraries:
        raise ToolError(
            f"{archive.name} has no library for arm64-v8a",
            hint="use an archive that was built for 64-bit ARM",
        )
    return libraries


def _read(folder: Path) -> InstalledRuntime | None:
    """Read a runtime's record; None when there is none that this release of edgepack understands."""
    try:
        record: dict[str, Any] = json.loads((folder / _RECORD).read_text(encoding="utf-8"))
        if record["schema"] != SCHEMA or record["engine"] not in ENGINES:
            return None
        known = RUNTIMES.get(record["id"])
        release = known or RuntimeRelease(record["id"], record["format"], record["engine"], (), None)
        return InstalledRuntime(release, folder, record["libraries"], record["self_test"])
    except (OSError, ValueError, KeyError):
        return None


def _damage(runtime: InstalledRuntime) -> str:
    """Name the first library that is not what was installed; empty when all are."""
    for name, digest in runtime.libraries.items():
        path = runtime.folder / _LIBRARIES / name
        if not path.is_file() or sha256_of(path) != digest:
            return name
    return ""


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file() and not path.is_symlink())
