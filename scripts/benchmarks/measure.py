"""Run commands, time them, and watch how much memory they and their children hold."""

from __future__ import annotations

import shutil
import statistics
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile

import psutil

SAMPLE_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class Command:
    """A command line with its environment.

    Attributes:
        arguments: The program and what it is given.
        environment: All of it.
        leftover: A file or folder that the command makes and that has to go before the next run.
    """

    arguments: Sequence[str]
    environment: Mapping[str, str]
    leftover: Path | None = None


@dataclass(frozen=True, slots=True)
class Peak:
    """The most memory that was held, in bytes of proportional set size: shared pages count once.

    Attributes:
        total: Of all processes together, at one moment.
        largest: Of the largest single process.
    """

    total: int
    largest: int


@dataclass(frozen=True, slots=True)
class Pair:
    """Wall times in seconds of two commands that took turns."""

    baseline: tuple[float, ...]
    ours: tuple[float, ...]

    @property
    def ratio(self) -> float:
        """Median of ours over median of the baseline."""
        return statistics.median(self.ours) / statistics.median(self.baseline)


def take_turns(baseline: Command, ours: Command, repeat: int, warm_up: int) -> Pair:
    """Time two commands alternately, so that what slows the machine for a while slows both."""
    pairs = [(seconds(baseline), seconds(ours)) for _ in range(warm_up + repeat)][warm_up:]
    return Pair(tuple(pair[0] for pair in pairs), tuple(pair[1] for pair in pairs))


def seconds(command: Command) -> float:
    """Run a command once; its wall time."""
    with running(command) as process:
        started = time.perf_counter()
        process.wait()
        return time.perf_counter() - started


def peak(command: Command) -> Peak:
    """Run a command once and sample its memory; too heavy a hand to take times by as well."""
    total = largest = 0
    with running(command) as process:
        while process.poll() is None:
            held = proportional_sizes(process.pid)
            total, largest = max(total, sum(held)), max(largest, *held, 0)
            time.sleep(SAMPLE_SECONDS)
    return Peak(total, largest)


def proportional_sizes(pid: int) -> list[int]:
    """Proportional set sizes of a process and all below it, in bytes."""
    sizes: list[int] = []
    try:
        root = psutil.Process(pid)
        family = [root, *root.children(recursive=True)]
    except psutil.NoSuchProcess:
        return sizes
    for member in family:
        try:
            sizes.append(member.memory_full_info().pss)
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue  # it ended meanwhile
    return sizes


@contextmanager
def running(command: Command) -> Iterator[subprocess.Popen[bytes]]:
    """Start a command on a clean table; leaving waits for it and ends the benchmark if it failed."""
    if command.leftover is not None:
        shutil.rmtree(command.leftover, ignore_errors=True)
    with TemporaryFile() as errors:
        # Not a pipe: nobody reads while the command is being measured, and a full one would stop it.
        with subprocess.Popen(
            command.arguments,
            env=command.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=errors,
        ) as process:
            yield process
        if process.returncode:
            errors.seek(0)
            text = errors.read().decode(errors="replace")
            raise SystemExit(f"{' '.join(command.arguments)}\nfailed with {process.returncode}:\n{text}")
