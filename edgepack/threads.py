"""Threads that wait for jobs in other processes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Protocol


class Closable(Protocol):
    """What runs jobs: workers, or a runner."""

    def close(self) -> None:
        """End all jobs, at once."""
        ...


@contextmanager
def waiting_threads(count: int, jobs: Iterable[Closable]) -> Iterator[ThreadPoolExecutor]:
    """Give threads that wait for jobs; whatever interrupts the block ends the jobs.

    Args:
        count: How many threads there may be.
        jobs: What runs the jobs that they wait for.
    """
    with ThreadPoolExecutor(max_workers=count) as threads:
        try:
            yield threads
        except BaseException:
            # The executor waits for its threads and these for their jobs: end the jobs first.
            for one in jobs:
                one.close()
            raise
