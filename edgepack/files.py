"""Content digests and copies that cannot go unnoticed wrong."""

from __future__ import annotations

import hashlib
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
