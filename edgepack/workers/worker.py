"""The near side of a worker: start it, give it jobs, hold them to their limits, end it."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from edgepack.errors import EdgepackError
from edgepack.workers.channel import Died, Job, Message, Raised, Returned, Started, receive, send
from edgepack.workers.limits import Limits
from edgepack.workers.room import HINT, shortage
from edgepack.workers.watching import wait_within_limits

_LOG_TAIL = 4000
_ENVIRONMENT = {
    # Jobs run side by side, one core each; a thread pool made before a fork would hang in the child.
    **dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1"),
    # The same inputs give the same bytes only if sets of strings keep one order.
    "PYTHONHASHSEED": "0",
    "CUDA_VISIBLE_DEVICES": "",
    "TF_CPP_MIN_LOG_LEVEL": "2",
}


class JobFailed(Exception):
    """A job gave no result.

    Attributes:
        reason: What happened, in one line: an exception, a signal, a limit.
        log: The end of what the job printed.
        hint: What to try next, where that is known.
    """

    def __init__(self, reason: str, log: str = "", hint: str = "") -> None:
        super().__init__(reason)
        self.reason = reason
        self.log = log
        self.hint = hint

    def as_error[Error: EdgepackError](self, kind: type[Error], what: str, hint: str = "") -> Error:
        """Give the error that a user reads instead.

        Args:
            kind: Its class.
            what: What failed by this; the message goes on with the reason.
            hint: What to try next, unless the failure knows better.
        """
        return kind(f"{what}: {self.reason}", self.hint or hint, {"log": self.log})


class Worker:
    """A process that jobs are forked from.

    Jobs may be run from several threads at once; each runs in a process of its own, forked from the
    worker, so it starts with everything that the worker has imported and holds.

    Attributes:
        answer: What the setup of a branch had to say, see `branch`; None otherwise.
    """

    def __init__(self, pool: Workers, control: socket.socket, answer: Any = None) -> None:
        self.answer = answer
        self._pool = pool
        self._control = control
        self._sending = threading.Lock()

    def run(self, job: Callable[..., Any], *arguments: Any, name: str, limits: Limits | None = None) -> Any:
        """Run a module-level function in a fork of this worker and return what it returns.

        Args:
            job: The function; a branch's value is passed before the arguments.
            *arguments: Anything that can be pickled.
            name: Names the log file and appears in errors.
            limits: What the job may use; the pool's limits if not given.

        Raises:
            EdgepackError: The job raised one.
            JobFailed: Anything else that kept the job from returning.
        """
        channel, pid = self._fork()
        try:
            return self._converse(channel, pid, self._job(job, arguments, name, branch=False), limits)
        finally:
            channel.close()
            self._pool.forget(pid)

    def branch(self, setup: Callable[..., Any], *arguments: Any, name: str) -> Worker:
        """Fork a worker that holds what `setup` returns; its jobs get that as their first argument.

        A setup that has something to say besides what to hold returns `Kept(state, answer)`.

        Raises:
            EdgepackError: The setup raised one.
            JobFailed: Anything else that kept the setup from returning.
        """
        channel, pid = self._fork()
        try:
            answer = self._converse(channel, pid, self._job(setup, arguments, name, branch=True), None)
        except BaseException:
            channel.close()
            self._pool.forget(pid)
            raise
        return self._pool.adopt(channel, answer)

    def _job(self, job: Callable[..., Any], arguments: tuple[Any, ...], name: str, *, branch: bool) -> Job:
        return Job(job, arguments, self._pool.log_path(name), branch)

    def _fork(self) -> tuple[socket.socket, int]:
        near, far = socket.socketpair()
        try:
            with far, self._sending:
                socket.send_fds(self._control, [b"j"], [far.fileno()])
            started = receive(near)
        except OSError:
            started = None
        if not isinstance(started, Started):
            near.close()
            raise JobFailed("the worker process is gone", self._pool.startup_log())
        self._pool.remember(started.pid)
        return near, started.pid

    def _converse(self, channel: socket.socket, pid: int, job: Job, limits: Limits | None) -> Any:
        with contextlib.suppress(BrokenPipeError):
            # A child that died at once says how in what there is to read.
            send(channel, job)
        message = _watch(channel, pid, limits or self._pool.limits, job.log)
        match message:
            case Returned(value):
                return value
            case Raised(_, _, error) if error is not None:
                raise error
            case Raised(summary, _, _):
                raise _failure(summary, job.log)
            case Died(status):
                raise _failure(_describe_status(status), job.log)
            case _:
                raise JobFailed("the job ended without an answer", tail(job.log))


class Workers:
    """All workers of one build or verification; leaving the context ends every process they have.

    Attributes:
        limits: What each job may use unless it is told otherwise.
        logs: The folder that holds one log per job.
    """

    def __init__(self, logs: Path, limits: Limits | None = None) -> None:
        self.limits = limits or Limits()
        self.logs = logs
        self._started: dict[tuple[str, ...], tuple[Worker, subprocess.Popen[bytes]]] = {}
        self._controls: list[socket.socket] = []
        self._pids: set[int] = set()
        self._names: dict[str, int] = {}
        self._lock = threading.Lock()
        self._closed = False

    def __enter__(self) -> Self:
        self.logs.mkdir(parents=True, exist_ok=True)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def start(self, *modules: str) -> Worker:
        """Give the worker that imports these modules beforehand; it is started at the first call.

        Returns at once: the imports go on in the background, and the first job waits for them. Call it
        from a thread that outlives the work: Linux ends the worker together with the thread that made it.

        Raises:
            JobFailed: The workers have been closed.
        """
        with self._lock:
            if self._closed:
                # A thread that goes on after an interruption must not bring workers back to life.
                raise JobFailed("the workers have been ended")
            if modules not in self._started:
                self._started[modules] = self._spawn(modules)
            return self._started[modules][0]

    def close(self) -> None:
        """End every process, at once and without asking."""
        with self._lock:
            self._closed = True
            for pid in self._pids:
                with contextlib.suppress(OSError):
                    os.killpg(pid, signal.SIGKILL)
            self._pids.clear()
            for _, process in self._started.values():
                process.kill()
                process.wait()
            self._started.clear()
            for control in self._controls:
                control.close()
            self._controls.clear()

    def adopt(self, control: socket.socket, answer: Any = None) -> Worker:
        """Make the near side of a worker process that listens at the other end of `control`."""
        self._controls.append(control)
        return Worker(self, control, answer)

    def remember(self, pid: int) -> None:
        """Note a job's process, to be ended by `close`."""
        with self._lock:
            self._pids.add(pid)

    def forget(self, pid: int) -> None:
        """Drop a job's process that has ended."""
        with self._lock:
            self._pids.discard(pid)

    def log_path(self, name: str) -> Path:
        """Give a new log file's path; the same name twice gives two files."""
        stem = re.sub(r"[^\w.-]+", "-", name)
        with self._lock:
            count = self._names[stem] = self._names.get(stem, 0) + 1
        return self.logs / (f"{stem}.log" if count == 1 else f"{stem}-{count}.log")

    def startup_log(self) -> str:
        """Give the end of what the workers printed while they started."""
        return tail(self.logs / "startup.log")

    def _spawn(self, modules: tuple[str, ...]) -> tuple[Worker, subprocess.Popen[bytes]]:
        near, far = socket.socketpair()
        code = "from edgepack.workers.server import main; main()"
        with far, (self.logs / "startup.log").open("ab") as log:
            process = subprocess.Popen(
                # -P: the user's folder must not shadow our own imports.
                [sys.executable, "-P", "-c", code, str(far.fileno()), str(os.getpid()), *modules],
                pass_fds=(far.fileno(),),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=os.environ | _ENVIRONMENT,
                start_new_session=True,
            )
        return self.adopt(near), process


def _watch(channel: socket.socket, pid: int, limits: Limits, log: Path) -> Message | None:
    """Wait for the job's answer and stop it when it goes beyond its limits."""
    if excess := wait_within_limits(channel, limits, time.monotonic(), pid):
        _kill(pid)
        raise JobFailed(excess, tail(log))
    return receive(channel)


def _failure(reason: str, log: Path) -> JobFailed:
    full = shortage(reason, log.parent)
    return JobFailed(f"{reason}; {full}", tail(log), HINT) if full else JobFailed(reason, tail(log))


def _kill(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGKILL)


def _describe_status(status: int) -> str:
    if os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        try:
            name = signal.Signals(number).name
        except ValueError:
            name = f"signal {number}"
        return f"crashed: killed by {name}"
    return f"ended early with exit code {os.WEXITSTATUS(status)}"


def tail(log: Path) -> str:
    """Give the last few thousand characters of a log, or nothing if there is none."""
    try:
        return log.read_text(errors="replace")[-_LOG_TAIL:]
    except OSError:
        return ""
