"""Backends: one artifact format each, found by the entry points of the group "edgepack.backends"."""

from __future__ import annotations

import difflib
from functools import cache
from importlib.metadata import EntryPoint, entry_points

from edgepack.backends.base import Backend
from edgepack.errors import InternalError, MissingTool, UsageError

GROUP = "edgepack.backends"


def backend_names() -> tuple[str, ...]:
    """Names of all installed backends, sorted, without importing any."""
    return tuple(sorted(_entries()))


def load_backend(name: str) -> Backend:
    """Give the backend that makes a format.

    Raises:
        UsageError: No installed package offers it.
        MissingTool: Its package is there but a library it imports is not.
    """
    entries = _entries()
    if name not in entries:
        close = difflib.get_close_matches(name, entries, n=1)
        guess = f"did you mean {close[0]}? " if close else ""
        raise UsageError(f"no backend makes {name!r}", hint=f"{guess}installed: {', '.join(sorted(entries))}")
    try:
        backend: Backend = entries[name].load()
    except ImportError as error:
        raise MissingTool(
            f"backend {name} cannot be loaded: {error}", hint=f"it comes from {entries[name].value}"
        ) from error
    if backend.name != name:
        raise InternalError(f"the entry point {name!r} gives a backend that calls itself {backend.name!r}")
    return backend


@cache
def _entries() -> dict[str, EntryPoint]:
    return {entry.name: entry for entry in entry_points(group=GROUP)}
