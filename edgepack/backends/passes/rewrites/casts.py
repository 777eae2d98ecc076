"""Casts and integer types: the phone's file holds int32, float32 and bool, the model may say more."""

from __future__ import annotations

from edgepack.backends.passes import hints
from edgepack.backends.passes.dtypes import (
    BOOL,
    FLOAT32,
    INT32,
    NARROW,
    DType,
    Refusal,
    is_float,
    is_string,
    physical,
)
from edgepack.backends.passes.forms import cast, equal, retag
from edgepack.backends.passes.node import Node
from edgepack.backends.passes.registry import rewrite
from edgepack.backends.passes.schemas import numpy_dtype
from edgepack.backends.passes.values import Tensor, constant, op

_NARROW_ARITHMETIC = ("Add", "Sub", "Mul", "Div", "Neg", "Abs", "Sign", "Max", "Min", "Sum")
_COMPARISONS = ("Equal", "Greater", "Less", "GreaterOrEqual", "LessOrEqual")


def _target(node: Node) -> DType:
    return node.tensor(1).dtype if node.op_type == "CastLike" else numpy_dtype(node.integer("to"))


def _needs_cast(node: Node) -> bool:
    if node.op_type == "CastLike":
        return True
    source, target = node.dtype, _target(node)
    stored = (BOOL, FLOAT32, INT32)
    return source not in stored or target not in stored or target in (source, BOOL)


@rewrite("Cast", "CastLike", when=_needs_cast)
def casts(node: Node) -> Tensor:
    """Cast between logical dtypes: nothing to do where both are stored alike.

    To a narrow integer the value wraps (two's complement, as ONNX's Cast asks); to bool it is x != 0.
    Rounding to float16 or bfloat16 is left out, since the file computes in float32; rounding to 8 or 4 bits
    would change results visibly and is refused.
    """
    tensor, target = node.tensor(0), _target(node)
    if is_string(target) or is_string(tensor.dtype):
        raise Refusal("strings have no counterpart on the phone", hints.STRINGS)
    if target.name.startswith(("float8", "float6_", "float4")):
        raise Refusal(f"rounding to {target.name} has no counterpart on the phone", hints.WIDTH)
    source = physical(tensor.dtype)
    stored = retag(tensor, source)
    if target == BOOL:
        return stored if source == BOOL else op("Not", equal(stored, 0))
    stored = cast(stored, physical(target))
    if target.name in NARROW and source != BOOL and not _fits(tensor.dtype, target):
        stored = wrap(stored, target)
    return retag(stored, target)


def _fits(source: DType, target: DType) -> bool:
    inner, outer = NARROW.get(source.name), NARROW[target.name]
    return inner is not None and outer[0] <= inner[0] and inner[1] <= outer[1]


def wrap(tensor: Tensor, dtype: DType) -> Tensor:
    """Bring int32 numbers into a narrow type's range: (x - low) mod 2**bits + low."""
    low, high = NARROW[dtype.name]
    shifted = tensor - low if low else tensor
    remainder = op("Mod", shifted, constant(high - low + 1, tensor))
    return remainder + low if low else remainder


def _narrow(node: Node) -> bool:
    return node.dtype.name in NARROW


@rewrite(*_NARROW_ARITHMETIC, when=_narrow, wrong_in="2.6.9")
def narrow_arithmetic(node: Node) -> Tensor:
    """Arithmetic on integers below 32 bits is done in int32 and wrapped.

    The converter emits the runtime's quantised kernels without scales for int8 and int16: Mul and Div come
    out wrong, Add and Sub end the process (SIGABRT).
    """
    wide = [cast(node.tensor(k), INT32) for k in range(len(node.inputs))]
    return cast(op(node.op_type, *wide), node.dtype)


@rewrite(*_COMPARISONS, when=_narrow, wrong_in="2.6.9")
def narrow_comparison(node: Node) -> Tensor:
    """Comparisons of integers below 32 bits are done in int32; in 8 bits they end the process."""
    return op(node.op_type, cast(node.tensor(0), INT32), cast(node.tensor(1), INT32))


@rewrite(*_COMPARISONS, "Max", "Min", when=lambda node: node.dtype == BOOL)
def bool_comparison(node: Node) -> Tensor:
    """Comparisons and extrema of bools are done in int32, where false is 0 and true is 1."""
    result = op(node.op_type, *(cast(node.tensor(k), INT32) for k in range(len(node.inputs))))
    return cast(result, BOOL)


@rewrite("BitwiseNot", when=_narrow, wrong_in="2.6.9")
def narrow_not(node: Node) -> Tensor:
    """BitwiseNot of a narrow integer is -1 - x, wrapped; the converter's form ends the process."""
    return cast(-1 - cast(node.tensor(0), INT32), node.dtype)


@rewrite("Mod", when=lambda node: is_float(node.dtype) and node.integer("fmod") == 1)
def float_remainder(node: Node) -> Tensor:
    """Mod with fmod=1 keeps the dividend's sign: x - trunc(x / y) * y (C's fmod)."""
    left, right = node.tensor(0), node.tensor(1)
    ratio = left / right
    return left - op("Sign", ratio) * op("Floor", op("Abs", ratio)) * right


def _integer_mod(node: Node) -> bool:
    return not is_float(node.dtype) and (bool(node.integer("fmod")) or _narrow(node))


@rewrite("Mod", when=_integer_mod)
def integer_remainder(node: Node) -> Tensor:
    """Integer Mod: with fmod=1 the sign is the dividend's, x - trunc(x / y) y; narrow types go by int32."""
    left, right = cast(node.tensor(0), INT32), cast(node.tensor(1), INT32)
    if node.integer("fmod"):
        return cast(left - op("Div", left, right) * right, node.dtype)
    return cast(op("Mod", left, right), node.dtype)
