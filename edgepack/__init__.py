"""edgepack: one model in, a proven bundle for phones out."""

# Not typing's own: importing typing takes longer than Python takes to start. Type checkers know the name.
TYPE_CHECKING = False

if TYPE_CHECKING:
    from edgepack.android.embed import Embedded, embed
    from edgepack.api import build, run, verify
    from edgepack.bundle import Bundle, open_bundle
    from edgepack.errors import EdgepackError
    from edgepack.events import Event, EventKind
    from edgepack.report import Report
    from edgepack.settings import Settings

__version__ = "0.1.0"

__all__ = [
    "Bundle",
    "EdgepackError",
    "Embedded",
    "Event",
    "EventKind",
    "Report",
    "Settings",
    "__version__",
    "build",
    "embed",
    "open_bundle",
    "run",
    "verify",
]

_HOMES = {
    "Bundle": "edgepack.bundle",
    "EdgepackError": "edgepack.errors",
    "Embedded": "edgepack.android.embed",
    "Event": "edgepack.events",
    "EventKind": "edgepack.events",
    "Report": "edgepack.report",
    "Settings": "edgepack.settings",
    "build": "edgepack.api",
    "embed": "edgepack.android.embed",
    "open_bundle": "edgepack.bundle",
    "run": "edgepack.api",
    "verify": "edgepack.api",
}


def __getattr__(name: str) -> object:
    # Importing edgepack costs next to nothing; what a program uses is imported when it uses it.
    if name not in _HOMES:
        raise AttributeError(f"module 'edgepack' has no attribute {name!r}")
    import importlib

    return getattr(importlib.import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
