"""Reading a classifier's answer out of its output."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from edgepack.processing.arithmetic import postprocess
from edgepack.processing.steps import Labels, Postprocess

if TYPE_CHECKING:
    from edgepack.compare import Array


@dataclass(frozen=True, slots=True)
class Answer:
    """One class.

    Attributes:
        index: Its place on the output's last axis.
        name: Its label; empty where the contract has none.
        value: What the contract's other steps give for it, a probability after softmax.
    """

    index: int
    name: str
    value: float


def best_answers(contract: Postprocess, output: Array, count: int) -> list[Answer]:
    """Give the classes with the largest values, the largest first and of equals the one that comes first.

    Args:
        contract: Of this output.
        output: [classes], or with further axes of size 1 before; any other has no one answer.
        count: How many at most.
    """
    if not output.ndim or output.size != output.shape[-1]:
        return []
    values = postprocess(contract, output).ravel().tolist()
    names = next((step.names for step in contract.steps if isinstance(step, Labels)), None)
    order = sorted(range(len(values)), key=lambda index: -values[index])[:count]
    return [Answer(index, names[index] if names else "", values[index]) for index in order]
