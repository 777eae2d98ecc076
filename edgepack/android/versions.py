"""Versions as Gradle writes them, https://docs.gradle.org/current/userguide/dependency_versions.html."""

from __future__ import annotations

import re
from dataclasses import dataclass

_PLAIN = re.compile(r"\d[\w.-]*")
NO_VERSION = "no version is given: a platform or another file decides"


@dataclass(frozen=True, slots=True)
class Version:
    """One release, or why there is not exactly one.

    Attributes:
        text: The release; empty where it cannot be told.
        fault: Why; empty where it can.
    """

    text: str = ""
    fault: str = ""


def plain(text: str) -> Version:
    """Read a version, of which ranges and dynamic ones are no single release."""
    text = text.removesuffix("!!")  # short for "strictly"
    if not text:
        return Version(fault=NO_VERSION)
    if _PLAIN.fullmatch(text):
        return Version(text)
    return Version(fault=f"version {text!r} is no single release")


def rich(value: object) -> Version:
    """Read a version of a catalogue: text, or a table with "strictly", "require" and "prefer"."""
    if value is None:
        return Version(fault=NO_VERSION)
    if isinstance(value, str):
        return plain(value)
    if not isinstance(value, dict):
        return Version(fault=f"version {value!r} is no text")
    kinds = [plain(str(value[kind])) for kind in ("strictly", "require", "prefer") if kind in value]
    told = {one.text for one in kinds if one.text}
    if len(told) == 1:
        return Version(told.pop())
    return Version(fault=f"version {value!r} is no single release")
