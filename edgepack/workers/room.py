"""Whether a job failed because the disk of temporary files is full: libraries crash without saying so."""

from __future__ import annotations

import errno
import os
import shutil
from pathlib import Path

HINT = "free some space, or let TMPDIR name a folder on a larger disk"

_LEAST = 1 << 20
"""With fewer bytes than this left no tool can have written what it wanted to."""


def shortage(reason: str, folder: Path) -> str:
    """Say that a disk is full, if it is, or if the failure itself says so; or nothing.

    Args:
        reason: Why a job failed.
        folder: On the disk that it wrote to.
    """
    try:
        free = shutil.disk_usage(folder).free
    except OSError:
        return ""
    return describe_shortage(reason, free)


def describe_shortage(reason: str, free: int) -> str:
    """Say that a disk with so many free bytes is full, if it is; see `shortage`."""
    if free < _LEAST:
        return f"the disk of temporary files is full: {free / 1000:.0f} kB are left"
    # What did not fit may be gone again by now.
    return "a disk is full" if os.strerror(errno.ENOSPC) in reason else ""
