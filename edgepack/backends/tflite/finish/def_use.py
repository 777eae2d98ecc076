"""Definition-use chains: who makes and who reads a tensor, while operators are joined."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from edgepack.backends.tflite.finish.model import FlatModel, Operator


class DefUseChains:
    """Who makes and who reads each tensor, kept up while operators are joined.

    Attributes:
        model: The model.
        alive: Operators that are still part of it.
        reads: Per tensor, how often it is read; the graph's outputs count.
    """

    def __init__(self, model: FlatModel) -> None:
        self.model = model
        self.alive = set(model.operators)
        self._makers = {tensor: operator for operator in model.operators for tensor in operator.outputs}
        self.reads = Counter(tensor for operator in model.operators for tensor in operator.inputs)
        self.reads.update(model.outputs)

    def maker(self, operator: Operator) -> Operator | None:
        """What makes an operator's first input, if nothing else reads that."""
        return self.sole_maker(operator.inputs[0])

    def sole_maker(self, tensor: int) -> Operator | None:
        """What makes a tensor, if it is read once."""
        return self._makers.get(tensor) if self.unshared(tensor) else None

    def unshared(self, tensor: int) -> bool:
        """True for a tensor that is read once."""
        return self.reads[tensor] == 1

    def gives(self, operator: Operator, tensor: int) -> None:
        """Let an operator give another tensor than before, which one other operator reads."""
        operator.outputs = [tensor]
        self._makers[tensor] = operator
        self.reads[tensor] = 1

    def absorb(self, maker: Operator, operator: Operator) -> None:
        """Let a maker give at once what an operator makes of its output."""
        maker.outputs = list(operator.outputs)
        self._makers.update(dict.fromkeys(operator.outputs, maker))
        self.alive.discard(operator)

    def skip(self, maker: Operator, operator: Operator) -> None:
        """Let an operator read what its maker reads."""
        self.reads[operator.inputs[0]] -= 1
        operator.inputs[0] = maker.inputs[0]
        self.reads[operator.inputs[0]] += 1
        if not self.reads[maker.outputs[0]]:
            self.reads.subtract(maker.inputs)
            self.alive.discard(maker)

    def made_by(self, operator: Operator) -> Operator | None:
        """What makes an operator's first input, whoever else reads that."""
        return self._makers.get(operator.inputs[0])
