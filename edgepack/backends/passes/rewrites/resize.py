"""Resize and Upsample: a Gather or a product with a constant matrix along each axis."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from edgepack.backends.passes import schemas
from edgepack.backends.passes.dtypes import Array, is_float, is_integer
from edgepack.backends.passes.forms import along, apply_matrix, as_float, check_matrix, gather, through_float
from edgepack.backends.passes.node import Node
from edgepack.backends.passes.registry import rewrite
from edgepack.backends.passes.values import Tensor, array_constant, op

_OPSET = 19  # of Resize as the reference evaluator has it, with antialias and the aspect policies


@dataclass(frozen=True, slots=True)
class _Axis:
    """How one axis is resized."""

    axis: int
    size: int
    scale: float
    by_scale: bool
    region: tuple[float, float] | None


def _unlike_native(node: Node) -> bool:
    """True for what the runtime's RESIZE_NEAREST_NEIGHBOR and RESIZE_BILINEAR do not compute.

    A node whose sizes are not known here is left to the check of the finished file.
    """
    slots = (1,) if _old(node) else (2, 3)
    if any(node.has(k) and not node.known(k) for k in slots):
        return False
    return not _native(node, _modes(node), _axes(node))


def _native(node: Node, modes: dict[str, Any], axes: list[_Axis]) -> bool:
    tensor, mode = node.tensor(0), modes.get("mode", "nearest")
    how = modes.get("coordinate_transformation_mode", "half_pixel")
    moving = [axis for axis in axes if axis.size != tensor.shape[axis.axis]]
    if tensor.rank != 4 or not is_float(tensor.dtype) or any(axis.axis < 2 for axis in moving):
        return False
    exact = all(abs(axis.scale * tensor.shape[axis.axis] - axis.size) < 1e-4 for axis in axes)
    special = {"antialias", "exclude_outside", "cubic_coeff_a", "keep_aspect_ratio_policy", "axes"}
    if not exact or node.given & special:
        return False
    if mode == "nearest":
        return how in ("asymmetric", "half_pixel") and all(_nearest_alike(node, a, modes) for a in moving)
    collapses = any(axis.size == 1 for axis in moving)
    if how == "asymmetric" and mode == "linear":
        return node.op_type == "Resize"
    return how in ("half_pixel", "align_corners", "pytorch_half_pixel") and not collapses


def _nearest_alike(node: Node, axis: _Axis, modes: dict[str, Any]) -> bool:
    """Whether ONNX takes the elements that TFLite does: floor((k + shift) size / new size)."""
    size = node.tensor(0).shape[axis.axis]
    shift = 0.5 if modes.get("coordinate_transformation_mode", "half_pixel") == "half_pixel" else 0.0
    theirs = np.minimum(np.floor((np.arange(axis.size) + shift) * np.float32(size / axis.size)), size - 1)
    return bool((_resized(np.arange(size), axis, modes) == theirs).all())


@rewrite("Resize", "Upsample", when=_unlike_native, wrong_in="2.6.9", structural=(1,))
def resize(node: Node) -> Tensor:
    """Resize is separable: nearest is a Gather along each axis, all else a matrix along each axis.

    Row k of the matrix is the resized unit vector k, computed by ONNX's reference evaluator. The converter
    silently takes another nearest_mode, rounds odd sizes, and ignores antialias and aspect policies.
    """
    tensor = node.tensor(0)
    modes = _modes(node)
    for axis in _axes(node):
        size = tensor.shape[axis.axis]
        if axis.size == size and axis.scale == 1 and axis.region is None:
            continue
        tensor = _along(tensor, axis, modes)
    return tensor


def _old(node: Node) -> bool:
    return node.op_type == "Upsample" or node.opset == 10


@rewrite("Resize", "Upsample", when=_old)
def resize_of_today(node: Node) -> Tensor:
    """Upsample and the first Resize in today's form: scales are the third input, modes are spelt out."""
    axes = sorted(_axes(node), key=lambda axis: axis.axis)
    scales = np.array([axis.scale for axis in axes], np.float32)
    return op("Resize", node.tensor(0), None, scales, **_modes(node))


def _modes(node: Node) -> dict[str, Any]:
    if _old(node):
        # Their only behaviour (ONNX Upsample-9 and Resize-10), in Resize-19's words.
        mode = node.text("mode", "nearest")
        return {"mode": mode, "coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"}
    ignored = {"axes", "keep_aspect_ratio_policy"}
    return {name: node.attributes[name] for name in node.given - ignored}


def _axes(node: Node) -> list[_Axis]:
    tensor = node.tensor(0)
    slot = 1 if _old(node) else 2
    axes = [axis % tensor.rank for axis in node.integers("axes", range(tensor.rank))]
    if node.has(3):
        return _from_sizes(node, axes)
    if node.has(slot):
        scales = [float(s) for s in node.constant(slot, "scales")]
    else:
        scales = [float(s) for s in node.attributes["scales"]]
    sizes = [math.floor(tensor.shape[a] * s) for a, s in zip(axes, scales, strict=True)]
    rows = zip(axes, sizes, scales, strict=True)
    return [
        _Axis(a, n, s, by_scale=True, region=_region(node, k, len(axes))) for k, (a, n, s) in enumerate(rows)
    ]


def _from_sizes(node: Node, axes: list[int]) -> list[_Axis]:
    """Sizes as they are, or the largest (smallest) of one aspect that fits in (covers) them."""
    shape, sizes = node.tensor(0).shape, node.ints(3, "sizes")
    ratios = [size / shape[axis] for size, axis in zip(sizes, axes, strict=True)]
    policy = node.text("keep_aspect_ratio_policy", "stretch")
    if policy == "stretch":
        rows = zip(axes, sizes, ratios, strict=True)
        regions = [_region(node, k, len(axes)) for k in range(len(axes))]
        return [
            _Axis(a, n, r, by_scale=False, region=region)
            for (a, n, r), region in zip(rows, regions, strict=True)
        ]
    scale = min(ratios) if policy == "not_larger" else max(ratios)
    # Halves go up (ONNX Resize-18, round_int).
    found = [(axis, math.floor(shape[axis] * scale + 0.5)) for axis in axes]
    return [_Axis(a, n, scale, by_scale=True, region=None) for a, n in found]


def _region(node: Node, k: int, count: int) -> tuple[float, float] | None:
    if node.text("coordinate_transformation_mode") != "tf_crop_and_resize":
        return None
    roi = node.constant(1, "roi")
    return float(roi[k]), float(roi[k + count])


def _along(tensor: Tensor, axis: _Axis, modes: dict[str, Any]) -> Tensor:
    size = tensor.shape[axis.axis]
    check_matrix(size * axis.size)
    if modes.get("mode", "nearest") == "nearest" and axis.region is None:
        indices = _resized(np.arange(size), axis, modes).astype(np.int64)
        return gather(tensor, indices, axis.axis)
    # What is outside a cropped region is a constant, so the map is affine.
    shift = _resized(np.zeros(size), axis, modes)
    matrix = np.stack([_resized(row, axis, modes) - shift for row in np.eye(size)])
    real = as_float(tensor) if is_integer(tensor.dtype) else tensor
    result = apply_matrix(real, axis.axis, matrix)
    if shift.any():
        result = result + array_constant(along(shift, axis.axis, tensor.rank).astype(real.dtype), tensor)
    return through_float(tensor, result) if is_integer(tensor.dtype) else result


def _resized(row: Array, axis: _Axis, modes: dict[str, Any]) -> Array:
    """A vector, resized by ONNX's reference evaluator."""
    region = np.array(axis.region or (0, 1), np.float32)
    scale, size = np.array([axis.scale], np.float32), np.array([axis.size], np.int64)
    exact = axis.by_scale and math.floor(len(row) * scale[0]) == axis.size
    target: list[Array | None] = [scale] if exact else [None, size]
    inputs = [row.astype(np.float32), region, *target]
    result: Array = schemas.evaluate("Resize", inputs, 1, modes, opset=_OPSET)[0]
    return result
