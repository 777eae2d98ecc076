"""Passes register here, by operator; the files of `rewrites` are found by discovery."""

from __future__ import annotations

import functools
import importlib
import pkgutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from edgepack.backends.passes.node import Node
from edgepack.backends.passes.values import Value

type Rewriter = Callable[[Node], Value | Sequence[Value]]
type Condition = Callable[[Node], bool]


@dataclass(frozen=True, slots=True)
class Rewrite:
    """One way to say one operator in others.

    Attributes:
        name: Of the function, as reports show it.
        function: Gives the node's outputs.
        when: Tells whether the node needs it.
        wrong_in: Releases of the converter that silently get the operator wrong; empty unless it is a guard.
        dynamic: Whether it also takes inputs whose shape depends on data, sequences and absent optionals.
        structural: Inputs that decide shapes or structure, which it wants to be known while converting.
    """

    name: str
    function: Rewriter
    when: Condition
    wrong_in: str = ""
    dynamic: bool = False
    structural: tuple[int, ...] = ()

    @property
    def guard(self) -> bool:
        """True when the converter gets the node silently wrong, so that it is needed on every route."""
        return bool(self.wrong_in)


_rewrites: dict[tuple[str, str], list[Rewrite]] = {}


def rewrite(
    *op_types: str,
    when: Condition = lambda _: True,
    wrong_in: str = "",
    dynamic: bool = False,
    structural: tuple[int, ...] = (),
    domain: str = "",
) -> Callable[[Rewriter], Rewriter]:
    """Register a function that replaces nodes of these types when the condition holds.

    Args:
        *op_types: ONNX operators.
        when: Must be false for whatever nodes of these types the function itself emits.
        wrong_in: See `Rewrite`.
        dynamic: See `Rewrite`.
        structural: See `Rewrite`; needless for inputs that the converter wants as constants, too.
        domain: The operators' domain.
    """

    def register(function: Rewriter) -> Rewriter:
        entry = Rewrite(function.__name__.strip("_"), function, when, wrong_in, dynamic, structural)
        for op_type in op_types:
            _rewrites.setdefault((domain, op_type), []).append(entry)
        return function

    return register


@functools.cache
def rewrites() -> dict[tuple[str, str], list[Rewrite]]:
    """All passes by (domain, operator), guards first, in the order of their files' names."""
    from edgepack.backends.passes import rewrites as package

    for module in sorted(m.name for m in pkgutil.iter_modules(package.__path__)):
        importlib.import_module(f"{package.__name__}.{module}")
    return {key: sorted(found, key=lambda r: not r.guard) for key, found in _rewrites.items()}
