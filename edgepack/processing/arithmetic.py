"""Carrying out contracts: each step as `steps` states it."""

from __future__ import annotations

from functools import singledispatch
from typing import Any

import numpy as np

from edgepack.compare import Array
from edgepack.errors import SourceError
from edgepack.model import TensorSpec
from edgepack.processing.resizing import resize
from edgepack.processing.steps import (
    Bgr,
    BlockSum,
    Centre,
    Crop,
    Grayscale,
    Invert,
    Layout,
    Mean,
    Postprocess,
    Preprocess,
    Resize,
    Scale,
    Softmax,
    Std,
    Threshold,
)


def preprocess(contract: Preprocess, pixels: Array, spec: TensorSpec) -> Array:
    """Turn a picture into a model's input.

    Args:
        contract: Bound to the model.
        pixels: uint8[height, width, 3], red, green, blue.
        spec: The input.

    Returns:
        An array of the input's dtype and shape.

    Raises:
        SourceError: The picture is too small for a crop, or comes out in another shape than the input's.
    """
    array = pixels
    for step in contract.steps:
        array = apply(step, array)
    if array.shape != spec.shape:
        raise SourceError(
            f"a picture of {_size(pixels)} pixels becomes {list(array.shape)}, and the input is {spec}",
            hint="add resize or crop to the preprocessing, or give pictures of the input's own size",
        )
    return np.ascontiguousarray(array.astype(spec.dtype))


def postprocess(contract: Postprocess, output: Array) -> Array:
    """Turn an output into what is shown: probabilities where the contract has softmax."""
    for step in contract.steps:
        output = apply(step, output)
    return output


@singledispatch
def apply(step: Any, array: Array) -> Array:  # noqa: ARG001  the registered functions name it
    """Carry out one step; one that computes nothing, such as labels, gives the array as it is."""
    return array


@apply.register
def _(step: Resize, array: Array) -> Array:
    return resize(step, array)


@apply.register
def _(step: Crop, array: Array) -> Array:
    (height, width), (tall, wide) = step.size, array.shape[:2]
    if height > tall or width > wide:
        raise SourceError(
            f"a picture of {_size(array)} pixels is too small for crop {height}x{width}",
            hint="resize before the crop",
        )
    # Python's round is half to even.
    top, left = round((tall - height) / 2), round((wide - width) / 2)
    return array[top : top + height, left : left + width]


@apply.register
def _(_step: Grayscale, array: Array) -> Array:
    red, green, blue = np.moveaxis(array.astype(np.int32), -1, 0)
    luma = (19595 * red + 38470 * green + 7471 * blue + 32768) >> 16
    return np.asarray(luma.astype(np.uint8)[..., None])


@apply.register
def _(_step: Bgr, array: Array) -> Array:
    return array[..., ::-1]


@apply.register
def _(_step: Invert, array: Array) -> Array:
    return np.asarray(255 - array)


@apply.register
def _(step: Centre, array: Array) -> Array:
    bright = array.astype(np.uint8, copy=False).max(2) >= step.level
    rows, columns = np.flatnonzero(bright.any(1)), np.flatnonzero(bright.any(0))
    box = array[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1] if rows.size else array
    height, width, channels = box.shape
    longer = max(height, width)
    side = longer + 2 * (longer * step.margin // 100)
    top, left = round((side - height) / 2), round((side - width) / 2)
    square = np.zeros((side, side, channels), array.dtype)
    square[top : top + height, left : left + width] = box
    return square


@apply.register
def _(step: Threshold, array: Array) -> Array:
    return np.asarray(np.greater_equal(array, step.level)).astype(np.int32)


@apply.register
def _(step: BlockSum, array: Array) -> Array:
    height, width, channels = array.shape
    if height % step.block or width % step.block:
        raise SourceError(
            f"{_size(array)} pixels cannot be divided into blocks of {step.block}",
            hint=f"resize or crop to a multiple of {step.block} before blocksum",
        )
    blocks = array.reshape(height // step.block, step.block, width // step.block, step.block, channels)
    return np.asarray(blocks.sum((1, 3), dtype=np.int32))


@apply.register
def _(step: Scale, array: Array) -> Array:
    return np.asarray(array.astype(np.float32) * np.float32(step.multiply) / np.float32(step.divide))


@apply.register
def _(step: Mean, array: Array) -> Array:
    return np.asarray(array.astype(np.float32) - np.asarray(step.values, np.float32))


@apply.register
def _(step: Std, array: Array) -> Array:
    return np.asarray(array.astype(np.float32) / np.asarray(step.values, np.float32))


@apply.register
def _(step: Layout, array: Array) -> Array:
    moved = array.transpose(2, 0, 1) if step.order.endswith("chw") else array
    return moved[None] if step.order.startswith("n") else moved


@apply.register
def _(_step: Softmax, array: Array) -> Array:
    values = array.astype(np.float64)
    powers = np.exp(values - values.max(-1, keepdims=True))
    return np.asarray(powers / powers.sum(-1, keepdims=True)).astype(array.dtype)


def _size(array: Array) -> str:
    return f"{array.shape[0]}x{array.shape[1]}"
