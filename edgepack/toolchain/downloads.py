"""Downloads that are locked by their digest, in a cache that several processes share."""

from __future__ import annotations

import errno
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from edgepack.errors import ToolError
from edgepack.events import Event, EventKind, Listener, ignore, step
from edgepack.files import sha256_of
from edgepack.toolchain.fetching import Source


@dataclass(frozen=True, slots=True)
class Download:
    """A file of a registry, and the one digest that it may have.

    Attributes:
        source: Where it comes from.
        filename: Its name in the registry.
        sha256: In hexadecimal.
        bytes: Its size, to be told beforehand.
    """

    source: Source
    filename: str
    sha256: str
    bytes: int

    def __str__(self) -> str:
        return str(self.source)


class DownloadCache:
    """A folder of downloads, each under its digest.

    A file appears by one rename when it is whole and right, and is checked again each time it is used;
    one that has been damaged since is fetched anew. Two processes that want the same file fetch it once.
    """

    def __init__(self, root: Path, *, offline: bool = False, emit: Listener = ignore) -> None:
        """Name the cache; nothing is read or made before the first use.

        Args:
            root: The folder that holds it.
            offline: Whether to refuse what is not there instead of fetching it.
            emit: Who is told of downloads and repairs.
        """
        self.root = root
        self._offline = offline
        self._emit = emit

    def path(self, download: Download) -> Path:
        """Say where the file is kept, whether or not it is there."""
        return self.root / download.sha256 / download.filename

    def get(self, download: Download) -> Path:
        """Give the file, whole and right; fetch it if need be.

        Raises:
            ToolError: It cannot be had: no network, no tool, no room, or the registry has another file.
        """
        with locked(self.root, download.sha256):
            path = self.path(download)
            if path.is_file():
                if sha256_of(path) == download.sha256:
                    return path
                self._emit(Event(EventKind.WARNING, "downloads", f"{path} was damaged; getting it anew"))
            if self._offline:
                raise ToolError(
                    f"{download} has not been downloaded, and downloads are switched off",
                    hint="leave out --offline, or bring it in with `edgepack runtime import`",
                )
            with step(self._emit, f"download {download} ({download.bytes / 1e6:.0f} MB)"):
                self._fetch(download)
            return path

    def add(self, download: Download, file: Path) -> None:
        """Put a file into the cache that has come another way.

        Raises:
            ToolError: It is not the one that the digest says, or there is no room.
        """
        with locked(self.root, download.sha256), self._work_folder() as work:
            copy = work / download.filename
            shutil.copyfile(file, copy)
            self._accept(download, copy)

    def _fetch(self, download: Download) -> None:
        with self._work_folder() as work:
            self._accept(download, download.source.fetch(work, download.sha256))

    def _accept(self, download: Download, file: Path) -> None:
        found = sha256_of(file)
        if found != download.sha256:
            raise ToolError(
                f"{download}: what came is not what was published: {file.stat().st_size} bytes with sha256 "
                f"{found[:12]}…, not {download.bytes} with {download.sha256[:12]}…",
                hint=download.source.advice(),
                details={"sha256": found, "expected": download.sha256},
            )
        final = self.path(download)
        final.parent.mkdir(exist_ok=True)
        with file.open("rb") as written:
            os.fsync(written.fileno())
        file.replace(final)

    @contextmanager
    def _work_folder(self) -> Iterator[Path]:
        with tempfile.TemporaryDirectory(prefix="work-", dir=self.root) as folder:
            yield Path(folder)


@contextmanager
def locked(folder: Path, name: str) -> Iterator[None]:
    """Keep other processes from making the same thing in a folder at the same time.

    Args:
        folder: Is made if need be.
        name: Of what is made; whoever else asks for the same name waits until the block is left.

    Raises:
        ToolError: The folder cannot be written to, or its disk is full.
    """
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
        from filelock import FileLock

        with FileLock(folder / f"{name}.lock"):
            yield


@contextmanager
def writing(folder: Path) -> Iterator[None]:
    """Turn what goes wrong with the disk inside the block into an error that names the folder.

    Raises:
        ToolError: The folder cannot be written to, or its disk is full.
    """
    try:
        yield
    except OSError as error:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        hint = "make room there, or" if full else "make it writable, or"
        raise ToolError(
            f"cannot write to {folder}: {error.strerror or error}",
            hint=f"{hint} name another folder in EDGEPACK_CACHE_DIR",
        ) from error
