"""Reports with real verdicts in them."""

from __future__ import annotations

import numpy as np
import pytest

from edgepack.bundle.manifest import Gap
from edgepack.compare import compare_outputs
from edgepack.precision import PRECISIONS, Gates, tolerance_for
from edgepack.report import ArtifactResult, Report, RouteFailure, worst_over_cases
from edgepack.verdict import Answers, LayerError

TOLERANCE = PRECISIONS["float32"].tolerance


def judge(relative_error: float, outputs=("logits", "boxes"), cases: int = 3):
    """Judge random outputs that are off by about this share of the largest reference."""
    draw = np.random.default_rng(0)
    verdicts = []
    for _ in range(cases):
        ref = {name: draw.normal(size=(2, 5)).astype(np.float32) for name in outputs}
        noise = {name: draw.normal(size=(2, 5)).astype(np.float32) for name in outputs}
        got = {name: (ref[name] + relative_error * noise[name]).astype(np.float32) for name in outputs}
        verdicts.append(compare_outputs(got, ref, TOLERANCE))
    return verdicts


def result(artifact_id: str, relative_error: float, **changes) -> ArtifactResult:
    fields = {
        "runner": "host",
        "runtime": "torch 2.9.1",
        "cases": 3,
        "comparisons": worst_over_cases(judge(relative_error)),
        "tolerance": TOLERANCE,
        "bytes": 13_999_000,
        "seconds": 0.25,
    }
    return ArtifactResult(artifact_id, **(fields | changes))


@pytest.fixture
def good() -> Report:
    """Everything passed, the second artifact by its second route."""
    return Report(
        name="tiny",
        target="android",
        results=(result("torch_lite/float32", 0.0), result("tflite/float32", 1e-6)),
        failures=(RouteFailure("tflite/float32", "direct", "refuses operator Foo"),),
        gaps=(Gap("torch_lite/int8", "a plain ONNX model has no TorchScript", by_nature=True),),
        warnings=("output boxes is the same over all cases",),
        tools={"torch": "2.9.1", "onnx2tf": "2.6.9"},
        host={"system": "Linux", "machine": "x86_64", "python": "3.12.1"},
        seconds={"load": 3.125, "make tflite/float32 (direct)": 1.0},
    )


@pytest.fixture
def bad() -> Report:
    """One artifact wrong on ARM, one that crashed there, one that no route led to."""
    wrong = worst_over_cases(judge(0.5))
    missing = worst_over_cases([compare_outputs({}, {"logits": np.ones(2, np.float32)}, TOLERANCE)])
    return Report(
        name="tiny",
        target="android",
        results=(
            result("torch_lite/float32", 1e-6),
            result("torch_lite/float32", 0.1, runner="arm64", runtime="pytorch_android_lite 1.12.2"),
            result("torch_lite/float16", 0, comparisons=(), error="crashed: killed by SIGILL"),
        ),
        failures=(
            RouteFailure("tflite/float32", "direct", "computes something else", comparisons=wrong),
            RouteFailure("tflite/float32", "names", "computes something else", comparisons=missing),
            RouteFailure(
                "tflite/float32",
                "<b>tf</b>",
                "operator Foo & co at /layer1/conv",
                hint="replace Foo by Bar",
                log_tail="\n".join([*map(str, range(100)), "\x1b[31mred\x1b[0m \x1b]0;title\x07<script>"]),
            ),
        ),
        gaps=(Gap("tflite/float32", "operator Foo", by_nature=False),),
    )


@pytest.fixture
def quantised() -> Report:
    """Four precisions with labelled data; int8 collapsed and was saved, int16x8 lost too much accuracy."""
    layers = tuple(LayerError(f"/conv/{index}", "CONV_2D", 40.0 - index, index / 10) for index in range(9))
    allowed = tolerance_for("int8", Gates(min_agreement=0.9, max_accuracy_drop=1.0))
    kept = {"layers": layers, "kept_float": ("/conv/8",), "tolerance": allowed}
    return Report(
        name="tiny",
        target="android",
        results=(
            result("tflite/float32", 0.0, bytes=4_000_000, answers=answers(1.0, 0.95)),
            result("tflite/float16", 1e-6, bytes=4_000_000, answers=answers(1.0, 0.95)),
            result("tflite/int8", 1e-6, bytes=1_000_000, answers=answers(0.94, 0.925), **kept),
            result("tflite/dynamic", 1e-6, bytes=1_100_000, answers=answers(0.94, 0.945), **kept),
        ),
        failures=(
            RouteFailure(
                "tflite/int16x8",
                "static",
                "computes something else",
                comparisons=worst_over_cases(judge(0.5)),
                layers=layers,
            ),
        ),
    )


def answers(agreement: float, accuracy: float) -> Answers:
    return Answers(labelled=True, samples=200, agreement=agreement, accuracy=accuracy, reference=0.95)
