"""Numbers that JSON has no word for."""

from __future__ import annotations

from math import isfinite


def json_number(value: float) -> float | str:
    """Give a number as it is, or as one of the texts "inf", "-inf" and "nan"."""
    return value if isfinite(value) else str(value)
