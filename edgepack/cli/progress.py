"""Show events on stderr: live on a terminal, as plain lines elsewhere, not at all with `--quiet`."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

import click

from edgepack.cli.command import Flags
from edgepack.events import Event, EventKind, Listener, ignore

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID


@contextmanager
def progress(flags: Flags) -> Iterator[Listener]:
    """Give the listener that suits stderr; it may be called from several threads at once."""
    if flags.quiet:
        yield ignore
    elif sys.stderr.isatty() and os.environ.get("TERM", "dumb") not in {"dumb", "unknown"}:
        with _live() as display:
            yield _Live(display)
    else:
        yield _print_plain


def line_of(event: Event) -> str:
    """Give the line that tells of an event, or nothing for one that needs none."""
    match event.kind:
        case EventKind.FINISHED:
            return f"{event.step} … {event.seconds or 0:.1f} s"
        case EventKind.FAILED:
            reason = event.message.partition("\n")[0] or "interrupted"
            return f"{event.step} … failed after {event.seconds or 0:.1f} s: {reason}"
        case EventKind.NOTE:
            return f"{event.step}: {event.message}"
        case EventKind.WARNING:
            return f"warning: {event.step}: {event.message}"
        case EventKind.STARTED:
            return ""


def _print_plain(event: Event) -> None:
    if line := line_of(event):
        # A reader of stderr that has gone is no reason to stop the work.
        with suppress(BrokenPipeError):
            # One write a line, so that lines of parallel steps don't mix.
            click.echo(line, err=True)


def _live() -> Progress:
    from rich.console import Console
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = (SpinnerColumn(), TextColumn("{task.description}", markup=False), TimeElapsedColumn())
    return Progress(*columns, console=Console(stderr=True), transient=True)


class _Live:
    """Running steps at the bottom with a clock each; what has ended scrolls away above."""

    def __init__(self, display: Progress) -> None:
        self._display = display
        self._tasks: dict[str, TaskID] = {}
        self._lock = threading.Lock()

    def __call__(self, event: Event) -> None:
        with self._lock:
            if event.kind is EventKind.STARTED:
                self._tasks[event.step] = self._display.add_task(event.step, total=None)
                return
            if event.kind in (EventKind.FINISHED, EventKind.FAILED) and event.step in self._tasks:
                self._display.remove_task(self._tasks.pop(event.step))
        self._display.console.print(line_of(event), markup=False, highlight=False, soft_wrap=True)
