"""PyTorch Mobile files in 8 bits inside the library that ships in apps, next to this machine's QNNPACK."""

import json

import pytest
from sample_index import FOLDER, SAMPLES

_SAMPLES = {row["name"]: row for row in SAMPLES}
# Integers from the first layer to the last; elsewhere a float's last bit can decide how one is rounded.
_EXACT = {"digits", "mobilenet_v2", "two_headed"}


@pytest.mark.parametrize("name", [name for name, row in _SAMPLES.items() if "torch_lite" in row["formats"]])
def test_every_sample_is_right_on_arm64(edgepack, tmp_path, name):
    built = edgepack(
        *("build", FOLDER / _SAMPLES[name]["source"], "-o", tmp_path / "out", "--format", "torch_lite"),
        *("--precision", "int8,dynamic", "--calibration", "golden", "--no-cache", "--json"),
        *("--runner", "host,arm64", "--cpu", "cortex-a53"),
    )
    assert built.returncode == 0, built.stderr
    results = json.loads(built.stdout)["report"]["results"]
    emulated = {one["artifact_id"]: one["beside_host"] for one in results if one["runner"] == "arm64"}
    assert set(emulated) == {"torch_lite/int8", "torch_lite/dynamic"}
    if name in _EXACT:
        assert emulated["torch_lite/int8"]["different"] == 0
    assert all(one["relative"] < 0.02 for one in emulated.values())
