"""What becomes of an element type: the phone's runtime computes in float32, int32 and bool.

A model may say float64, bfloat16, int64 or uint4; its *logical* dtype stays with each value, because it
decides how arithmetic wraps and rounds, while the *physical* dtype is what the file holds.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from edgepack.backends.passes import hints

type Array = np.ndarray[Any, np.dtype[Any]]
type DType = np.dtype[Any]

FLOAT32: DType = np.dtype(np.float32)
INT32: DType = np.dtype(np.int32)
INT64: DType = np.dtype(np.int64)
BOOL: DType = np.dtype(np.bool_)

_INT32_RANGE = (-(2**31), 2**31 - 1)
# Integers narrower than the int32 that holds them: arithmetic must wrap as the model's own type does.
NARROW: dict[str, tuple[int, int]] = {
    "int2": (-2, 1),
    "uint2": (0, 3),
    "int4": (-8, 7),
    "uint4": (0, 15),
    "int8": (-128, 127),
    "uint8": (0, 255),
    "int16": (-32768, 32767),
    "uint16": (0, 65535),
}


class Refusal(Exception):
    """This stage will not rewrite a node, because no faithful form of it is known.

    Attributes:
        reason: Why, without operator and node, which whoever walks the graph adds.
        hint: What the user may do.
    """

    def __init__(self, reason: str, hint: str = hints.OTHERWISE) -> None:
        super().__init__(reason)
        self.reason = reason
        self.hint = hint


def is_float(dtype: DType) -> bool:
    """True for every real floating-point type, ml_dtypes' own included."""
    return dtype.kind == "f" or dtype.name.startswith(("bfloat", "float"))


def is_integer(dtype: DType) -> bool:
    """True for every integer type, the sub-byte ones included; not for bool."""
    return dtype.kind in "iu" or dtype.name in NARROW


def is_string(dtype: DType) -> bool:
    """True for the ways numpy holds strings."""
    return dtype.kind in "OUST"


def physical(dtype: DType) -> DType:
    """The dtype that the file holds for a logical one.

    Raises:
        Refusal: Strings and complex numbers have none.
    """
    if dtype == BOOL:
        return BOOL
    if is_float(dtype):
        return FLOAT32
    if is_integer(dtype):
        return INT32
    kind = "strings" if is_string(dtype) else f"values of type {dtype.name}"
    hint = hints.STRINGS if is_string(dtype) else hints.OTHERWISE
    raise Refusal(f"{kind} have no counterpart on the phone", hint)


def to_physical(value: Array) -> Array:
    """Convert a constant to its physical dtype.

    Raises:
        Refusal: A number in it is outside the physical type's range; it is never wrapped.
    """
    target = physical(value.dtype)
    if target == value.dtype:
        return value
    if target == INT32:
        if value.dtype.itemsize >= 4 and value.size:
            low, high = int(value.min()), int(value.max())
            if low < _INT32_RANGE[0] or high > _INT32_RANGE[1]:
                worst = low if low < _INT32_RANGE[0] else high
                raise Refusal(f"the constant {worst} does not fit in int32", hints.RANGE)
        return value.astype(INT32)
    with np.errstate(over="ignore"):
        result = value.astype(target)
    if value.dtype.itemsize == 8 and bool((np.isinf(result) & np.isfinite(value)).any()):
        largest = value[np.isinf(result) & np.isfinite(value)].reshape(-1)[0]
        raise Refusal(f"the constant {largest:g} does not fit in float32", hints.RANGE)
    return result
