"""Processes that do the heavy or crash-prone work: see `Worker`."""

from edgepack.workers.channel import Kept
from edgepack.workers.limits import Limits
from edgepack.workers.worker import JobFailed, Worker, Workers

__all__ = ["JobFailed", "Kept", "Limits", "Worker", "Workers"]
