"""Rules that say one operator in others, applied to a whole model."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from edgepack.backends.tflite.finish.model import FlatModel, Operator


def replace_operators(model: FlatModel, rule: Callable[[Operator], list[Operator] | None]) -> bool:
    """Put others in the place of operators, in the model's order.

    Args:
        model: The model.
        rule: Gives the others, or None for an operator that stays.

    Returns:
        Whether anything changed.
    """
    operators: list[Operator] = []
    changed = False
    for operator in model.operators:
        others = rule(operator)
        changed |= others is not None
        operators += [operator] if others is None else others
    model.operators = operators
    return changed
