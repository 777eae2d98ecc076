"""Guess what a misspelt name was meant to be."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Give "did you mean X?" for the nearest of the known names, or nothing when none is near."""
    close = difflib.get_close_matches(name, list(known), n=1)
    return f"did you mean {close[0]}?" if close else ""


def choices(name: str, known: Iterable[str]) -> str:
    """Give a hint for a name that is not among the known ones: the nearest, if any, then all of them."""
    names = list(known)
    return f"{did_you_mean(name, names)} choose from {', '.join(names)}".strip()
