"""What would become of each node of a model, as data that the main process can hold."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

NATIVE, REWRITTEN, REFUSED = "native", "rewritten", "refused"
STATES = (NATIVE, REWRITTEN, REFUSED)


@dataclass(frozen=True, slots=True)
class NodePlan:
    """What becomes of one node.

    Attributes:
        node: Its name, or its first output's.
        operator: Its type, with the domain before it where that is not ONNX's own.
        state: One of `STATES`.
        passes: What rewrites it.
        reason: Why it is refused.
        hint: What to do about that.
    """

    node: str
    operator: str
    state: str
    passes: tuple[str, ...] = ()
    reason: str = ""
    hint: str = ""


@dataclass(frozen=True, slots=True)
class Plan:
    """What becomes of a model.

    Attributes:
        nodes: In the model's order.
        passes: Every pass that the plan uses, with what it does.
        problems: What is wrong with inputs and outputs.
    """

    nodes: tuple[NodePlan, ...]
    passes: Mapping[str, str]
    problems: tuple[str, ...] = ()

    @property
    def feasible(self) -> bool:
        """True when nothing is refused."""
        return not self.problems and all(one.state != REFUSED for one in self.nodes)
