"""Finished work kept by the digest of everything that decided it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgepack.events import Listener, ignore

DEFAULT_LIMIT = 8 * 2**30
"""Bytes that a cache may hold before the least recently used entries go."""


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
    cache that cannot be used at all is told of once, in a warning. Several processes may use one at once.
    """

    def __init__(self, root: Path, limit: int = DEFAULT_LIMIT, emit: Listener = ignore) -> None:
        raise NotImplementedError

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
        raise NotImplementedError

    def put(self, key: str, document: Mapping[str, Any], files: Mapping[str, Path]) -> None:
        """Keep copies of files with a document that JSON can hold; an entry that is there already stays.

        Args:
            key: From `digest_of`.
            document: Anything that JSON can hold.
            files: Name (a plain file name) to the file to copy.
        """
        raise NotImplementedError


def default_root() -> Path:
    """Give the user's cache folder: EDGEPACK_CACHE_DIR, or what the system has for such things."""
    raise NotImplementedError


def digest_of(parts: Mapping[str, object]) -> str:
    """Give the sha256, in hexadecimal, of values that JSON can hold; the order of keys does not matter.

    Raises:
        TypeError: JSON has no such value.
        ValueError: A number is NaN or infinite.
    """
    raise NotImplementedError
