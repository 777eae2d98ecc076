"""Each guard on the smallest model that shows what the converter gets wrong without it."""

from __future__ import annotations

import importlib.metadata
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import onnx
import pytest

from edgepack.backends.passes import guard, prepare
from edgepack.backends.passes.registry import rewrites
from edgepack.workers import JobFailed

_random = np.random.default_rng(7)


def _floats(*shape: int) -> np.ndarray:
    return _random.standard_normal(shape).astype(np.float32)


@dataclass(frozen=True)
class Shown:
    """A model of one node that a guard is for."""

    guard: str
    op_type: str
    feeds: dict[str, np.ndarray]
    constants: list[np.ndarray | None] = field(default_factory=list)
    attributes: dict[str, Any] = field(default_factory=dict)
    opset: int = 20


_NEGATIVE_AND_ZERO = np.array([[-1.0, 0.0, 0.5]], np.float32)
_INT8 = np.array([[100, -100, 7]], np.int8)
_INFINITE = np.array([[1.0, np.inf, -np.inf]], np.float32)

SHOWN = [
    Shown("max_of_tiny", "Max", {"x": np.zeros((1, 3), np.float32)}, [np.array(1e-12, np.float32)]),
    Shown("clip_from_tiny", "Clip", {"x": np.zeros((1, 3), np.float32)}, [np.array(1e-12, np.float32)]),
    Shown(
        "clip_from_tiny_attribute",
        "Clip",
        {"x": np.zeros((1, 3), np.float32)},
        attributes={"min": 1e-12, "max": 6.0},
        opset=6,
    ),
    Shown(
        "where_of_full_shape",
        "Where",
        {"c": np.array([[True], [False]]), "a": _floats(1, 3), "b": _INFINITE},
    ),
    Shown("elu_alpha", "Elu", {"x": _NEGATIVE_AND_ZERO}, attributes={"alpha": 2.0}),
    Shown("elu_alpha", "Elu", {"x": _NEGATIVE_AND_ZERO}, attributes={"alpha": -2.0}),
    Shown("gelu_tanh", "Gelu", {"x": _floats(1, 8) * 3}, attributes={"approximate": "tanh"}),
    Shown("hardmax_default_axis", "Hardmax", {"x": _floats(2, 3, 4)}),
    Shown(
        "pad_by_attribute",
        "Pad",
        {"x": _floats(1, 2, 3, 3)},
        attributes={"mode": "constant", "pads": [0, 0, 1, 1, 0, 0, 1, 1], "value": 3.5},
        opset=2,
    ),
    Shown("narrow_arithmetic", "Mul", {"x": _INT8, "y": np.array([[1, 1, -2]], np.int8)}),
    Shown("narrow_arithmetic", "Add", {"x": _INT8, "y": np.array([[100, -100, 1]], np.int8)}),
    Shown("narrow_comparison", "Less", {"x": _INT8, "y": np.zeros((1, 3), np.int8)}),
    Shown(
        "slice_of_many_axes",
        "Slice",
        {"x": _floats(2, 3, 2, 2, 2, 2, 3)},
        [np.array([0]), np.array([1]), np.array([1])],
    ),
    Shown(
        "broadcast_along_many_runs",
        "Add",
        {"x": _floats(2, 3, 2, 2, 2, 2, 3), "y": _floats(2, 1, 2, 1, 2, 1, 3)},
    ),
    Shown("softmax_flattened", "Softmax", {"x": _floats(2, 3, 4)}, opset=11),
    Shown("softmax_flattened", "LogSoftmax", {"x": _floats(2, 3, 4)}, opset=11),
    Shown("softmax_flattened", "Hardmax", {"x": _floats(2, 3, 4)}, opset=11),
    Shown(
        "max_pool_volume",
        "MaxPool",
        {"x": _floats(1, 3, 5, 6, 7)},
        attributes={"kernel_shape": [3, 3, 3], "pads": [1] * 6},
    ),
    Shown(
        "average_pool_padded",
        "AveragePool",
        {"x": _floats(1, 3, 7, 8)},
        attributes={
            "kernel_shape": [3, 3],
            "pads": [1] * 4,
            "strides": [2, 2],
            "ceil_mode": 1,
            "count_include_pad": 1,
        },
    ),
    Shown(
        "lp_pool_beyond",
        "LpPool",
        {"x": _floats(1, 3, 6, 7)},
        attributes={"kernel_shape": [2, 2], "auto_pad": "SAME_UPPER"},
    ),
    Shown(
        "convolution_transposed_to_size",
        "ConvTranspose",
        {"x": _floats(1, 4, 5, 7)},
        [_floats(4, 3, 3, 3)],
        {"strides": [2, 2], "output_shape": [10, 14]},
    ),
    Shown(
        "convolution_transposed_to_size",
        "ConvTranspose",
        {"x": _floats(1, 3, 4, 5)},
        [_floats(3, 2, 3, 3)],
        {"strides": [3, 3], "pads": [1] * 4, "output_padding": [2, 2]},
    ),
    Shown(
        "resize",
        "Resize",
        {"x": _floats(1, 3, 5, 6)},
        [np.zeros(0, np.float32), np.array([1, 1, 2, 2], np.float32)],
        {"mode": "nearest", "coordinate_transformation_mode": "half_pixel", "nearest_mode": "floor"},
        opset=19,
    ),
    Shown(
        "resize",
        "Upsample",
        {"x": _floats(1, 3, 6, 8)},
        [np.array([1, 1, 2, 2], np.float32)],
        {"mode": "linear"},
        opset=9,
    ),
    Shown(
        "roi_align",
        "RoiAlign",
        {
            "x": _floats(1, 2, 8, 8),
            "rois": np.array([[0, 0, 4.5, 4.2], [1, 1.3, 6, 6]], np.float32),
            "batch": np.array([0, 0]),
        },
        attributes={"sampling_ratio": 2, "output_height": 3, "output_width": 2},
    ),
    Shown("narrow_not", "BitwiseNot", {"x": np.array([[0, 5, 200]], np.uint8)}),
]
_named = pytest.mark.parametrize("shown", SHOWN, ids=lambda s: f"{s.guard}-{s.op_type}")


def _agrees(got: list[np.ndarray], expected: list[np.ndarray]) -> bool:
    assert len(got) == len(expected) == 1
    orders = [got[0], np.moveaxis(got[0], -1, 1)] if got[0].ndim > 2 else got  # images come channels last
    return any(_same(value, expected[0]) for value in orders)


def _same(got: np.ndarray, expected: np.ndarray) -> bool:
    # Tiny expected values are compared tightly: a tiny constant taken for zero must not pass as rounding.
    atol = min(1e-5, 0.1 * float(np.abs(expected[np.isfinite(expected)]).max()))
    same_shape = got.shape == expected.shape
    return same_shape and np.allclose(got.astype(expected.dtype), expected, 1e-4, atol, equal_nan=True)


@_named
def test_guarded_model_computes_what_the_source_does(shown, one_node, reference, convert_and_run):
    model = one_node(shown.op_type, shown.feeds, shown.constants, opset=shown.opset, **shown.attributes)
    before = model.SerializeToString()
    guarded = guard(model)
    assert guarded.applied == (("the_node", shown.guard),)
    assert model.SerializeToString() == before
    assert _agrees(convert_and_run(guarded.model, shown.feeds), reference(model, shown.feeds))


@_named
def test_converter_still_needs_the_guard(shown, one_node, reference, convert_and_run):
    """Fails when a release of the converter gets the operator right: then the guard can go."""
    entry = next(r for r in rewrites()["", shown.op_type] if r.name == shown.guard)
    assert importlib.metadata.version("onnx2tf") in entry.wrong_in.split()
    model = one_node(shown.op_type, shown.feeds, shown.constants, opset=shown.opset, **shown.attributes)
    try:
        right = _agrees(convert_and_run(model, shown.feeds), reference(model, shown.feeds))
    except JobFailed as failure:
        right = "crashed" not in failure.reason
    assert not right, f"{shown.guard} is no longer needed"


@_named
def test_preparation_includes_the_guard(shown, one_node, reference, prepared_run):
    model = one_node(shown.op_type, shown.feeds, shown.constants, opset=shown.opset, **shown.attributes)
    prepared = prepare(model)
    assert prepared.applied == (("the_node", shown.guard),)
    assert _agrees(prepared_run(prepared.model, shown.feeds), reference(model, shown.feeds))


def test_every_guard_is_shown():
    guards = {r.name for found in rewrites().values() for r in found if r.guard}
    assert guards == {shown.guard for shown in SHOWN}


def test_a_model_that_needs_no_guard_is_given_back(one_node):
    model = one_node("Max", {"x": _floats(1, 3)}, [np.array(0.5, np.float32)])
    assert guard(model).model is model


IN_BODIES = """<ir_version: 8, opset_import: ["" : 18]>
g (float[2,3] x, bool flag) => (float[2,3] y) <float tiny = {0.00000001}> {
    y = If (flag) <
        then_branch = yes () => (float[2,3] a) {
            bent = Elu <alpha = 0.5> (x)
            a = If (flag) <
                then_branch = deep () => (float[2,3] c) { c = Max(bent, tiny) },
                else_branch = other () => (float[2,3] d) { d = Neg(bent) }
            > },
        else_branch = no () => (float[2,3] b) {
            zero = Constant <value = float[1,1] {0}> ()
            above = Greater(x, zero)
            root = Sqrt(x)
            b = Where(above, root, zero) }
    > }"""


@pytest.mark.parametrize("flag", [True, False])
def test_bodies_are_guarded_too(flag, reference):
    """With what they see around them: a constant, and the shapes of values."""
    model = onnx.parser.parse_model(IN_BODIES)
    guarded = guard(model)
    onnx.checker.check_model(guarded.model, full_check=True)
    assert guarded.applied == (("bent", "elu_alpha"), ("c", "max_of_tiny"), ("b", "where_of_full_shape"))
    feeds = {"x": _floats(2, 3), "flag": np.array(flag)}
    assert _agrees(reference(guarded.model, feeds), reference(model, feeds))
    assert model.SerializeToString() == onnx.parser.parse_model(IN_BODIES).SerializeToString()
