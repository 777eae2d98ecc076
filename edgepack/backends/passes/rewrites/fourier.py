"""DFT and STFT as products with matrices of cosines and sines."""

from __future__ import annotations

import numpy as np

from edgepack.backends.passes.forms import (
    apply_matrix,
    check_matrix,
    concat,
    gather,
    index_axis,
    pad,
    reshape,
    slice_axis,
)
from edgepack.backends.passes.node import Node
from edgepack.backends.passes.registry import rewrite
from edgepack.backends.passes.values import Tensor


@rewrite("DFT", structural=(1, 2))
def discrete_fourier(node: Node) -> Tensor:
    """DFT: X[k] = sum x[n] exp(∓2πi kn/N), the inverse divided by N; complex numbers in the last axis.

    Source: ONNX DFT-20; before that the axis is an attribute.
    """
    tensor = node.tensor(0)
    axis = node.integer("axis", 1)
    if node.opset >= 20:
        axis = node.ints(2, "axis")[0] if node.has(2) else -2
    axis %= tensor.rank
    length = node.ints(1, "dft_length")[0] if node.has(1) else None
    inverse, onesided = bool(node.integer("inverse")), bool(node.integer("onesided"))
    if inverse and onesided:
        return _real_inverse(tensor, axis, length or 2 * (tensor.shape[axis] - 1))
    return _transform(tensor, axis, length or tensor.shape[axis], inverse=inverse, onesided=onesided)


def _transform(tensor: Tensor, axis: int, length: int, *, inverse: bool, onesided: bool) -> Tensor:
    size = tensor.shape[axis]
    after = [length - size if k == axis else 0 for k in range(tensor.rank)]
    tensor = pad(tensor, [0] * tensor.rank, after)
    bins = length // 2 + 1 if onesided else length
    check_matrix(length * bins)
    angle = (2 if inverse else -2) * np.pi * np.outer(np.arange(length), np.arange(bins)) / length
    cosine, sine = (part / length if inverse else part for part in (np.cos(angle), np.sin(angle)))
    last = tensor.rank - 1
    real = index_axis(tensor, last, 0)
    parts = [apply_matrix(real, axis, cosine), apply_matrix(real, axis, sine)]
    if tensor.shape[-1] == 2:
        imaginary = index_axis(tensor, last, 1)
        parts[0] = parts[0] - apply_matrix(imaginary, axis, sine)
        parts[1] = parts[1] + apply_matrix(imaginary, axis, cosine)
    return concat([reshape(part, (*part.shape, 1)) for part in parts], last)


def _real_inverse(tensor: Tensor, axis: int, length: int) -> Tensor:
    """The inverse of a one-sided transform: the other half is the conjugate, X[N-k] = X[k]*."""
    bins = tensor.shape[axis]
    source = np.array([k if k < bins else length - k for k in range(length)])
    whole = gather(tensor, source.astype(np.int64), axis)
    sign = np.ones((length, 2))
    sign[bins:, 1] = -1
    shape = [1] * tensor.rank
    shape[axis], shape[-1] = length, 2
    conjugated = whole * sign.reshape(shape).astype(np.float32)
    result = _transform(conjugated, axis, length, inverse=True, onesided=False)
    return slice_axis(result, result.rank - 1, 0, 1)


@rewrite("STFT", structural=(1, 3))
def short_time_fourier(node: Node) -> Tensor:
    """STFT: the DFT of windowed frames, one frame each `frame_step` samples (ONNX STFT-17)."""
    signal = node.tensor(0)
    step = node.ints(1, "frame_step")[0]
    window = node.optional(2)
    length = node.ints(3, "frame_length")[0] if node.has(3) else 0
    length = length or (window.shape[0] if window is not None else signal.shape[1])
    if signal.rank == 2:
        signal = reshape(signal, (*signal.shape, 1))
    count = (signal.shape[1] - length) // step + 1
    index = np.arange(count)[:, None] * step + np.arange(length)[None]
    taken = gather(signal, index.reshape(-1).astype(np.int64), 1)
    frames = reshape(taken, (signal.shape[0], count, length, signal.shape[2]))
    if window is not None:
        frames = frames * reshape(window, (1, 1, -1, 1))
    return _transform(frames, 2, length, inverse=False, onesided=bool(node.integer("onesided", 1)))
