"""How much of a layer's signal a quantised file has lost."""

from __future__ import annotations

from math import inf, log10
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

_ENOUGH = 4
"""With fewer values than this a channel says nothing by itself, and the tensor is taken as one."""
_SILENT = 1e-12
"""Channels below this share of the strongest one's power hold no signal that could be lost."""


def noise(
    ref: npt.NDArray[np.float64], got: npt.NDArray[np.float64], channels: int = -1
) -> tuple[float, float]:
    """Give a whole tensor's noise power to signal power, and what share an average channel has lost.

    A tensor's strongest channels decide the first figure, also when all others have drowned in rounding: so
    the second takes every channel alike, and counts it as lost where noise exceeds signal.

    Args:
        ref: What is right.
        got: What came out, of the same shape.
        channels: The axis that holds them.
    """
    import numpy as np

    finite = np.isfinite(ref)
    ref, error = np.where(finite, ref, 0.0), np.where(finite, got - np.where(finite, ref, 0.0), 0.0)
    signal, lost = np.square(ref), np.square(np.where(np.isnan(error), inf, error))
    total = float(signal.sum())
    if not total:
        return (inf, 1.0) if lost.any() else (0.0, 0.0)
    ratio = float(lost.sum()) / total
    if ref.ndim < 2 or ref.size < _ENOUGH * ref.shape[channels]:
        return ratio, min(1.0, ratio)
    axes = tuple(axis for axis in range(ref.ndim) if axis != channels % ref.ndim)
    signal, lost = signal.sum(axes), lost.sum(axes)
    heard = signal > _SILENT * signal.max()
    return ratio, float(np.minimum(1.0, lost[heard] / signal[heard]).mean())


def decibels(ratio: float) -> float:
    """Say a ratio of noise power to signal power as a signal-to-noise ratio."""
    return -10 * log10(ratio) if ratio else inf
