"""Which layers of a quantised file stay in float: those that the user names, or the fewest that must."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Protocol

from edgepack.backends.base import Candidate
from edgepack.errors import ConversionError, UsageError
from edgepack.options import AUTO
from edgepack.suggest import choices
from edgepack.verdict import INPUT, worst_layers

_SINGLY = 4
"""So many layers are added one by one, then twice as many at every try."""
_MOST_TRIES = 24


class Layer(Protocol):
    """What patterns are held against."""

    @property
    def name(self) -> str:
        """Under which reports show the layer."""
        ...

    @property
    def operator(self) -> str:
        """What the layer is, in the words of its format."""
        ...


def make_kept(
    make: Callable[[Sequence[str]], Candidate],
    judge: Callable[[Candidate], str],
    wanted: Sequence[str],
    layers: Callable[[], Sequence[Layer]],
    suffix: str,
) -> Candidate:
    """Make the file that leaves in float what `--keep-float` asks for.

    Args:
        make: As for `find_kept`.
        judge: As for `find_kept`.
        wanted: `QuantisationOptions.keep_float`.
        layers: Gives the layers that there are.
        suffix: Of the format's files, for messages.

    Raises:
        UsageError: A pattern fits no layer.
        ConversionError: The search came to nothing.
    """
    if wanted == (AUTO,):
        return find_kept(make, judge)
    return make(_fitting(layers(), wanted, suffix) if wanted else ())


def _fitting(layers: Sequence[Layer], patterns: Sequence[str], suffix: str) -> list[str]:
    """Give the names of the layers that patterns fit: a part of the name, or the operator."""
    names = []
    for pattern in patterns:
        found = [
            layer.name
            for layer in layers
            if re.search(pattern, layer.name) or re.fullmatch(pattern, layer.operator)
        ]
        if not found:
            raise UsageError(
                f"--keep-float {pattern}: no layer of the {suffix} file fits",
                hint=choices(pattern, [layer.name for layer in layers][:8]),
            )
        names += found
    return names


def find_kept(make: Callable[[Sequence[str]], Candidate], judge: Callable[[Candidate], str]) -> Candidate:
    """Keep the worst layers in float until the file is good enough, then give back those that need not be.

    Layers are measured anew at every try: what is left in float shows which of the others lose the most.

    Args:
        make: Makes the file that leaves the layers of these names in float.
        judge: Says what a file lacks, or nothing.

    Returns:
        A file that lacks nothing, and as far as the tries sufficed to find out would lack something without
        any one of its float layers.

    Raises:
        ConversionError: The tries did not suffice.
    """
    search = _Search(make, judge)
    kept = search.grow()
    return search.prune(kept)


class _Search:
    def __init__(self, make: Callable[[Sequence[str]], Candidate], judge: Callable[[Candidate], str]) -> None:
        self._make = make
        self._judge = judge
        self._tries = 0
        self._made: Candidate | None = None

    def grow(self) -> list[str]:
        """Give a set that is good enough."""
        kept: list[str] = []
        step = 1
        while lack := self._lack(kept):
            assert self._made is not None
            rest = [
                layer for layer in self._made.layers if layer.name not in kept and layer.operator != INPUT
            ]
            added = [layer.name for layer in worst_layers(rest, step) if layer.lost > 0]
            if not added or self._tries >= _MOST_TRIES:
                raise ConversionError(
                    f"leaving {len(kept)} layers in float is not enough: {lack}",
                    hint="--io float32 leaves inputs and outputs in float, too" if not added else "",
                )
            kept += added
            step = step if len(kept) < _SINGLY else 2 * step
        return kept

    def prune(self, kept: list[str]) -> Candidate:
        """Take back what is not needed, the last that was added first."""
        for name in reversed(kept):
            if len(kept) > 1 and self._tries < _MOST_TRIES:
                fewer = [one for one in kept if one != name]
                kept = kept if self._lack(fewer) else fewer
        if self._made is None or self._made.kept_float != tuple(sorted(kept)):
            self._made = self._make(kept)
        return self._made

    def _lack(self, kept: Sequence[str]) -> str:
        self._tries += 1
        self._made = self._make(kept)
        return self._judge(self._made)
