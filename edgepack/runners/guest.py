"""A guest: a running program that has started a runtime on ARM64, and forks a process for every job."""

from __future__ import annotations

import contextlib
import os
import resource
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from edgepack.errors import ToolError
from edgepack.runners.guest_protocol import (
    Answer,
    Ended,
    Failed,
    Loaded,
    ProtocolError,
    Result,
    Started,
    encode_load,
    encode_run,
    receive,
)
from edgepack.workers import JobFailed, Limits
from edgepack.workers.watching import wait_within_limits
from edgepack.workers.worker import tail

if TYPE_CHECKING:
    from edgepack.compare import Array


@dataclass(frozen=True, slots=True)
class Command:
    """What starts a guest.

    Attributes:
        arguments: The program and its arguments; "{control}" stands for the control socket's number.
        environment: Beside PATH and the like; the guest sees nothing else of edgepack's own.
    """

    arguments: tuple[str, ...]
    environment: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Run:
    """What came of one job.

    Attributes:
        outputs: Per feed, the output tensors by position, in the file's own dtype and layout.
        starting: Seconds from the job's beginning to its process's first word: the guest's own start, where
            the job had to wait for that.
        loading: Seconds that the runtime took to load the file.
        running: Seconds that the runtime took for the last repetition of each feed, summed up.
        release: The runtime's release in its own words; may be empty.
        pid: Of the job's process, which is gone.
        instructions: How many each inference took, in order; empty where nobody counts.
    """

    outputs: list[list[Array]]
    starting: float
    loading: float
    running: float
    release: str
    pid: int
    instructions: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Task:
    """A file to run.

    Attributes:
        path: Of the file.
        feeds: Per case, the input tensors by position, in the file's own dtype and layout.
        repetitions: How often to run each case; the last counts.
        threads: That the runtime may use.
        outputs: Names by position, for runtimes that give outputs by name.
    """

    path: Path
    feeds: Sequence[Sequence[Array]]
    repetitions: int = 1
    threads: int = 1
    outputs: tuple[str, ...] = ()


class Guest:
    """A guest program. It starts at once in the background; the first job waits for it.

    Jobs may be run from several threads at once, each in a process of its own inside the guest. Leaving the
    context ends them all.
    """

    def __init__(self, command: Command, log: Path, limits: Limits | None = None) -> None:
        """Start the program.

        Args:
            command: What to start.
            log: Where whatever it prints goes.
            limits: What each job may use.

        Raises:
            ToolError: The program cannot be executed.
        """
        self._log = log
        self._limits = limits or Limits()
        self._sending = threading.Lock()
        self._control, far = socket.socketpair()
        arguments = [part.replace("{control}", str(far.fileno())) for part in command.arguments]
        with far, log.open("ab") as output:
            try:
                self._process = subprocess.Popen(
                    arguments,
                    pass_fds=(far.fileno(),),
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=output,
                    env=dict(command.environment),
                    start_new_session=True,
                )
            except OSError as error:
                self._control.close()
                raise ToolError(f"cannot start {arguments[0]}: {error.strerror}") from error
        # A crash of a job is reported, not kept as a file of gigabytes.
        with contextlib.suppress(OSError):
            resource.prlimit(self._process.pid, resource.RLIMIT_CORE, (0, 0))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def pid(self) -> int:
        """The process that all jobs are forked from."""
        return self._process.pid

    def close(self) -> None:
        """End the guest and all its jobs, at once and without asking."""
        with contextlib.suppress(OSError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        self._control.close()

    def run(self, task: Task) -> Run:
        """Run one file, in a process of its own.

        Raises:
            JobFailed: The runtime refuses the file or an input, crashes, or goes beyond the limits; or the
                guest itself is gone.
        """
        began = time.monotonic()
        with self._open_channel() as channel:
            conversation = _Conversation(channel, self._limits, began, self._describe_absence)
            try:
                return conversation.hold(task)
            except ProtocolError as error:
                conversation.kill()
                raise JobFailed(str(error), tail(self._log)) from error
            except JobFailed as error:
                raise JobFailed(error.reason, error.log or tail(self._log)) from error
            except BaseException:
                conversation.kill()
                raise

    def _open_channel(self) -> socket.socket:
        near, far = socket.socketpair()
        try:
            with far, self._sending:
                socket.send_fds(self._control, [b"j"], [far.fileno()])
        except OSError:
            near.close()
            raise JobFailed(self._describe_absence(), tail(self._log)) from None
        return near

    def _describe_absence(self) -> str:
        """Say why the guest does not answer any more."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(timeout=1.0)
        code = self._process.poll()
        if code is None:
            return "the guest ended the job without an answer"
        if code < 0:
            return f"the guest crashed: killed by {_signal_name(-code)}"
        return f"the guest ended by itself with exit code {code}"


class _Conversation:
    """One job's talk with its process, held to the limits."""

    def __init__(
        self, channel: socket.socket, limits: Limits, began: float, absence: Callable[[], str]
    ) -> None:
        self._channel = channel
        self._limits = limits
        self._began = began
        self._absence = absence
        self._pid = 0

    def hold(self, task: Task) -> Run:
        started = self._expect(Started)
        self._pid = started.pid
        starting = time.monotonic() - self._began
        self._send(encode_load(str(task.path), task.threads, task.outputs))
        loaded = self._expect(Loaded)
        results = []
        for feed in task.feeds:
            self._send(encode_run(feed, task.repetitions))
            results.append(self._expect(Result))
        return Run(
            [result.outputs for result in results],
            starting,
            loaded.seconds,
            sum(result.seconds for result in results),
            started.release,
            started.pid,
        )

    def kill(self) -> None:
        """End the job's process; its guest lives on."""
        if self._pid:
            with contextlib.suppress(OSError):
                os.kill(self._pid, signal.SIGKILL)

    def _send(self, frame: bytes) -> None:
        # A job that has died says so in its last frame, which is read next.
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            self._channel.settimeout(self._limits.seconds)
            self._channel.sendall(frame)

    def _expect[Wanted: Answer](self, kind: type[Wanted]) -> Wanted:
        self._watch()
        match receive(self._channel):
            case answer if isinstance(answer, kind):
                return answer
            case Failed(stage, reason):
                raise JobFailed(f"{stage}: {reason}")
            case Ended(_, number) if number:
                raise JobFailed(f"crashed: killed by {_signal_name(number)}")
            case Ended(code, _):
                raise JobFailed(f"ended early with exit code {code}")
            case None:
                raise JobFailed(self._absence())
            case answer:
                raise ProtocolError(f"the guest answered {type(answer).__name__} out of turn")

    def _watch(self) -> None:
        """Wait for the guest to say something, and end the job when it goes beyond its limits."""
        if excess := wait_within_limits(self._channel, self._limits, self._began, self._pid):
            self.kill()
            raise JobFailed(excess)


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
