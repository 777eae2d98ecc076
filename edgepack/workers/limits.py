"""What one job may use."""

from __future__ import annotations

from dataclasses import dataclass

import psutil


@dataclass(frozen=True, slots=True)
class Limits:
    """What one job may use before it is stopped.

    Attributes:
        seconds: Wall time, or None for no limit.
        memory: Resident bytes of the job's process and its children, or None for no limit.
    """

    seconds: float | None = 1800.0
    memory: int | None = None


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
