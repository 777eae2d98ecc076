"""Content digests and copies that cannot go unnoticed wrong."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import IO

_CHUNK = 1 << 20


def sha256_of(path: Path) -> str:
    """Give a file's sha256 in hexadecimal.

    Raises:
        OSError: It cannot be read.
    """
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def digest_of_folder(folder: Path, counts: Callable[[Path], bool]) -> str:
    """Give a sha256 over the relative paths and contents of those files in a folder that count.

    Raises:
        OSError: One cannot be read.
    """
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        if counts(path) and path.is_file():
            digest.update(f"{path.relative_to(folder).as_posix()}\0{sha256_of(path)}\0".encode())
    return digest.hexdigest()


def copy_hashed(source: IO[bytes], destination: IO[bytes]) -> tuple[str, int]:
    """Copy all that is left of one open file into another.

    Returns:
        Sha256 in hexadecimal, and the number of bytes.

    Raises:
        OSError: Reading or writing failed.
    """
    digest, count = hashlib.sha256(), 0
    while chunk := source.read(_CHUNK):
        digest.update(chunk)
        destination.write(chunk)
        count += len(chunk)
    return digest.hexdigest(), count
