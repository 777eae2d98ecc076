"""Union-find with parity: disjoint sets whose members are each on one of two sides."""

from __future__ import annotations

from collections.abc import Hashable

GROUND = "side 0"
"""The member that says which side is side 0, for all that are joined to it."""


class ParityUnionFind:
    """What is joined is one set, and it is known who is on the same side in it."""

    def __init__(self) -> None:
        self._above: dict[Hashable, tuple[Hashable, int]] = {}

    def tensors(self) -> list[int]:
        """All members but the ground."""
        return [member for member in self._above if isinstance(member, int)]

    def root(self, member: Hashable) -> Hashable:
        """The member that stands for a set."""
        return self._find(member)[0]

    def side(self, member: Hashable) -> int:
        """Which side a member is on; in a set without the ground, side 0 is that of the set's root."""
        root, side = self._find(member)
        ground, ground_side = self._find(GROUND)
        return side ^ ground_side if root == ground else side

    def join(self, one: Hashable, other: Hashable, apart: int) -> bool:
        """Join two sets so that two members are on the same side, or apart by 1.

        Returns:
            False, and nothing is changed, when they are in one set already and not so in it.
        """
        (root, side), (other_root, other_side) = self._find(one), self._find(other)
        if root == other_root:
            return side ^ other_side == apart
        self._above[other_root] = (root, side ^ other_side ^ apart)
        return True

    def _find(self, member: Hashable) -> tuple[Hashable, int]:
        above, side = self._above.setdefault(member, (member, 0))
        if above == member:
            return member, 0
        root, further = self._find(above)
        self._above[member] = (root, side ^ further)
        return root, side ^ further
