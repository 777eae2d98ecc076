"""Length-prefixed pickles over a Unix socket, and what is said in them."""

from __future__ import annotations

import pickle
import socket
import struct
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgepack.errors import EdgepackError

_HEADER = struct.Struct("!Q")


@dataclass(frozen=True, slots=True)
class Job:
    """What a forked child is to do.

    Attributes:
        function: A module-level function; receives the worker's state first, if it has one.
        arguments: Its further arguments.
        log: Where the child's stdout and stderr go.
        branch: Keep the returned value as state and serve further jobs, instead of returning it.
    """

    function: Callable[..., Any]
    arguments: tuple[Any, ...]
    log: Path
    branch: bool = False


@dataclass(frozen=True, slots=True)
class Started:
    """The child's first words."""

    pid: int


@dataclass(frozen=True, slots=True)
class Returned:
    """The function's value."""

    value: Any


@dataclass(frozen=True, slots=True)
class Raised:
    """The function raised; `error` is carried over whole only when it is one of edgepack's own."""

    summary: str
    traceback: str
    error: EdgepackError | None


@dataclass(frozen=True, slots=True)
class Kept:
    """What the setup of a branch returns when it has something to say besides what the branch is to keep."""

    state: Any
    answer: Any


@dataclass(frozen=True, slots=True)
class Died:
    """The child ended without an answer; `status` is as os.waitpid gives it."""

    status: int


type Message = Job | Started | Returned | Raised | Died


def send(channel: socket.socket, message: Message) -> None:
    """Write one message.

    Raises:
        Exception: Whatever pickling raises; nothing has been written then.
    """
    payload = pickle.dumps(message, protocol=pickle.HIGHEST_PROTOCOL)
    channel.sendall(_HEADER.pack(len(payload)) + payload)


def receive(channel: socket.socket) -> Message | None:
    """Read one message, or None when the other side is gone."""
    header = read_exactly(channel, _HEADER.size)
    if header is None:
        return None
    payload = read_exactly(channel, _HEADER.unpack(header)[0])
    # Both ends are our own processes on one socketpair; nothing foreign can write here.
    return None if payload is None else pickle.loads(payload)  # noqa: S301


def read_exactly(channel: socket.socket, count: int) -> bytes | None:
    """Read that many bytes, or None when the other side ends before."""
    parts = bytearray()
    while len(parts) < count:
        try:
            part = channel.recv(min(count - len(parts), 1 << 20))
        except ConnectionResetError:
            return None
        if not part:
            return None
        parts += part
    return bytes(parts)
