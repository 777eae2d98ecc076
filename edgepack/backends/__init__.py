"""Backends: one artifact format each, found by the entry points of the group "edgepack.backends"."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from importlib.util import find_spec

from edgepack.backends.base import Backend
from edgepack.errors import InternalError, ToolError, UsageError
from edgepack.suggest import choices

GROUP = "edgepack.backends"


def backend_names() -> tuple[str, ...]:
    """Names of all installed backends, sorted, without importing any."""
    return tuple(sorted(_entries()))


def load_backend(name: str) -> Backend:
    """Give the backend that makes a format.

    Raises:
        UsageError: No installed package offers it.
        ToolError: Its package is there but a library it imports is not.
    """
    entries = _entries()
    if name not in entries:
        raise UsageError(f"no backend makes {name!r}", hint=choices(name, sorted(entries)))
    try:
        backend: Backend = entries[name].load()
    except ImportError as error:
        raise ToolError(
            f"backend {name} cannot be loaded: {error}", hint=f"it comes from {entries[name].value}"
        ) from error
    if backend.name != name:
        raise InternalError(f"the entry point {name!r} gives a backend that calls itself {backend.name!r}")
    return backend


def require(backend: Backend, modules: Sequence[str], purpose: str) -> None:
    """Make sure that a backend's packages are installed, without importing them.

    Args:
        backend: Whose they are.
        modules: Its `make_modules` or `run_modules`.
        purpose: What they are needed for: "making" or "running".

    Raises:
        ToolError: One is not; the hint names the extra that brings it.
    """
    for module in modules:
        package = module.partition(".")[0]
        if find_spec(package) is None:
            raise ToolError(
                f"{purpose} {backend.name} files needs the package {package}, which is not installed",
                hint=f"pip install 'edgepack[{backend.extra}]'",
            )


@cache
def _entries() -> dict[str, EntryPoint]:
    return {entry.name: entry for entry in entry_points(group=GROUP)}
