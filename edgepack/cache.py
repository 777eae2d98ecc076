"""Finished work kept by the digest of everything that decided it."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from time import time
from typing import Any

from edgepack.events import Event, EventKind, Listener, ignore
from edgepack.files import copy_hashed

DEFAULT_LIMIT = 8 * 2**30
"""Bytes that a cache may hold before the least recently used entries go."""
_LAYOUT = "builds-1"
_ENTRY = "entry.json"
_ABANDONED_SECONDS = 24 * 3600
"""Work folders older than this belong to a process that was killed."""


@dataclass(frozen=True, slots=True)
class CacheEntry:
    """What was found under a key.

    Attributes:
        document: The JSON document that was put.
        files: Name to path, of copies that belong to the caller.
    """

    document: Mapping[str, Any]
    files: Mapping[str, Path]


class Cache:
    """A store of JSON documents with files, each under the digest of all that decided them.

    It never fails a build: what cannot be read is not there, what cannot be written is not kept, and a
    cache that cannot be used at all is told of once, in a warning. Several processes may use one at once:
    entries appear and disappear by one rename each.
    """

    def __init__(self, root: Path, limit: int = DEFAULT_LIMIT, emit: Listener = ignore) -> None:
        """Name the cache; nothing is read or made before the first use.

        Args:
            root: The folder that holds it.
            limit: Bytes that it may hold.
            emit: Who is told when it cannot be used.
        """
        self._root = root / _LAYOUT
        self._limit = limit
        self._emit = emit
        self._warned = False

    def get(self, key: str, folder: Path) -> CacheEntry | None:
        """Copy an entry's files into a folder, checking every byte on the way.

        Copies, so that whoever edits a file of a bundle never edits the cache, and so that pruning in
        another process cannot take a file away while it is used.

        Args:
            key: From `digest_of`.
            folder: Where the copies go, under the names they were put with; made if need be.

        Returns:
            The entry, or None when there is none or it is damaged (it is dropped then).
        """
        place = self._place(key)
        try:
            entry = _take(place, folder)
        except (_Damaged, FileNotFoundError):
            self._drop(place)
            return None
        except OSError as error:
            self._warn(error)
            return None
        with suppress(OSError):
            os.utime(place)
        return entry

    def put(self, key: str, document: Mapping[str, Any], files: Mapping[str, Path]) -> None:
        """Keep copies of files with a document; an entry that is there already stays.

        Args:
            key: From `digest_of`.
            document: Anything that JSON can hold.
            files: Name (a plain file name) to the file to copy.
        """
        place = self._place(key)
        try:
            if place.exists() or sum(path.stat().st_size for path in files.values()) > self._limit:
                return
            with self._work_folder() as work:
                _fill(work, document, files)
                place.parent.mkdir(parents=True, exist_ok=True)
                try:
                    work.rename(place)
                except OSError as error:
                    # Another process was quicker; its entry is as good.
                    if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
                        raise
            self._prune()
        except OSError as error:
            self._warn(error)

    def _place(self, key: str) -> Path:
        return self._root / "entries" / key[:2] / key

    @contextmanager
    def _work_folder(self) -> Iterator[Path]:
        """Make a folder on the cache's own disk; whatever is still in it at the end goes."""
        work = self._root / "work" / os.urandom(8).hex()
        work.mkdir(parents=True)
        try:
            yield work
        finally:
            shutil.rmtree(work, ignore_errors=True)

    def _drop(self, place: Path) -> None:
        """Take an entry out, by a rename first, so that nobody ever finds half of one."""
        if not place.is_dir():
            return
        with suppress(OSError), self._work_folder() as work:
            place.rename(work / "dropped")

    def _prune(self) -> None:
        # Other processes' folders come and go meanwhile.
        for work in (self._root / "work").iterdir():
            with suppress(FileNotFoundError):
                if work.stat().st_mtime < time() - _ABANDONED_SECONDS:
                    shutil.rmtree(work, ignore_errors=True)
        entries = []
        for place in (self._root / "entries").glob("*/*"):
            with suppress(FileNotFoundError):
                size = sum(path.stat().st_size for path in place.iterdir())
                entries.append((place.stat().st_mtime, size, place))
        excess = sum(size for _, size, _ in entries) - self._limit
        for _, size, place in sorted(entries):
            if excess <= 0:
                break
            self._drop(place)
            excess -= size

    def _warn(self, error: OSError) -> None:
        if not self._warned:
            self._warned = True
            message = f"the cache in {self._root} is left out: {error}"
            self._emit(Event(EventKind.WARNING, "cache", message))


class _Damaged(Exception):
    """An entry is not what was put."""


def default_root() -> Path:
    """Give the user's cache folder: EDGEPACK_CACHE_DIR, or what the system has for such things."""
    chosen = os.environ.get("EDGEPACK_CACHE_DIR")
    if chosen:
        return Path(chosen).expanduser().absolute()
    from platformdirs import user_cache_path

    return user_cache_path("edgepack")


def digest_of(parts: Mapping[str, object]) -> str:
    """Give the sha256, in hexadecimal, of values that JSON can hold; the order of keys does not matter.

    Raises:
        TypeError: JSON has no such value.
        ValueError: A number is NaN or infinite.
    """
    text = json.dumps(parts, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


def _fill(work: Path, document: Mapping[str, Any], files: Mapping[str, Path]) -> None:
    digests = {}
    for name, source in files.items():
        with source.open("rb") as original, (work / f"file-{name}").open("xb") as copy:
            digests[name], _ = copy_hashed(original, copy)
    content = {"document": document, "files": digests}
    text = json.dumps(content | {"sha256": digest_of(content)})
    (work / _ENTRY).write_text(text, encoding="utf-8")


def _take(place: Path, folder: Path) -> CacheEntry:
    """Copy an entry out.

    Raises:
        _Damaged: It is not what was put.
        OSError: It is not there, or the files can't be read or copied.
    """
    try:
        content = json.loads((place / _ENTRY).read_text(encoding="utf-8"))
        digest = content.pop("sha256")
        intact = digest == digest_of(content)
    except (ValueError, KeyError, AttributeError, TypeError) as error:
        raise _Damaged from error
    if not intact:
        raise _Damaged
    folder.mkdir(parents=True, exist_ok=True)
    copies: dict[str, Path] = {}
    try:
        for name, expected in content["files"].items():
            copies[name] = folder / name
            with (place / f"file-{name}").open("rb") as original, copies[name].open("wb") as copy:
                found, _ = copy_hashed(original, copy)
            if found != expected:
                raise _Damaged
    except BaseException:
        for path in copies.values():
            path.unlink(missing_ok=True)
        raise
    return CacheEntry(content["document"], copies)
