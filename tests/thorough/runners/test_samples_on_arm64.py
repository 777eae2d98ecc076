"""Every sample model in every precision, on emulated ARM64 beside this machine."""

import json
import tomllib
from pathlib import Path

import pytest

from edgepack.precision import PRECISIONS

_ROOT = Path(__file__).parents[3] / "sample_models"
_MOST_STEPS, _MOST_SHARE = 1, 0.01
_SAMPLES = tomllib.loads((_ROOT / "index.toml").read_text())["model"]


@pytest.mark.parametrize("sample", _SAMPLES, ids=[sample["name"] for sample in _SAMPLES])
def test_what_ships_is_right_on_arm64_too(edgepack, sample, tmp_path):
    built = edgepack(
        *("build", _ROOT / sample["source"], "--precision", ",".join(PRECISIONS), "--calibration", "golden"),
        # A forward of MobileNetV2 takes seconds under emulation.
        *("--cases", 1 if sample["name"] == "mobilenet_v2" else 3),
        *("--runner", "host,arm64", "--cpu", "cortex-a53", "-o", tmp_path / "bundle", "--no-cache", "--json"),
    )
    assert built.returncode == 0, built.stderr
    report = json.loads(built.stdout)["report"]
    assert all(gap["by_nature"] for gap in report["gaps"])
    emulated = {one["artifact_id"]: one for one in report["results"] if one["runner"] == "arm64"}
    made = {one["artifact_id"] for one in report["results"] if one["runner"] == "host"}
    assert set(emulated) == made
    assert {name.partition("/")[0] for name in made} == set(sample["formats"])
    for name, one in emulated.items():
        assert one["passed"]
        if name.endswith("/float32"):
            assert one["needed_relative"] <= 1e-4
        if name == "torch_lite/int8":
            # QNNPACK is the same on both machines.
            assert one["beside_host"]["different"] == 0
        if name == "tflite/int8":
            beside = one["beside_host"]
            # Steps are quotients of floats.
            assert round(beside["steps"] or 0, 3) <= _MOST_STEPS
            assert beside["different"] <= _MOST_SHARE * beside["values"]
    assert "tflite/int8" in emulated
