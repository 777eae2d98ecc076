"""What a build can be told besides its source, and how each value may be given."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from pathlib import Path
from typing import TypedDict, cast

from edgepack.errors import UsageError
from edgepack.suggest import choices


class Settings(TypedDict, total=False):
    """Settings of a build; `edgepack.options.BuildOptions` says what each does.

    The same names are keyword arguments of `edgepack.build` and, but for those that `edgepack.config` takes
    from the command line only, keys of `[tool.edgepack]` and, in capitals after EDGEPACK_, environment
    variables.

    Attributes:
        inputs: One `name:dtype[shape]` per input; see `edgepack.input_syntax`.
        bind: One `name=value` per input of an ONNX model that is to be fixed; see `edgepack.input_syntax`.
        calibration: An .npz or .npy, a folder of pictures, "file.py:attr", or "golden".
        labels: An .npz with the inputs by name and `label`, or a folder with a folder of pictures per class.
        preprocess: Steps from a picture to an input; see `edgepack.processing.parsing`.
        postprocess: Steps from an output to an answer.
        timeout: Seconds that one job may take; 0 for no limit.
        memory: What one job may hold: bytes, or text such as "8GiB"; three quarters of all unless given.
        min_snr: In decibels.
        min_agreement: In percent.
        max_accuracy_drop: In points.
    """

    target: str
    output: str | Path
    name: str
    inputs: Sequence[str]
    bind: Sequence[str]
    arch: str
    trust: bool
    formats: Sequence[str]
    precisions: Sequence[str]
    cases: int
    seed: int
    golden: Sequence[str | Path]
    allow_degenerate: bool
    calibration: str | Path
    calibration_limit: int
    labels: str | Path
    labels_output: str
    io: str
    keep_float: Sequence[str]
    min_snr: float
    min_agreement: float
    max_accuracy_drop: float
    preprocess: Sequence[str]
    postprocess: Sequence[str]
    script: bool
    bytecode: int
    runners: Sequence[str]
    runtimes: Sequence[str]
    cpus: Sequence[str]
    timeout: float
    memory: int | str
    keep_going: bool
    keep_failed: str | Path
    force: bool
    cache: bool


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of value.

    Attributes:
        expected: For messages: "must be …".
        accepts: Whether a value from Python or TOML is of this kind.
        parse: Reads an environment variable's text.
    """

    expected: str
    accepts: Callable[[object], bool]
    parse: Callable[[str], object]


def parse_size(text: str) -> int:
    """Read a number of bytes: "8GiB", "512 MB", "1048576".

    Raises:
        ValueError: The text is no size.
    """
    match = re.fullmatch(r"(?P<number>\d+(?:\.\d+)?)\s*(?:(?P<power>[KMGT]?)(?P<binary>i?)B)?", text.strip())
    if match is None or (match["binary"] and not match["power"]):
        raise ValueError(f"{text!r} is no size")
    base = 1024 if match["binary"] else 1000
    return int(float(match["number"]) * base ** " KMGT".index(match["power"] or " "))


def _parse_flag(text: str) -> bool:
    return {"1": True, "true": True, "yes": True, "0": False, "false": False, "no": False}[text.lower()]


def _parse_names(text: str) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip()]


def _is_size(value: object) -> bool:
    if isinstance(value, str):
        try:
            parse_size(value)
        except ValueError:
            return False
        return True
    return type(value) is int


def _is_finite(value: object) -> bool:
    return type(value) is int or (isinstance(value, float) and isfinite(value))


def _is_list_of(kinds: type | tuple[type, ...]) -> Callable[[object], bool]:
    return lambda value: isinstance(value, list | tuple) and all(isinstance(item, kinds) for item in value)


_TEXT = Kind("text", lambda value: isinstance(value, str), str)
_PATH = Kind("a path", lambda value: isinstance(value, str | Path), str)
_FLAG = Kind("true or false", lambda value: isinstance(value, bool), _parse_flag)
# A bool is an int to isinstance, but `cases = true` is a mistake.
_WHOLE = Kind("a whole number", lambda value: type(value) is int, int)
_NUMBER = Kind("a number", _is_finite, float)
_SECONDS = Kind("a number of seconds", _is_finite, float)
_SIZE = Kind("bytes, or a size such as 8GiB", _is_size, str)
_TEXTS = Kind("a list of texts", _is_list_of(str), shlex.split)
_PATHS = Kind("a list of paths", _is_list_of((str, Path)), shlex.split)
_NAMES = Kind("a list of names", _is_list_of(str), _parse_names)

KINDS: Mapping[str, Kind] = {
    "target": _TEXT,
    "output": _PATH,
    "name": _TEXT,
    "inputs": _TEXTS,
    "bind": _TEXTS,
    "arch": _TEXT,
    "trust": _FLAG,
    "formats": _NAMES,
    "precisions": _NAMES,
    "cases": _WHOLE,
    "seed": _WHOLE,
    "golden": _PATHS,
    "allow_degenerate": _FLAG,
    "calibration": _PATH,
    "calibration_limit": _WHOLE,
    "labels": _PATH,
    "labels_output": _TEXT,
    "io": _TEXT,
    "keep_float": _TEXTS,
    "min_snr": _NUMBER,
    "min_agreement": _NUMBER,
    "max_accuracy_drop": _NUMBER,
    "preprocess": _TEXTS,
    "postprocess": _TEXTS,
    "script": _FLAG,
    "bytecode": _WHOLE,
    "runners": _NAMES,
    "runtimes": _NAMES,
    "cpus": _NAMES,
    "timeout": _SECONDS,
    "memory": _SIZE,
    "keep_going": _FLAG,
    "keep_failed": _PATH,
    "force": _FLAG,
    "cache": _FLAG,
}
"""Every setting's kind."""

PATHS = tuple(name for name, kind in KINDS.items() if kind in (_PATH, _PATHS))
"""The settings that hold paths."""


def check(given: Mapping[str, object], place: str) -> Settings:
    """Check names and kinds of settings.

    Args:
        given: From a program or a TOML file.
        place: Where they come from, for messages.

    Raises:
        UsageError: One is unknown (the hint names the nearest) or of another kind.
    """
    for name, value in given.items():
        if name not in KINDS:
            raise UsageError(f"{place}: unknown key {name!r}", hint=choices(name, KINDS))
        if not KINDS[name].accepts(value):
            raise UsageError(f"{place}: {name} must be {KINDS[name].expected}, not {value!r}")
    return cast(Settings, dict(given))


def parse(name: str, text: str, place: str) -> object:
    """Read one setting from an environment variable's text.

    Raises:
        UsageError: The text can't be read as this setting's kind.
    """
    try:
        value = KINDS[name].parse(text)
    except (ValueError, KeyError):
        value = None
    if value is None or not KINDS[name].accepts(value):
        raise UsageError(f"{place}: must be {KINDS[name].expected}, not {text!r}")
    return value
