"""Waiting for a job in another process, and holding it to its limits."""

from __future__ import annotations

import select
import socket
import time

from edgepack.workers.limits import Limits, may_exceed, resident_bytes

_WATCH_SECONDS = 0.1


def wait_within_limits(channel: socket.socket, limits: Limits, began: float, pid: int) -> str:
    """Wait until a job says something or goes beyond its limits.

    Args:
        channel: Where it speaks.
        limits: What it may use.
        began: When it did, by `time.monotonic`.
        pid: Its process; 0 where that is not known yet, and neither is its memory.

    Returns:
        Why the job has to be ended; empty when there is something to read.
    """
    while not select.select([channel], [], [], _WATCH_SECONDS)[0]:
        if limits.seconds is not None and time.monotonic() - began > limits.seconds:
            return f"stopped: took longer than the time limit of {limits.seconds:g} s"
        if limits.memory is None or not pid or not may_exceed(limits.memory):
            continue
        if (used := resident_bytes(pid)) > limits.memory:
            limit = f"the memory limit of {limits.memory / 2**20:.0f} MiB"
            return f"stopped: used {used / 2**20:.0f} MiB, more than {limit}"
    return ""
