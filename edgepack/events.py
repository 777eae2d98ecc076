"""What the core tells whoever watches: it never prints, it emits events.

The command line turns events into a progress display, plain lines, or nothing; a program that embeds
edgepack passes its own listener.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from time import monotonic


class EventKind(StrEnum):
    """What an event is about."""

    STARTED = "started"
    FINISHED = "finished"
    FAILED = "failed"
    NOTE = "note"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened.

    Attributes:
        kind: What sort of thing.
        step: The step it belongs to, the same text from start to end: "convert tflite/float32".
        message: More for a person to read; may be empty.
        seconds: How long the step took, for FINISHED and FAILED.
    """

    kind: EventKind
    step: str
    message: str = ""
    seconds: float | None = None


type Listener = Callable[[Event], None]


def ignore(event: Event) -> None:
    """Listen to nothing."""


@contextmanager
def step(emit: Listener, name: str) -> Iterator[None]:
    """Announce a step, then how it ended and how long it took."""
    started = monotonic()
    emit(Event(EventKind.STARTED, name))
    try:
        yield
    except BaseException as error:
        emit(Event(EventKind.FAILED, name, str(error), monotonic() - started))
        raise
    emit(Event(EventKind.FINISHED, name, seconds=monotonic() - started))
