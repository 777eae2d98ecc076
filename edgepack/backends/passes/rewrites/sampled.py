"""GridSample, AffineGrid, DeformConv and RoiAlign by Gather and interpolation."""

from __future__ import annotations

import math

import numpy as np

from edgepack.backends.passes.dtypes import Array, Refusal
from edgepack.backends.passes.forms import (
    as_float,
    as_index,
    clip,
    concat,
    expand,
    gather,
    index_axis,
    maximum,
    minimum,
    reduce,
    reshape,
    slice_axis,
    transpose,
)
from edgepack.backends.passes.node import Node
from edgepack.backends.passes.registry import rewrite
from edgepack.backends.passes.sampling import Sampling, sample
from edgepack.backends.passes.values import Tensor, array_constant, op
from edgepack.backends.passes.windows import Windows, windows_of


def _pixels(tensor: Tensor) -> Tensor:
    """(N, C, …) as rows of channels, one for each pixel of each image."""
    return reshape(transpose(tensor, [0, *range(2, tensor.rank), 1]), (-1, tensor.shape[1]))


def _native_grid(node: Node) -> bool:
    """Two axes, nearest or linear, and no reflection."""
    modes = node.text("mode", "linear").removeprefix("bi"), node.text("padding_mode", "zeros")
    return node.tensor(0).rank == 4 and modes[0] != "cubic" and modes[1] != "reflection"


@rewrite("GridSample", when=lambda node: not _native_grid(node))
def grid_sample(node: Node) -> Tensor:
    """GridSample reads each image at the positions of a grid, whose last axis holds x, y, … (ONNX-20)."""
    tensor, grid = node.tensor(0), node.tensor(1)
    batch, channels, *size = tensor.shape
    align = bool(node.integer("align_corners"))
    mode = node.text("mode", "linear").removeprefix("bi")
    how = Sampling(mode, node.text("padding_mode", "zeros"), align)
    out = grid.shape[1:-1]
    count = math.prod(out)
    positions = []
    for axis, length in enumerate(size):
        relative = reshape(index_axis(grid, grid.rank - 1, len(size) - 1 - axis), (-1,))
        scaled = (relative + 1.0) * ((length - 1) / 2) if align else ((relative + 1.0) * length - 1.0) * 0.5
        positions.append(scaled)
    base = array_constant(np.repeat(np.arange(batch) * math.prod(size), count), tensor)
    rows = sample(_pixels(tensor), size, base, positions, how)
    return reshape(transpose(reshape(rows, (batch, count, channels)), [0, 2, 1]), (batch, channels, *out))


@rewrite("AffineGrid", structural=(1,))
def affine_grid(node: Node) -> Tensor:
    """AffineGrid multiplies homogeneous positions of a known grid with theta (ONNX AffineGrid-20)."""
    theta, (batch, _, *size) = node.tensor(0), node.ints(1, "size")
    align = bool(node.integer("align_corners"))
    axes = [np.linspace(-1, 1, n) if align else (np.arange(n) * 2 + 1) / n - 1 for n in size]
    grids = np.meshgrid(*axes, indexing="ij")
    ones = np.ones(math.prod(size))
    positions = np.stack([*(g.reshape(-1) for g in grids[::-1]), ones]).astype(theta.dtype)
    result = transpose(theta @ positions, [0, 2, 1])
    return reshape(result, (batch, *size, len(size)))


@rewrite("DeformConv")
def deformable_convolution(node: Node) -> Tensor:
    """DeformConv is im2col with every tap read at its own offset, times its mask (ONNX DeformConv-22)."""
    tensor, weights = node.tensor(0), node.tensor(1)
    batch, channels, height, width = tensor.shape
    windows = windows_of(node, weights.shape[2:], (height, width))
    group, maps = node.integer("group", 1), weights.shape[0]
    taps, places = math.prod(windows.kernel), math.prod(windows.out)
    blocks = node.integer("offset_group", 1)
    columns = concat([_deformed(node, windows, k, channels // blocks) for k in range(blocks)], 1)
    depth = channels // group * taps
    grouped = reshape(columns, (batch, group, depth, places))
    if group == 1:
        result = reshape(weights, (maps, depth)) @ reshape(grouped, (batch, depth, places))
    else:
        result = reshape(weights, (1, group, maps // group, depth)) @ grouped
    result = reshape(result, (batch, maps, *windows.out))
    bias = node.optional(3)
    return result if bias is None else result + reshape(bias, (1, maps, 1, 1))


def _deformed(node: Node, windows: Windows, block: int, channels: int) -> Tensor:
    """The columns (N, C, K, windows) of one block of channels that share their offsets."""
    tensor, (batch, _, height, width) = node.tensor(0), node.tensor(0).shape
    taps, places = math.prod(windows.kernel), math.prod(windows.out)
    part = slice_axis(tensor, 1, block * channels, (block + 1) * channels)
    moved = slice_axis(node.tensor(2), 1, block * 2 * taps, (block + 1) * 2 * taps)
    moved = reshape(moved, (batch, taps, 2, *windows.out))
    positions = []
    for axis in range(2):
        offset = reshape(index_axis(moved, 2, axis), (-1,))
        positions.append(offset + array_constant(_undeformed(windows, axis, batch), tensor))
    base = array_constant(np.repeat(np.arange(batch) * height * width, taps * places), tensor)
    rows = sample(_pixels(part), (height, width), base, positions, Sampling("linear", "zeros", align=True))
    mask = node.optional(4)
    if mask is not None:
        rows = rows * reshape(slice_axis(mask, 1, block * taps, (block + 1) * taps), (-1, 1))
    columns = transpose(reshape(rows, (batch, taps * places, channels)), [0, 2, 1])
    return reshape(columns, (batch, channels, taps, places))


def _undeformed(windows: Windows, axis: int, batch: int) -> Array:
    """Where each tap of each window reads along an axis, for all images."""
    grid = np.zeros((batch, math.prod(windows.kernel), *windows.out), np.float32)
    for k, tap in enumerate(windows.taps()):
        at = windows.positions(axis, tap[axis])
        grid[:, k] = at[:, None] if axis == 0 else at[None]
    return grid.reshape(-1)


def _roi_half_pixel(node: Node) -> bool:
    default = "half_pixel" if node.opset >= 16 else "output_half_pixel"
    return node.text("coordinate_transformation_mode", default) == "half_pixel"


def _native_roi(node: Node) -> bool:
    """Averages of a fixed number of samples in the older, unshifted coordinates."""
    average = node.text("mode", "avg") == "avg"
    return average and not _roi_half_pixel(node) and node.integer("sampling_ratio") > 0


@rewrite("RoiAlign", when=lambda node: not _native_roi(node), wrong_in="2.6.9")
def roi_align(node: Node) -> Tensor:
    """RoiAlign pools bilinear samples of each region of interest (ONNX RoiAlign-22).

    The converter ignores the half-pixel shift; by maximum it takes the largest sample, where ONNX takes the
    largest weighted corner; and sampling_ratio 0 it takes for a fixed number.
    """
    tensor, regions = node.tensor(0), node.tensor(1)
    _, channels, height, width = tensor.shape
    ratio, count = node.integer("sampling_ratio"), regions.shape[0]
    if ratio <= 0:
        raise Refusal("its number of samples depends on the size of each region (sampling_ratio 0)")
    out = (node.integer("output_height", 1), node.integer("output_width", 1))
    ys, xs = _roi_positions(node, out, ratio)
    across = (count, out[0] * ratio, out[1] * ratio)
    y = reshape(expand(reshape(ys, (*across[:2], 1)), across), (-1,))
    x = reshape(expand(reshape(xs, (count, 1, across[2])), across), (-1,))
    images = reshape(as_index(node.tensor(2)) * (height * width), (count, 1))
    base = reshape(expand(images, (count, across[1] * across[2])), (-1,))
    valid = _within(y, height) * _within(x, width)
    positions = [clip(y, 0.0, height - 1.0), clip(x, 0.0, width - 1.0)]
    average = node.text("mode", "avg") == "avg"
    if average:
        border = Sampling("linear", "border", align=True)
        rows = sample(_pixels(tensor), (height, width), base, positions, border)
        rows = rows * reshape(valid, (-1, 1))
    else:
        rows = _largest_corner(_pixels(tensor), (height, width), base, positions, valid)
    kind = "Mean" if average else "Max"
    rows = reshape(rows, (count * out[0], ratio, out[1], ratio * channels))
    rows = reshape(reduce(kind, rows, [1], keepdims=False), (count * out[0] * out[1], ratio, channels))
    rows = reshape(reduce(kind, rows, [1], keepdims=False), (count, *out, channels))
    return transpose(rows, [0, 3, 1, 2])


def _within(at: Tensor, length: int) -> Tensor:
    return as_float(at >= -1.0) * as_float(at <= float(length))


def _roi_positions(node: Node, out: tuple[int, int], ratio: int) -> tuple[Tensor, Tensor]:
    """Where the samples of each region lie: (regions, out height * ratio) and the same for the width."""
    half = _roi_half_pixel(node)
    corners = [
        slice_axis(node.tensor(1), 1, k, k + 1) * node.real("spatial_scale", 1.0) - (0.5 if half else 0.0)
        for k in range(4)
    ]
    lengths = [corners[2] - corners[0], corners[3] - corners[1]]
    if not half:
        lengths = [maximum(length, 1.0) for length in lengths]
    positions = []
    for start, length, number in ((corners[1], lengths[1], out[0]), (corners[0], lengths[0], out[1])):
        inner = (np.arange(ratio)[None] + 0.5) / ratio
        steps = ((np.arange(number)[:, None] + inner) / number).reshape(1, -1).astype(np.float32)
        positions.append(start + length * array_constant(steps, start))
    return positions[0], positions[1]


def _largest_corner(
    rows: Tensor, size: tuple[int, int], base: Tensor, positions: list[Tensor], valid: Tensor
) -> Tensor:
    floors = [op("Floor", at) for at in positions]
    rests = [at - floor for at, floor in zip(positions, floors, strict=True)]
    largest: Tensor | None = None
    for down in (0, 1):
        for right in (0, 1):
            y, x = (
                as_index(minimum(floor + float(step), n - 1.0))
                for floor, step, n in zip(floors, (down, right), size, strict=True)
            )
            shares = [rest if step else 1.0 - rest for rest, step in zip(rests, (down, right), strict=True)]
            part = gather(rows, base + y * size[1] + x, 0)
            part = part * reshape(shares[0] * shares[1] * valid, (-1, 1))
            largest = part if largest is None else maximum(largest, part)
    assert largest is not None
    return largest
