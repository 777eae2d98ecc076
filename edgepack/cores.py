"""How much may go on side by side."""

from __future__ import annotations

import os


def usable_cores() -> int:
    """Give the number of processor cores that this process may use, at least 1.

    A container or `taskset` may leave it fewer than the machine has.
    """
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
