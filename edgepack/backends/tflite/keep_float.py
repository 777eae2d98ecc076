"""The search for the smallest set of layers that must stay in float."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from edgepack.backends.base import Candidate
from edgepack.errors import ConversionError
from edgepack.verdict import INPUT, worst_layers

_SINGLY = 4
"""So many layers are added one by one, then twice as many at every try."""
_MOST_TRIES = 24


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
