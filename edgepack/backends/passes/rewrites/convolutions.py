"""Convolutions that the converter lacks: computed weights, padding by name, three axes and groups."""

from __future__ import annotations

import math

import numpy as np

from edgepack.backends.passes.dtypes import Array
from edgepack.backends.passes.forms import apply_matrix, check_matrix, concat, gather, reshape, transpose
from edgepack.backends.passes.node import Node
from edgepack.backends.passes.registry import rewrite
from edgepack.backends.passes.values import Tensor, array_constant, op
from edgepack.backends.passes.windows import Windows, windows_of


def _native_conv(node: Node) -> bool:
    """Constant weights, no SAME_LOWER; in 1-D whole or depthwise."""
    fixed = all(node.known(k) or not node.has(k) for k in range(1, len(node.inputs)))
    rank, group = node.tensor(0).rank, node.integer("group", 1)
    taken = rank in (4, 5) or (rank == 3 and group in (1, node.tensor(0).shape[1]))
    return fixed and taken and node.text("auto_pad") != "SAME_LOWER"


@rewrite("Conv", when=lambda node: not _native_conv(node))
def convolution(node: Node) -> Tensor:
    """Conv with padding as numbers, or as a product of weights and windows (im2col)."""
    tensor, weights = node.tensor(0), node.tensor(1)
    windows = windows_of(node, weights.shape[2:], tensor.shape[2:])
    return convolve(tensor, weights, node.optional(2), windows, node.integer("group", 1))


def convolve(tensor: Tensor, weights: Tensor, bias: Tensor | None, windows: Windows, group: int) -> Tensor:
    """A convolution in the form that the converter takes: Conv itself, or im2col.

    Args:
        tensor: (N, C, …).
        weights: (M, C / group, …).
        bias: (M,), or None.
        windows: Where the kernel goes.
        group: How many parts of the channels are convolved apart.
    """
    fixed = weights.constant is not None and (bias is None or bias.constant is not None)
    rank = len(windows.size)
    if fixed and rank == 1 and group not in (1, tensor.shape[1]):
        return _as_two_dimensional(tensor, weights, bias, windows, group)
    if fixed and rank <= 3:
        return _conv(tensor, weights, bias, windows, group)
    return _by_columns(tensor, weights, bias, windows, group)


def _conv(tensor: Tensor, weights: Tensor, bias: Tensor | None, windows: Windows, group: int) -> Tensor:
    attributes = {
        "kernel_shape": list(windows.kernel),
        "strides": list(windows.strides),
        "dilations": list(windows.dilations),
        "pads": [*windows.before, *windows.after],
        "group": group,
        "auto_pad": "NOTSET",
    }
    return op("Conv", tensor, weights, *([] if bias is None else [bias]), **attributes)


def _as_two_dimensional(
    tensor: Tensor, weights: Tensor, bias: Tensor | None, windows: Windows, group: int
) -> Tensor:
    """A grouped 1-D convolution as one in 2-D over a second axis of size 1."""
    ones, zeros = (1,), (0,)
    flat = Windows(
        windows.size + ones,
        windows.kernel + ones,
        windows.strides + ones,
        windows.dilations + ones,
        windows.before + zeros,
        windows.after + zeros,
        windows.out + ones,
    )
    wide = reshape(tensor, (*tensor.shape, 1))
    result = _conv(wide, reshape(weights, (*weights.shape, 1)), bias, flat, group)
    return reshape(result, result.shape[:3])


def _by_columns(tensor: Tensor, weights: Tensor, bias: Tensor | None, windows: Windows, group: int) -> Tensor:
    """im2col: (M, C / group K) times (C / group K, windows), for each image and group."""
    batch, channels = tensor.shape[:2]
    maps, places, taps = weights.shape[0], math.prod(windows.out), math.prod(windows.kernel)
    check_matrix(batch * channels * taps * places)
    parts = [reshape(part, (batch, channels, 1, places)) for _, part in windows.cut(tensor, 0.0)]
    depth = channels // group * taps
    columns = reshape(concat(parts, 2), (batch, group, depth, places))
    if group == 1:
        result = reshape(weights, (maps, depth)) @ reshape(columns, (batch, depth, places))
    else:
        result = reshape(weights, (1, group, maps // group, depth)) @ columns
    result = reshape(result, (batch, maps, *windows.out))
    return result if bias is None else result + reshape(bias, (1, maps, *[1] * len(windows.out)))


def _ends_elsewhere(node: Node) -> bool:
    extra, pads = node.integers("output_padding"), node.integers("pads")
    beyond = any(more > pad > 0 for more, pad in zip(extra, pads[len(extra) :], strict=False))
    return beyond or "output_shape" in node.given or node.text("auto_pad") == "SAME_LOWER"


@rewrite("ConvTranspose", when=_ends_elsewhere, wrong_in="2.6.9")
def convolution_transposed_to_size(node: Node) -> Tensor:
    """ConvTranspose with `output_shape`, SAME_LOWER or an output_padding above the padding.

    The converter makes the result of the first two too large, and that of the last too small.
    """
    return _transposed(node)


@rewrite("ConvTranspose", when=lambda node: not all(node.known(k) for k in range(1, len(node.inputs))))
def convolution_transposed(node: Node) -> Tensor:
    """ConvTranspose with computed weights, which the converter refuses."""
    return _transposed(node)


def _transposed(node: Node) -> Tensor:
    """Conv with flipped weights over the input with zeros put in between, by a 0/1 matrix for each axis.

    Source: ONNX ConvTranspose-22.
    """
    tensor, weights = node.tensor(0), node.tensor(1)
    rank, group, kernel = tensor.rank - 2, node.integer("group", 1), weights.shape[2:]
    dilations = node.integers("dilations", [1] * rank)
    before, after = _transposed_pads(node, kernel, dilations)
    extra, steps = node.integers("output_padding", [0] * rank), node.integers("strides", [1] * rank)
    for k in range(rank):
        reach = (kernel[k] - 1) * dilations[k]
        size = tensor.shape[2 + k]
        length = (size - 1) * steps[k] + 1 + 2 * reach - before[k] - after[k] + extra[k]
        start = reach - before[k]
        if steps[k] != 1 or start or length != size:
            tensor = apply_matrix(tensor, 2 + k, _zeros_between(size, length, steps[k], start))
    flipped = _flipped(weights, group)
    sizes = tensor.shape[2:]
    out = tuple(sizes[k] - (kernel[k] - 1) * dilations[k] for k in range(rank))
    ones, zeros = (1,) * rank, (0,) * rank
    windows = Windows(sizes, kernel, ones, tuple(dilations), zeros, zeros, out)
    return convolve(tensor, flipped, node.optional(2), windows, group)


def _transposed_pads(
    node: Node, kernel: tuple[int, ...], dilations: list[int]
) -> tuple[list[int], list[int]]:
    """Padding in front and behind, from `pads`, `auto_pad` or `output_shape` (ONNX ConvTranspose-22)."""
    rank, size = len(kernel), node.tensor(0).shape[2:]
    steps, extra = node.integers("strides", [1] * rank), node.integers("output_padding", [0] * rank)
    pads, auto = node.integers("pads", [0] * (2 * rank)), node.text("auto_pad", "NOTSET")
    wanted = node.integers("output_shape")[-rank:]
    if auto.startswith("SAME") and not wanted:
        wanted = [s * t for s, t in zip(size, steps, strict=True)]
    if not wanted:
        return pads[:rank], pads[rank:]
    before, after = [], []
    for k in range(rank):
        total = steps[k] * (size[k] - 1) + extra[k] + (kernel[k] - 1) * dilations[k] + 1 - wanted[k]
        low = total // 2 if auto == "SAME_UPPER" else total - total // 2
        before.append(low)
        after.append(total - low)
    return before, after


def _zeros_between(size: int, length: int, step: int, start: int) -> Array:
    check_matrix(size * length)
    matrix = np.zeros((size, length))
    at = start + step * np.arange(size)
    inside = (at >= 0) & (at < length)
    matrix[np.arange(size)[inside], at[inside]] = 1
    return matrix


def _flipped(weights: Tensor, group: int) -> Tensor:
    """(C, M / group, …) weights of ConvTranspose as (M, C / group, …) weights of Conv, flipped."""
    channels, maps, *kernel = weights.shape
    rank = len(kernel)
    grouped = reshape(weights, (group, channels // group, maps, *kernel))
    swapped = transpose(grouped, [0, 2, 1, *range(3, 3 + rank)])
    result = reshape(swapped, (group * maps, channels // group, *kernel))
    for k, size in enumerate(kernel):
        if size > 1:
            result = gather(result, np.arange(size)[::-1].copy(), 2 + k)
    return result


@rewrite("Col2Im", structural=(1, 2))
def column_to_image(node: Node) -> Tensor:
    """Col2Im adds columns up into an image: a product with a constant 0/1 matrix (ONNX Col2Im-18)."""
    tensor = node.tensor(0)
    image, block = node.ints(1, "image_shape"), node.ints(2, "block_shape")
    windows = windows_of(node, block, image)
    taps, places = math.prod(block), math.prod(windows.out)
    check_matrix(taps * places * math.prod(image))
    matrix = np.zeros((taps * places, math.prod(image)), tensor.dtype)
    for row, tap in enumerate(windows.taps()):
        grids = np.meshgrid(*(windows.positions(k, t) for k, t in enumerate(tap)), indexing="ij")
        at = [grid.reshape(-1) for grid in grids]
        inside = np.all([(p >= 0) & (p < size) for p, size in zip(at, image, strict=True)], axis=0)
        flat = np.ravel_multi_index([p[inside] for p in at], image)
        matrix[row * places + np.nonzero(inside)[0], flat] += 1
    batch, channels = tensor.shape[0], tensor.shape[1] // taps
    flat_tensor = reshape(tensor, (batch * channels, taps * places))
    return reshape(flat_tensor @ array_constant(matrix, tensor), (batch, channels, *image))
