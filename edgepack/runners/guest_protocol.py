"""The host's end of the protocol that guest programs speak; `guest/protocol.h` documents it."""

from __future__ import annotations

import math
import socket
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING

from edgepack.workers.channel import read_exactly

if TYPE_CHECKING:
    from edgepack.compare import Array

MAGIC = 0x32475045
MAX_RANK = 16
MAX_PAYLOAD = 1 << 34
"""Bytes; a guest that announces more than this has lost its mind."""

_FRAME = struct.Struct("<IIQ")
_DTYPES = ("float32", "float16", "float64", "int8", "uint8", "int16", "int32", "int64", "bool")
_CODES = {name: code for code, name in enumerate(_DTYPES, start=1)}


class Kind(IntEnum):
    """The kinds of frames."""

    LOAD = 1
    RUN = 2
    STARTED = 16
    LOADED = 17
    RESULT = 18
    FAILED = 19
    ENDED = 20


class ProtocolError(Exception):
    """The guest said something that the protocol does not know."""


@dataclass(frozen=True, slots=True)
class Started:
    """The job's process, and the runtime's release in its own words, which may be empty."""

    pid: int
    release: str


@dataclass(frozen=True, slots=True)
class Loaded:
    """The file is loaded; it took so many seconds."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Result:
    """The outputs by position, and the seconds of the last repetition."""

    seconds: float
    outputs: list[Array]


@dataclass(frozen=True, slots=True)
class Failed:
    """The runtime refused: at which stage, and in its own words why."""

    stage: str
    reason: str


@dataclass(frozen=True, slots=True)
class Ended:
    """The job's process is gone: its exit code, and the signal that killed it, or 0."""

    exit_code: int
    signal: int


type Answer = Started | Loaded | Result | Failed | Ended


def encode_load(path: str, threads: int, outputs: Sequence[str] = ()) -> bytes:
    """Give the frame that has a file loaded.

    Args:
        path: The file.
        threads: How many the runtime may use.
        outputs: Names by position, for runtimes that give outputs by name; empty where nobody knows them.
    """
    names = [struct.pack("<I", len(outputs)), *map(_text, outputs)]
    return _frame(Kind.LOAD, [struct.pack("<I", threads), _text(path), *names])


def encode_run(inputs: Sequence[Array], repetitions: int = 1) -> bytes:
    """Give the frame that has the loaded file run.

    Args:
        inputs: By position, in the file's own dtypes and shapes.
        repetitions: How often, each time on the same inputs.

    Raises:
        KeyError: A dtype cannot cross the border.
    """
    parts = [struct.pack("<II", repetitions, len(inputs))]
    for tensor in inputs:
        shape = struct.pack(f"<II{tensor.ndim}Q", _CODES[str(tensor.dtype)], tensor.ndim, *tensor.shape)
        parts += [shape, struct.pack("<Q", tensor.nbytes), tensor.tobytes()]
    return _frame(Kind.RUN, parts)


def receive(channel: socket.socket) -> Answer | None:
    """Read one answer; None when the guest has gone without a word.

    Raises:
        ProtocolError: What came is no answer of this protocol's version.
        TimeoutError: The socket has a timeout, and it passed.
    """
    header = read_exactly(channel, _FRAME.size)
    if header is None:
        return None
    magic, kind, length = _FRAME.unpack(header)
    if magic != MAGIC or length > MAX_PAYLOAD:
        raise ProtocolError(f"the guest wrote {bytes(header)!r}, which begins no frame")
    payload = read_exactly(channel, length)
    return None if payload is None else _decode(kind, memoryview(payload))


def _frame(kind: Kind, parts: Sequence[bytes]) -> bytes:
    payload = b"".join(parts)
    return _FRAME.pack(MAGIC, kind, len(payload)) + payload


def _text(text: str) -> bytes:
    data = text.encode()
    return struct.pack("<I", len(data)) + data


class _Reader:
    """Takes a payload apart from its beginning to its end."""

    def __init__(self, payload: memoryview) -> None:
        self._rest = payload

    def take(self, count: int) -> memoryview:
        if count > len(self._rest):
            raise ProtocolError("the guest wrote a frame that is shorter than it says")
        taken, self._rest = self._rest[:count], self._rest[count:]
        return taken

    def numbers(self, layout: str) -> tuple[float, ...]:
        form = struct.Struct("<" + layout)
        return form.unpack(self.take(form.size))

    def integer(self, layout: str = "I") -> int:
        return int(self.numbers(layout)[0])

    def text(self) -> str:
        return bytes(self.take(self.integer())).decode(errors="replace")

    def tensor(self) -> Array:
        import numpy as np

        code, rank = self.integer(), self.integer()
        if not 1 <= code <= len(_DTYPES) or rank > MAX_RANK:
            raise ProtocolError(f"the guest wrote a tensor of dtype {code} and rank {rank}")
        shape = tuple(int(size) for size in self.numbers(f"{rank}Q"))
        dtype, size = np.dtype(_DTYPES[code - 1]), self.integer("Q")
        if size != math.prod(shape) * dtype.itemsize:
            raise ProtocolError(f"the guest wrote {size} bytes for {dtype}{list(shape)}")
        return np.frombuffer(self.take(size), dtype).reshape(shape)


def _decode(kind: int, payload: memoryview) -> Answer:
    reader = _Reader(payload)
    match kind:
        case Kind.STARTED:
            return Started(reader.integer("i"), reader.text())
        case Kind.LOADED:
            return Loaded(reader.numbers("d")[0])
        case Kind.RESULT:
            seconds = reader.numbers("d")[0]
            return Result(seconds, [reader.tensor() for _ in range(reader.integer())])
        case Kind.FAILED:
            return Failed(reader.text(), reader.text())
        case Kind.ENDED:
            return Ended(reader.integer(), reader.integer())
        case _:
            raise ProtocolError(f"the guest wrote a frame of kind {kind}")
