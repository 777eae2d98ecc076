"""Reading images at fractional positions, for GridSample, DeformConv and RoiAlign."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

from edgepack.backends.passes.forms import as_float, as_index, clip, gather, minimum, reshape
from edgepack.backends.passes.values import Tensor, op

_CUBIC = -0.75  # Keys' coefficient, as ONNX GridSample-16 fixes it


@dataclass(frozen=True, slots=True)
class Sampling:
    """How positions between and outside the pixels are read.

    Attributes:
        mode: "nearest", "linear" or "cubic".
        padding: "zeros", "border" or "reflection".
        align: Whether -1 and 1 are the centres of the outermost pixels rather than their outer edges.
    """

    mode: str
    padding: str
    align: bool


def sample(
    rows: Tensor, size: Sequence[int], base: Tensor, positions: Sequence[Tensor], how: Sampling
) -> Tensor:
    """Interpolate rows of channels at P positions.

    Args:
        rows: (images * pixels, C), the last axis of the image fastest.
        size: Of an image, per axis.
        base: (P,) int64, where each position's image starts in `rows`.
        positions: Per axis (P,), in pixels.
        how: See there.

    Returns:
        (P, C).
    """
    taps = [_taps(at, length, how) for at, length in zip(positions, size, strict=True)]
    total: Tensor | None = None
    for combination in itertools.product(*taps):
        index, weight = base, None
        for axis, (at, share) in enumerate(combination):
            index = index + as_index(at) * math.prod(size[axis + 1 :])
            if share is not None:
                weight = share if weight is None else weight * share
        part = gather(rows, index, 0)
        part = part if weight is None else part * reshape(weight, (-1, 1))
        total = part if total is None else total + part
    assert total is not None
    return total


def _taps(at: Tensor, length: int, how: Sampling) -> list[tuple[Tensor, Tensor | None]]:
    """The pixels that one axis reads and their shares."""
    if how.mode == "nearest":
        inside, share = _bounded(op("Round", at), length, how)
        return [(op("Round", inside), share)]
    floor = op("Floor", at)
    rest = at - floor
    if how.mode == "linear":
        shares = [(0, 1.0 - rest), (1, rest)]
    else:
        far, near = _cubic_far, _cubic_near
        shares = [(-1, far(rest + 1.0)), (0, near(rest)), (1, near(1.0 - rest)), (2, far(2.0 - rest))]
    taps: list[tuple[Tensor, Tensor | None]] = []
    for offset, share in shares:
        inside, valid = _bounded(floor + float(offset), length, how)
        taps.append((inside, share if valid is None else share * valid))
    return taps


def _cubic_near(x: Tensor) -> Tensor:
    """Keys' kernel for |x| <= 1: (a + 2) x**3 - (a + 3) x**2 + 1."""
    return ((x * (_CUBIC + 2.0)) - (_CUBIC + 3.0)) * x * x + 1.0


def _cubic_far(x: Tensor) -> Tensor:
    """Keys' kernel for 1 < |x| < 2: a x**3 - 5 a x**2 + 8 a x - 4 a."""
    return ((x * _CUBIC - 5.0 * _CUBIC) * x + 8.0 * _CUBIC) * x - 4.0 * _CUBIC


def _bounded(at: Tensor, length: int, how: Sampling) -> tuple[Tensor, Tensor | None]:
    """The pixel to read instead of one outside, and 0 or 1 for whether it counts."""
    last = float(length - 1)
    if how.padding == "border":
        return clip(at, 0.0, last), None
    if how.padding == "reflection":
        low, high = (0.0, last) if how.align else (-0.5, length - 0.5)
        span = high - low
        if span <= 0:
            return clip(at, 0.0, 0.0), None
        turned = at - low
        turned = turned - op("Floor", turned / (2 * span)) * (2 * span)
        return clip(minimum(turned, -turned + 2 * span) + low, 0.0, last), None
    counts = as_float(at >= -0.5) * as_float(at <= length - 0.5)
    return clip(at, 0.0, last), counts
