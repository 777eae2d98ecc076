"""Phrases that several commands share."""

from __future__ import annotations


def with_hint(text: str, hint: str) -> str:
    """Put a hint in brackets behind a text; an empty one leaves the text alone."""
    return f"{text} ({hint})" if hint else text


def counted(number: int, name: str) -> str:
    """Give a number and the name of what was counted, in the plural unless there is one."""
    return f"{number} {name}{'' if number == 1 else 's'}"
