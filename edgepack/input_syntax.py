"""The syntax of `--input` and `--bind`, in one place for the command line and for models."""

from __future__ import annotations

import json
import re

from edgepack.errors import UsageError
from edgepack.model import DTYPES, Binding, InputSpec, Nested, TensorSpec
from edgepack.suggest import choices

SYNTAX = "name:dtype[d0,d1,…], optionally followed by =low..high for the golden values' range"
BINDING_SYNTAX = "NAME=VALUE with a number, true, false, or a list of these"
_BINDING_EXAMPLE = "for example axes=[0,2] or k=5"
_NUMBER = r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?"
_PATTERN = re.compile(
    rf"(?P<name>[^=\[\]\s]+):(?P<dtype>\w+)\[(?P<shape>[^\]]*)\](?:=(?P<low>{_NUMBER})\.\.(?P<high>{_NUMBER}))?"
)
_EXAMPLE = "for example image:float32[1,3,224,224] or tokens:int64[1,16]=0..99"


def parse_input(text: str) -> InputSpec:
    """Read one input description.

    Args:
        text: `name:dtype[shape]`, or `name:dtype[shape]=low..high`; integers are drawn from low to high
            inclusive, floats uniformly between them.

    Raises:
        UsageError: The text does not follow the syntax; the hint shows one that does.
    """
    match = _PATTERN.fullmatch(text.strip())
    if match is None:
        raise UsageError(f"cannot read input {text!r}: expected {SYNTAX}", hint=_EXAMPLE)
    dtype = match["dtype"]
    if dtype not in DTYPES:
        raise UsageError(f"input {text!r}: unknown dtype {dtype!r}", hint=choices(dtype, DTYPES))
    tensor = TensorSpec(match["name"], dtype, _parse_shape(match["shape"], text))
    if match["low"] is None:
        return InputSpec(tensor)
    low, high = float(match["low"]), float(match["high"])
    if low > high:
        raise UsageError(
            f"input {text!r}: the range {low:g}..{high:g} is empty", hint="give the lower bound first"
        )
    return InputSpec(tensor, low, high)


def parse_binding(text: str) -> Binding:
    """Read one `name=value`, whose value is a number, true, false, or a list of such as in JSON.

    Raises:
        UsageError: The text does not follow the syntax; the hint shows one that does.
    """
    name, equals, value = (part.strip() for part in text.partition("="))
    if not (name and equals and value):
        raise UsageError(f"cannot read binding {text!r}: expected {BINDING_SYNTAX}", hint=_BINDING_EXAMPLE)
    try:
        return Binding(name, _nested(json.loads(value)))
    except (ValueError, RecursionError) as error:
        raise UsageError(
            f"cannot read the value of binding {text!r}: {error}", hint=_BINDING_EXAMPLE
        ) from error


def _nested(value: object) -> Nested:
    """Check a value out of JSON.

    Raises:
        ValueError: It holds something else than numbers, or lists of unequal lengths.
    """
    if isinstance(value, bool | int | float):
        return value
    if not isinstance(value, list):
        raise ValueError(f"{json.dumps(value)} is no number")
    items = tuple(map(_nested, value))
    if len({_lengths(item) for item in items}) > 1:
        raise ValueError("its lists are of unequal lengths")
    return items


def _lengths(value: Nested) -> tuple[int, ...]:
    if not isinstance(value, tuple):
        return ()
    return (len(value), *(_lengths(value[0]) if value else ()))


def _parse_shape(text: str, whole: str) -> tuple[int, ...]:
    parts = [part.strip() for part in text.split(",")] if text.strip() else []
    if not all(part.isdecimal() and int(part) > 0 for part in parts):
        raise UsageError(
            f"input {whole!r}: shape [{text}] must be positive whole numbers separated by commas",
            hint="a phone runs one fixed shape: write the sizes that the app will feed, batch size included",
        )
    return tuple(int(part) for part in parts)
