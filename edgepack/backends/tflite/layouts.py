"""Which axis of the source each axis of a file's tensor may hold, the likely answer first."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice, permutations, product
from math import prod

type Axes = tuple[int, ...]
type Shape = tuple[int, ...]

_MOST_ORDERS = 120
"""Orders tried per tensor: all of a tensor with five equal sizes."""
_MOST_COMBINATIONS = 4096


def axis_orders(source: Shape, file: Shape) -> tuple[Axes, ...]:
    """Give the orders of the source's axes that make its shape the file's.

    Axes of size 1 may come and go, and where they stand makes no difference to the data, so orders that
    differ in nothing else count once.

    Args:
        source: The source tensor's shape.
        file: The file tensor's shape.

    Returns:
        Permutations of the source's axes, the channels-last one first, then the unchanged one, then those
        that move the fewest axes; empty when none fits.
    """
    wide = [axis for axis, size in enumerate(source) if size != 1]
    sizes = tuple(size for size in file if size != 1)
    if sorted(sizes) != sorted(source[axis] for axis in wide):
        return ()
    fitting = islice(_fitting(source, wide, sizes), _MOST_ORDERS)
    channels_last = tuple(axis for axis in (0, *range(2, len(source)), 1) if axis in wide)

    def unlikely(order: Axes) -> tuple[bool, int]:
        return order != channels_last, sum(axis != own for axis, own in zip(order, wide, strict=True))

    return tuple(_place_units(order, source, file) for order in sorted(fitting, key=unlikely))


def combinations(choices: tuple[int, ...]) -> Iterator[tuple[int, ...]]:
    """Count through several lists of choices at once, all firsts first, then one second, and so on.

    Args:
        choices: How many there are for each.

    Yields:
        One index per list. Where there are too many combinations, the last choices are left out.
    """
    counts = list(choices)
    while prod(counts) > _MOST_COMBINATIONS:
        counts[counts.index(max(counts))] -= 1
    yield from sorted(product(*map(range, counts)), key=sum)


def _fitting(source: Shape, wide: list[int], sizes: Shape) -> Iterator[Axes]:
    for order in permutations(wide):
        if tuple(source[axis] for axis in order) == sizes:
            yield order


def _place_units(order: Axes, source: Shape, file: Shape) -> Axes:
    """Add the axes of size 1: where the file has its own, or, when it has more or fewer, where they were."""
    units = [axis for axis, size in enumerate(source) if size == 1]
    rest, left = iter(order), iter(units)
    if len(source) == len(file):
        return tuple(next(left) if size == 1 else next(rest) for size in file)
    placed = list(order)
    for axis in units:
        placed.insert(axis, axis)
    return tuple(placed)
