"""What one job may use."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

_CONTAINER = Path("/sys/fs/cgroup/memory.max")
"""What a container may hold, or "max" (docs.kernel.org/admin-guide/cgroup-v2.html)."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What one job may use before it is stopped.

    Attributes:
        seconds: Wall time, or None for no limit.
        memory: Resident bytes of the job's process and its children, or None for no limit.
    """

    seconds: float | None = 1800.0
    memory: int | None = None


def machine_share() -> int:
    """Three quarters of the memory that this machine or container has, in bytes.

    A converter that eats all of it takes others with it: the kernel then ends whatever it likes.
    """
    total = int(psutil.virtual_memory().total)
    # There is no container, or one without a limit.
    with suppress(OSError, ValueError):
        total = min(total, int(_CONTAINER.read_text(encoding="ascii")))
    return total // 4 * 3


def may_exceed(limit: int) -> bool:
    """False, at no cost, where all processes together hold less than the limit."""
    memory = psutil.virtual_memory()
    return bool(memory.total - memory.available > limit)


def resident_bytes(pid: int) -> int:
    """Resident memory of a process and all below it, in bytes; 0 once it is gone."""
    try:
        process = psutil.Process(pid)
        return sum(_own_bytes(member) for member in (process, *process.children(recursive=True)))
    except psutil.NoSuchProcess:
        return 0


def _own_bytes(process: psutil.Process) -> int:
    try:
        return int(process.memory_info().rss)
    except psutil.NoSuchProcess:
        return 0
