"""Each guard on the smallest model that shows what the converter gets wrong without it."""

from __future__ import annotations

import importlib.metadata
from dataclasses import dataclass, field
from typing import Any

import numpy as np
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
    Shown("narrow_not", "BitwiseNot", {"x": np.array([[0, 5, 200]], np.uint8)}),
]
_named = pytest.mark.parametrize("shown", SHOWN, ids=lambda s: f"{s.guard}-{s.op_type}")


def _agrees(got: list[np.ndarray], expected: list[np.ndarray]) -> bool:
    # 1e-13: a tiny constant taken for zero must not pass as rounding.
    return len(got) == len(expected) and all(
        g.shape == e.shape and np.allclose(g.astype(e.dtype), e, rtol=1e-4, atol=1e-13, equal_nan=True)
        for g, e in zip(got, expected, strict=True)
    )


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
