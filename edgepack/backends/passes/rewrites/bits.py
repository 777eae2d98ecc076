"""Bitwise operators on integers stored in int32, of which the converter has only exclusive or."""

from __future__ import annotations

import numpy as np

from edgepack.backends.passes.dtypes import INT32, NARROW
from edgepack.backends.passes.forms import cast, gather, retag
from edgepack.backends.passes.node import Node
from edgepack.backends.passes.registry import rewrite
from edgepack.backends.passes.rewrites.casts import wrap
from edgepack.backends.passes.values import Tensor, array_constant, op

_HALF = 65536
_SHIFTS = 31  # 2**30 is the largest power of two in int32


@rewrite("BitwiseXor", when=lambda node: node.dtype != INT32)
def exclusive_or(node: Node) -> Tensor:
    """BitwiseXor of the stored int32 numbers; sign extension keeps it right for narrow types."""
    left, right = (retag(node.tensor(k), INT32) for k in (0, 1))
    return retag(op("BitwiseXor", left, right), node.dtype)


@rewrite("BitwiseAnd", "BitwiseOr")
def and_or(node: Node) -> Tensor:
    """a & b is (a + b - (a ^ b)) / 2 and a | b is (a + b + (a ^ b)) / 2.

    Done on 16-bit halves, so that no sum leaves int32; halves by Mod and exact Div.
    """
    left, right = (_halves(retag(node.tensor(k), INT32)) for k in (0, 1))

    def combine(a: Tensor, b: Tensor) -> Tensor:
        difference = op("BitwiseXor", a, b)
        total = a + b
        both = total - difference if node.op_type == "BitwiseAnd" else total + difference
        return op("Div", both, 2)

    low, high = (combine(a, b) for a, b in zip(left, right, strict=True))
    return retag(high * _HALF + low, node.dtype)


def _halves(tensor: Tensor) -> tuple[Tensor, Tensor]:
    low = op("Mod", tensor, _HALF)
    return low, op("Div", tensor - low, _HALF)


@rewrite("BitwiseNot")
def complement(node: Node) -> Tensor:
    """~x is -1 - x; for narrow unsigned types the largest value minus x."""
    tensor = retag(node.tensor(0), INT32)
    largest = NARROW[node.dtype.name][1] if node.dtype.name in NARROW and node.dtype.kind == "u" else -1
    return retag(largest - tensor, node.dtype)


@rewrite("BitShift")
def shift(node: Node) -> Tensor:
    """A shift by k multiplies with or divides by 2**k, taken from a table; narrow types wrap."""
    left = retag(node.tensor(0), INT32)
    table = array_constant(2 ** np.arange(_SHIFTS, dtype=np.int32), left)
    power = gather(table, retag(node.tensor(1), INT32), 0)
    if node.text("direction") == "RIGHT":
        return retag(op("Div", left, power), node.dtype)
    shifted = left * power
    return cast(
        retag(wrap(shifted, node.dtype) if node.dtype.name in NARROW else shifted, node.dtype), node.dtype
    )
