"""Sliding windows over the spatial axes of (N, C, …) tensors, as pools and convolutions take them."""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from edgepack.backends.passes.dtypes import Array
from edgepack.backends.passes.forms import pad, slice_axis
from edgepack.backends.passes.node import Node
from edgepack.backends.passes.values import Tensor


@dataclass(frozen=True, slots=True)
class Windows:
    """Where windows lie; every field has one entry for each spatial axis.

    Attributes:
        size: Of the input.
        kernel: Taps.
        strides: Between windows.
        dilations: Between taps.
        before: Padding in front.
        after: Padding behind.
        out: Number of windows.
    """

    size: tuple[int, ...]
    kernel: tuple[int, ...]
    strides: tuple[int, ...]
    dilations: tuple[int, ...]
    before: tuple[int, ...]
    after: tuple[int, ...]
    out: tuple[int, ...]

    def taps(self) -> Iterator[tuple[int, ...]]:
        """The positions within a window, the last axis fastest."""
        return itertools.product(*(range(k) for k in self.kernel))

    def positions(self, axis: int, tap: int) -> Array:
        """Per window, the input index (negative in the padding) that a tap reads along an axis."""
        start = tap * self.dilations[axis] - self.before[axis]
        return np.arange(self.out[axis]) * self.strides[axis] + start

    def counts(self, *, padding: bool) -> Array:
        """Per window, how many of its taps read the input, or with `padding` the input and its padding."""
        total = np.ones(self.out)
        for axis in range(len(self.size)):
            low, high = (self.before[axis], self.after[axis]) if padding else (0, 0)
            inside = np.zeros(self.out[axis])
            for tap in range(self.kernel[axis]):
                at = self.positions(axis, tap)
                inside += (at >= -low) & (at < self.size[axis] + high)
            total = total * inside.reshape([-1 if k == axis else 1 for k in range(len(self.size))])
        return total

    def cut(self, tensor: Tensor, value: float) -> Iterator[tuple[tuple[int, ...], Tensor]]:
        """Per tap, what it reads in all windows: a strided slice of the padded tensor."""
        padded = self._padded(tensor, value)
        for tap in self.taps():
            part = padded
            for axis in range(len(self.size)):
                part = self._slice(part, axis, tap[axis])
            yield tap, part

    def join(self, tensor: Tensor, value: float, two: Callable[[Tensor, Tensor], Tensor]) -> Tensor:
        """Join what all taps read in each window, where order makes no difference: one axis after the other.

        A window of 3 by 3 takes 6 slices so, where `cut` gives 9.

        Args:
            tensor: The input.
            value: What the padding holds.
            two: Joins two taps: their sum, or the larger one.
        """
        joined = self._padded(tensor, value)
        for axis in range(len(self.size)):
            joined = functools.reduce(
                two, (self._slice(joined, axis, tap) for tap in range(self.kernel[axis]))
            )
        return joined

    def _padded(self, tensor: Tensor, value: float) -> Tensor:
        """The tensor with as much around it as the windows read, and nothing that they don't."""
        need = [self._span(k) + (self.kernel[k] - 1) * self.dilations[k] for k in range(len(self.size))]
        after = [n - size - low for n, size, low in zip(need, self.size, self.before, strict=True)]
        return pad(tensor, [0, 0, *self.before], [0, 0, *after], value)

    def _slice(self, padded: Tensor, axis: int, tap: int) -> Tensor:
        start = tap * self.dilations[axis]
        return slice_axis(padded, 2 + axis, start, start + self._span(axis), self.strides[axis])

    def _span(self, axis: int) -> int:
        return (self.out[axis] - 1) * self.strides[axis] + 1


def windows_of(node: Node, kernel: Sequence[int], size: Sequence[int]) -> Windows:
    """Read strides, dilations, padding and ceil_mode as ONNX's pools and convolutions define them."""
    rank = len(kernel)
    strides = node.integers("strides", [1] * rank)
    dilations = node.integers("dilations", [1] * rank)
    pads = node.integers("pads", [0] * (2 * rank))
    auto = node.text("auto_pad", "NOTSET")
    reach = [(k - 1) * d + 1 for k, d in zip(kernel, dilations, strict=True)]
    before, after, out = [], [], []
    for k in range(rank):
        low, high = (pads[k], pads[k + rank]) if auto == "NOTSET" else (0, 0)
        if auto.startswith("SAME"):
            count = math.ceil(size[k] / strides[k])
            total = max(0, (count - 1) * strides[k] + reach[k] - size[k])
            low = total // 2 if auto == "SAME_UPPER" else total - total // 2
            high = total - low
        steps = (size[k] + low + high - reach[k]) / strides[k]
        number = (math.ceil(steps) if node.integer("ceil_mode") else math.floor(steps)) + 1
        # A window that would start in the padding behind is left out (ONNX MaxPool-22).
        if node.integer("ceil_mode") and (number - 1) * strides[k] >= size[k] + low:
            number -= 1
        before.append(low)
        after.append(high)
        out.append(number)
    fields = (size, kernel, strides, dilations, before, after, out)
    return Windows(*(tuple(field) for field in fields))
