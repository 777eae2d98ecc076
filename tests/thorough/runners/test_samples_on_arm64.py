"""Every sample model in every precision, on emulated ARM64 beside this machine."""

import json

import pytest
from sample_index import FOLDER, SAMPLES

from edgepack.precision import PRECISIONS

_MOST_STEPS, _MOST_SHARE = 1, 0.01


@pytest.mark.parametrize("sample", SAMPLES, ids=[sample["name"] for sample in SAMPLES])
def test_what_ships_is_right_on_arm64_too(edgepack, sample, tmp_path):
    built = edgepack(
        *("build", FOLDER / sample["source"], "--precision", ",".join(PRECISIONS), "--calibration", "golden"),
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
