"""Small texts that the messages of all source kinds share."""

from __future__ import annotations

import traceback
from collections.abc import Sequence


def summarise(error: BaseException) -> str:
    """Give an exception's class and the first line of its message."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return f"{type(error).__name__}: {lines[0]}" if lines else type(error).__name__


def evidence(error: BaseException) -> dict[str, str]:
    """Give an exception's traceback as details for an error of our own."""
    return {"traceback": "".join(traceback.format_exception(error))}


def listing(names: Sequence[str], limit: int = 4) -> str:
    """Join names for a message, cut short when there are many."""
    shown = ", ".join(names[:limit])
    return shown if len(names) <= limit else f"{shown} and {len(names) - limit} more"
