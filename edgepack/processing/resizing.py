"""Resampling pictures as `steps.Resize` states it: Pillow's arithmetic, in whole numbers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from edgepack.processing.steps import Resize

if TYPE_CHECKING:
    from edgepack.compare import Array

# Pillow's: 32 bits less 8 for the pixel and 2 for a sum that overshoots.
_BITS = 22


def resized_size(step: Resize, height: int, width: int) -> tuple[int, int]:
    """Give the height and width that a picture of this size will have."""
    if len(step.size) == 2:
        return step.size[0], step.size[1]
    shorter = step.size[0]
    if height <= width:
        return shorter, shorter * width // height
    return shorter * height // width, shorter


def resize(step: Resize, pixels: Array) -> Array:
    """Resample uint8[height, width, channels]."""
    height, width = resized_size(step, pixels.shape[0], pixels.shape[1])
    if step.method == "nearest":
        rows, columns = _nearest(pixels.shape[0], height), _nearest(pixels.shape[1], width)
        return pixels[rows][:, columns]
    if width != pixels.shape[1]:
        pixels = _resample(pixels.swapaxes(0, 1), width, step).swapaxes(0, 1)
    if height != pixels.shape[0]:
        pixels = _resample(pixels, height, step)
    return pixels


def _nearest(size: int, wanted: int) -> npt.NDArray[np.int64]:
    return (2 * np.arange(wanted, dtype=np.int64) + 1) * size // (2 * wanted)


def _resample(pixels: Array, wanted: int, step: Resize) -> Array:
    """Resample the first axis."""
    rows = pixels.reshape(pixels.shape[0], -1)
    resampled = np.empty((wanted, rows.shape[1]), np.uint8)
    for index, (first, weights) in enumerate(_windows(pixels.shape[0], wanted, step)):
        # Whole numbers below 2^53 in float64: exact, and multiplied faster than integers are.
        total = weights @ rows[first : first + len(weights)].astype(np.float64)
        resampled[index] = np.clip((total.astype(np.int64) + (1 << (_BITS - 1))) >> _BITS, 0, 255)
    return resampled.reshape(wanted, *pixels.shape[1:])


def _windows(size: int, wanted: int, step: Resize) -> Iterator[tuple[int, npt.NDArray[np.float64]]]:
    """Give, for each output pixel, the first input pixel and the whole-number weights from there on."""
    support, curve = _FILTERS[step.method]
    ratio = size / wanted
    widened = max(1.0, ratio) if step.antialias else 1.0
    reach = support * widened
    for index in range(wanted):
        centre = (index + 0.5) * ratio
        first = max(0, int(centre - reach + 0.5))
        end = min(size, int(centre + reach + 0.5))
        places = np.arange(end - first) + float(first)
        shares = curve(np.abs((places - centre + 0.5) * (1.0 / widened)))
        # cumsum adds from left to right; numpy's and Python's own sums do not, and differ in the last bit.
        shares = shares / np.cumsum(shares)[-1]
        yield first, np.trunc(shares * (1 << _BITS) + np.copysign(0.5, shares))


def _triangle(distance: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    return np.maximum(0.0, 1.0 - distance)


def _cubic(distance: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Keys' cubic convolution with a = -0.5 (IEEE Trans. ASSP 29, 1981), evaluated in Pillow's order."""
    a, x = -0.5, distance
    near = ((a + 2.0) * x - (a + 3.0)) * x * x + 1.0
    far = (((x - 5.0) * x + 8.0) * x - 4.0) * a
    return np.where(x < 1.0, near, np.where(x < 2.0, far, 0.0))


type _Curve = Callable[[npt.NDArray[np.float64]], npt.NDArray[np.float64]]
_FILTERS: dict[str, tuple[float, _Curve]] = {"bilinear": (1.0, _triangle), "bicubic": (2.0, _cubic)}
