"""What the core tells whoever watches: it never prints, it emits events.

The command line turns events into a progress display, plain lines, or nothing; a program that embeds
edgepack passes its own listener.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from threading import Lock
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


class StepTimer:
    """A listener that notes how long each step took and passes everything on.

    Attributes:
        seconds: Step to wall time, in the order in which steps ended; a step done twice adds up.
    """

    def __init__(self, emit: Listener) -> None:
        self.seconds: dict[str, float] = {}
        self._emit = emit
        self._lock = Lock()

    def __call__(self, event: Event) -> None:
        """Note the event, then pass it on; events may come from several threads."""
        if event.seconds is not None:
            with self._lock:
                self.seconds[event.step] = self.seconds.get(event.step, 0.0) + event.seconds
        self._emit(event)
