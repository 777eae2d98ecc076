"""Names and errors around writing to a disk that may be full, read-only or not ours."""

from __future__ import annotations

import errno
import os
import shutil
from pathlib import Path

from edgepack.errors import UsageError

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_FORBIDDEN = (errno.EACCES, errno.EPERM, errno.EROFS)


def write_error(error: OSError, path: Path) -> UsageError:
    """Put into words, for the user who chose the place, why something cannot be written there."""
    details = {"errno": error.errno, "file": error.filename}
    if error.errno in _FULL:
        return UsageError(
            f"no room to write {path}: {error.strerror}",
            hint="free some space, or choose a place on another disk",
            details=details,
        )
    if error.errno in _FORBIDDEN:
        return UsageError(
            f"not allowed to write {path}: {error.strerror}",
            hint="choose a place that you can write to",
            details=details,
        )
    return UsageError(
        f"cannot write {path}: {error.strerror or error}", hint="choose another place", details=details
    )


def sibling(path: Path, purpose: str) -> Path:
    """Give an unused hidden name beside a path, on the same disk, so that a rename is all it takes."""
    return path.with_name(f".{path.name}.{purpose}-{os.urandom(4).hex()}")


def sync_folder(path: Path) -> None:
    """Make the names in a folder last, as fsync does for the content of a file.

    Raises:
        OSError: The disk failed.
    """
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno != errno.EINVAL:  # some network disks know no fsync of folders
            raise
    finally:
        os.close(descriptor)


def remove(path: Path) -> None:
    """Remove a file or a folder with all in it, as far as that goes."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)
