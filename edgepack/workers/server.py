"""The far side of a worker: a process that imports once and forks one child per job.

A fork costs milliseconds where importing torch costs seconds, and a child that crashes takes nothing with
it. Run as `python -c "from edgepack.workers.server import main; main()" FD MODULE…`.
"""

from __future__ import annotations

import contextlib
import ctypes
import importlib
import os
import selectors
import signal
import socket
import sys
import traceback
from typing import NoReturn

from edgepack.errors import EdgepackError
from edgepack.workers.channel import Died, Job, Kept, Raised, Returned, Started, receive, send

_PR_SET_PDEATHSIG = 1  # linux/prctl.h


def main() -> NoReturn:
    """Import the modules named on the command line, then serve jobs until the other side goes away."""
    control = socket.socket(fileno=int(sys.argv[1]))
    _die_with(parent=int(sys.argv[2]))
    # Ctrl-C is the main process's business: it ends its workers itself.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    for module in sys.argv[3:]:
        # A package that is missing is reported by the job that needs it, with the extra that brings it.
        with contextlib.suppress(ImportError):
            importlib.import_module(module)
    _serve(control, ())


def _serve(control: socket.socket, state: tuple[object, ...]) -> NoReturn:
    wake, poke = socket.socketpair()
    poke.setblocking(False)
    wake.setblocking(False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(poke.fileno(), warn_on_full_buffer=False)
    selector = selectors.DefaultSelector()
    selector.register(control, selectors.EVENT_READ)
    selector.register(wake, selectors.EVENT_READ)
    children: dict[int, socket.socket] = {}
    while True:
        for key, _ in selector.select():
            if key.fileobj is wake:
                with contextlib.suppress(BlockingIOError):
                    wake.recv(4096)
                _reap(children)
                continue
            _, descriptors, _, _ = socket.recv_fds(control, 1, 1)
            if not descriptors:
                os._exit(0)
            channel = socket.socket(fileno=descriptors[0])
            server, pid = os.getpid(), os.fork()
            if pid == 0:
                signal.set_wakeup_fd(-1)
                for inherited in (control, wake, poke, *children.values()):
                    inherited.close()
                selector.close()
                _run_job(channel, state, server)
            children[pid] = channel


def _reap(children: dict[int, socket.socket]) -> None:
    """Tell whoever waits for a child that ended how it ended, and end what it left behind."""
    for pid in list(children):
        with contextlib.suppress(ChildProcessError):
            done, status = os.waitpid(pid, os.WNOHANG)
            if not done:
                continue
            with contextlib.suppress(OSError):
                os.killpg(pid, signal.SIGKILL)
            channel = children.pop(pid)
            with contextlib.suppress(OSError):
                send(channel, Died(status))
            channel.close()


def _run_job(channel: socket.socket, state: tuple[object, ...], server: int) -> NoReturn:
    os.setsid()
    _die_with(parent=server)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    send(channel, Started(os.getpid()))
    job = receive(channel)
    if not isinstance(job, Job):
        os._exit(0)
    _redirect(job)
    try:
        value = job.function(*state, *job.arguments)
        if job.branch:
            kept = value if isinstance(value, Kept) else Kept(value, None)
            value, state = kept.answer, (kept.state,)
        send(channel, Returned(value))
    except BaseException as error:  # noqa: BLE001  a job may raise anything, and all of it is an answer
        _answer_error(channel, error)
        os._exit(0)
    sys.stdout.flush()
    sys.stderr.flush()
    if job.branch:
        _serve(channel, state)
    # Libraries' exit handlers may crash or hang, and nothing here needs them.
    os._exit(0)


def _answer_error(channel: socket.socket, error: BaseException) -> None:
    trace = "".join(traceback.format_exception(error))
    sys.stderr.write(trace)
    sys.stderr.flush()
    known = error if isinstance(error, EdgepackError) else None
    summary = f"{type(error).__name__}: {error}"
    with contextlib.suppress(OSError):
        send(channel, Raised(summary, trace, known))


def _redirect(job: Job) -> None:
    """Send stdout and stderr, C code's included, to the job's log."""
    log = os.open(job.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    os.dup2(log, 1)
    os.dup2(log, 2)
    os.close(log)


def _die_with(parent: int) -> None:
    """Ask the kernel to end this process when its parent ends, however that happens (Linux only)."""
    if sys.platform != "linux":
        return
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(0)
