"""How a report writes texts and figures."""

from __future__ import annotations

import re
from decimal import ROUND_CEILING, Context, Decimal
from math import inf, isfinite

_CONTROL = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]|[\x00-\x08\x0b-\x1f\x7f-\x9f]")
"""Terminal control sequences (ECMA-48, 5.4) and other control characters, but for tab and newline."""


def clean(text: str) -> str:
    """Take out what a terminal would obey instead of show: logs and foreign bundles may hold anything."""
    return _CONTROL.sub("", text).encode(errors="backslashreplace").decode()


def figure(value: float) -> str:
    """Give a figure with two digits, rounded up: a tolerance of that size would still do."""
    if not isfinite(value):
        return str(value)
    rounded = Decimal(repr(value)).normalize(Context(prec=2, rounding=ROUND_CEILING))
    return f"{float(rounded):.2g}"


def decibels(value: float) -> str:
    """Give a signal-to-noise ratio with one digit."""
    return "equal" if value == inf else f"{value:.1f}"
