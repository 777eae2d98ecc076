"""Values on the way through the graph: tensors, constant or named, and sequences of them.

A pass is written with these as formulas are: `x * op("Sigmoid", x)`. Numbers and arrays are taken as
constants of the other operand's dtype.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

from edgepack.backends.passes import hints
from edgepack.backends.passes.dtypes import Array, DType, Refusal

type Number = Array | np.generic | float | int
type Operand = Tensor | Number
type Value = Tensor | TensorSequence | None


class Builder(Protocol):
    """What emits nodes; `Walker` and `guard` are the two."""

    def emit(
        self, op_type: str, inputs: tuple[Tensor | None, ...], outputs: int, attributes: dict[str, Any]
    ) -> list[Tensor]:
        """Emit one operator of the standard domain and give its outputs."""
        ...

    def retag(self, tensor: Tensor, dtype: DType) -> Tensor:
        """Take a tensor's stored numbers, as they are, for values of another logical dtype."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class Tensor:
    """A tensor: a known constant, or the name of something computed.

    Attributes:
        builder: What emits the nodes of formulas that this is part of.
        dtype: The logical dtype.
        dims: The dimensions, None where one depends on data; None altogether when not even the rank is known.
        name: In the graph; for a constant the name it had in the source, or empty.
        constant: The value, in the logical dtype, when it is known.
    """

    builder: Builder = field(repr=False)
    dtype: DType
    dims: tuple[int | None, ...] | None
    name: str = ""
    constant: Array | None = None

    @property
    def static(self) -> bool:
        """True when every dimension is known."""
        return self.dims is not None and None not in self.dims

    @property
    def shape(self) -> tuple[int, ...]:
        """The static shape.

        Raises:
            Refusal: It depends on data.
        """
        if self.dims is None or None in self.dims:
            raise Refusal("the shape of its input depends on data", hints.DATA_DEPENDENT)
        return tuple(d for d in self.dims if d is not None)

    @property
    def rank(self) -> int:
        """The number of dimensions."""
        return len(self.shape)

    @property
    def size(self) -> int:
        """The number of elements."""
        return math.prod(self.shape)

    def __add__(self, other: Operand) -> Tensor:
        return op("Add", self, other)

    def __radd__(self, other: Operand) -> Tensor:
        return op("Add", other, self)

    def __sub__(self, other: Operand) -> Tensor:
        return op("Sub", self, other)

    def __rsub__(self, other: Operand) -> Tensor:
        return op("Sub", other, self)

    def __mul__(self, other: Operand) -> Tensor:
        return op("Mul", self, other)

    def __rmul__(self, other: Operand) -> Tensor:
        return op("Mul", other, self)

    def __truediv__(self, other: Operand) -> Tensor:
        return op("Div", self, other)

    def __rtruediv__(self, other: Operand) -> Tensor:
        return op("Div", other, self)

    def __matmul__(self, other: Operand) -> Tensor:
        return op("MatMul", self, other)

    def __neg__(self) -> Tensor:
        return op("Neg", self)

    def __gt__(self, other: Operand) -> Tensor:
        return op("Greater", self, other)

    def __ge__(self, other: Operand) -> Tensor:
        return op("GreaterOrEqual", self, other)

    def __lt__(self, other: Operand) -> Tensor:
        return op("Less", self, other)

    def __le__(self, other: Operand) -> Tensor:
        return op("LessOrEqual", self, other)


@dataclass(frozen=True, slots=True)
class TensorSequence:
    """An ONNX sequence whose length is known while converting."""

    items: tuple[Tensor, ...]


def constant(value: Number, like: Tensor, dtype: DType | None = None) -> Tensor:
    """A constant of another tensor's dtype, or of the dtype given, in the same graph."""
    array = np.asarray(value, dtype=dtype or like.dtype)
    return Tensor(like.builder, array.dtype, array.shape, "", array)


def array_constant(value: Array, like: Tensor) -> Tensor:
    """A constant that keeps its own dtype, in the same graph as another tensor."""
    return Tensor(like.builder, value.dtype, value.shape, "", value)


def op(op_type: str, *inputs: Operand | None, **attributes: Any) -> Tensor:
    """Emit one operator with one output.

    Args:
        op_type: An operator of ONNX's standard domain, in the form of the target opset.
        *inputs: Tensors, None for an input left out, or numbers, which take the first tensor's dtype;
            an int64 array stays int64, because it holds indices, axes or shapes.
        **attributes: As ONNX names them.
    """
    return ops(op_type, *inputs, outputs=1, **attributes)[0]


def ops(op_type: str, *inputs: Operand | None, outputs: int, **attributes: Any) -> list[Tensor]:
    """Emit one operator with several outputs; otherwise as `op`."""
    like = next(i for i in inputs if isinstance(i, Tensor))
    lifted = tuple(i if i is None or isinstance(i, Tensor) else _lift(i, like) for i in inputs)
    return like.builder.emit(op_type, lifted, outputs, attributes)


def _lift(value: Number, like: Tensor) -> Tensor:
    if isinstance(value, np.ndarray):
        return array_constant(value, like)
    return constant(value, like)
