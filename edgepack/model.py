"""What a model takes and gives, as its user sees it: names, dtypes and shapes in the source's own layout."""

from __future__ import annotations

import json
from dataclasses import dataclass
from math import prod

DTYPES = ("float32", "float16", "float64", "int8", "uint8", "int16", "int32", "int64", "bool")
"""The dtypes that a tensor at a model's border can have, by numpy's names."""


@dataclass(frozen=True, slots=True)
class TensorSpec:
    """One input or output: its name, numpy dtype name, and shape with every dimension fixed."""

    name: str
    dtype: str
    shape: tuple[int, ...]

    @property
    def elements(self) -> int:
        """How many numbers the tensor holds."""
        return prod(self.shape)

    def __str__(self) -> str:
        return f"{self.name}:{self.dtype}[{','.join(map(str, self.shape))}]"


@dataclass(frozen=True, slots=True)
class InputSpec:
    """An input and the range its seeded golden values are drawn from.

    Attributes:
        tensor: Name, dtype and shape.
        low: Smallest value drawn, or None for the dtype's default.
        high: Largest value drawn, inclusive for integers, or None for the dtype's default.
    """

    tensor: TensorSpec
    low: float | None = None
    high: float | None = None


type Nested = bool | int | float | tuple[Nested, ...]
"""A number, or numbers in lists of equal lengths, as text can hold an array."""


@dataclass(frozen=True, slots=True)
class Binding:
    """An input that is fixed to a value, so that it is no input any more; dtype and shape are the model's."""

    name: str
    value: Nested

    def __str__(self) -> str:
        return f"{self.name}={json.dumps(self.value, separators=(',', ':'))}"


@dataclass(frozen=True, slots=True)
class ModelSpec:
    """All inputs and outputs of a model, in order."""

    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]
