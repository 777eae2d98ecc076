"""One node as a pass sees it: inputs as values, attributes with the schema's defaults."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from edgepack.backends.passes import hints
from edgepack.backends.passes.dtypes import Array, DType, Refusal
from edgepack.backends.passes.values import Builder, Tensor, TensorSequence, Value


@dataclass(frozen=True, slots=True)
class Node:
    """A node with its inputs resolved.

    Attributes:
        op_type: The operator.
        domain: Its domain, empty for ONNX's own.
        opset: The domain's version in the place that the node comes from.
        name: The source node's name, or the nearest thing to it.
        inputs: The values, None where an optional input is left out.
        outputs: How many outputs are wanted.
        attributes: As given, with the schema's defaults for the others; text decoded.
        given: The attributes that the node states itself.
        builder: What emits the replacement.
        run_body: Runs a subgraph attribute on inputs, in the scope of this node.
    """

    op_type: str
    domain: str
    opset: int
    name: str
    inputs: tuple[Value, ...]
    outputs: int
    attributes: Mapping[str, Any]
    given: frozenset[str]
    builder: Builder = field(repr=False)
    run_body: Callable[[Any, Sequence[Value]], list[Value]] | None = field(repr=False, default=None)

    @property
    def emitted(self) -> bool:
        """True for a node that a pass emitted, whose indices are known to count from the front."""
        return not self.name

    def has(self, index: int) -> bool:
        """True when that input is there."""
        return index < len(self.inputs) and self.inputs[index] is not None

    def tensor(self, index: int) -> Tensor:
        """An input that must be a tensor."""
        value = self.inputs[index] if index < len(self.inputs) else None
        if not isinstance(value, Tensor):
            raise Refusal(f"input {index} is not a tensor")
        return value

    def optional(self, index: int) -> Tensor | None:
        """An input that may be left out."""
        return self.tensor(index) if self.has(index) else None

    def sequence(self, index: int) -> tuple[Tensor, ...]:
        """An input that must be a sequence."""
        value = self.inputs[index] if index < len(self.inputs) else None
        if not isinstance(value, TensorSequence):
            raise Refusal(f"input {index} is not a sequence of known length")
        return value.items

    def known(self, index: int) -> bool:
        """True when that input is there and constant."""
        value = self.inputs[index] if index < len(self.inputs) else None
        return isinstance(value, Tensor) and value.constant is not None

    def constant(self, index: int, what: str) -> Array:
        """The value of an input that decides shapes or the structure of the graph.

        Raises:
            Refusal: It is not known while converting.
        """
        value = self.tensor(index).constant
        if value is None:
            raise Refusal(f"its {what} is not a constant", hints.BIND)
        return value

    def ints(self, index: int, what: str) -> list[int]:
        """As `constant`, as a flat list of integers."""
        return [int(v) for v in np.atleast_1d(self.constant(index, what)).reshape(-1)]

    def ints_of(self, index: int, attribute: str) -> list[int] | None:
        """Integers that newer opsets take as an input and older ones as an attribute; None if left out."""
        if self.has(index):
            return self.ints(index, attribute)
        return self.integers(attribute) if attribute in self.given else None

    def integer(self, attribute: str, default: int = 0) -> int:
        """An integer attribute."""
        return int(self.attributes.get(attribute, default))

    def real(self, attribute: str, default: float = 0.0) -> float:
        """A float attribute."""
        return float(self.attributes.get(attribute, default))

    def text(self, attribute: str, default: str = "") -> str:
        """A text attribute."""
        return str(self.attributes.get(attribute, default))

    def integers(self, attribute: str, default: Sequence[int] = ()) -> list[int]:
        """A list of integers; the default when it is absent or empty."""
        return [int(v) for v in self.attributes.get(attribute) or default]

    def axis(self, default: int, rank: int | None = None) -> int:
        """The `axis` attribute, counted from the front."""
        return self.integer("axis", default) % max(1, self.tensor(0).rank if rank is None else rank)

    def body(self, graph: Any, inputs: Sequence[Value]) -> list[Value]:
        """Run a subgraph of this node."""
        if self.run_body is None:
            raise Refusal("it holds a subgraph")
        return self.run_body(graph, inputs)

    @property
    def dtype(self) -> DType:
        """The first input's logical dtype."""
        return self.tensor(0).dtype
