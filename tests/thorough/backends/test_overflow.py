"""Calibration data that is finite and drives the model out of what floats can hold."""

import numpy as np
import pytest

from edgepack.config import build_options
from edgepack.errors import ConversionError
from edgepack.pipeline import build

NET = """
import torch
from torch import nn

def net():
    torch.manual_seed(0)
    made = nn.Sequential(nn.Linear(4, 32), nn.ReLU(), nn.Linear(32, 2))
    made[0].weight.data *= 100
    made.edgepack_inputs = ("x:float32[1,4]",)
    return made
"""


@pytest.mark.parametrize(
    ("format_", "where"), [("tflite", "'[^']+' is never finite"), ("torch_lite", "sample 0 makes NaN or inf")]
)
def test_an_overflow_is_named_as_one(tmp_path, monkeypatch, format_, where):
    monkeypatch.setenv("EDGEPACK_CACHE_DIR", str(tmp_path / "cache"))
    (tmp_path / "net.py").write_text(NET)
    samples = np.random.default_rng(0).normal(size=(20, 1, 4)) * 1e38
    np.save(tmp_path / "huge.npy", np.clip(samples, -3e38, 3e38).astype(np.float32))
    settings = {
        "output": tmp_path / "out",
        "formats": [format_],
        "precisions": ["int8"],
        "calibration": tmp_path / "huge.npy",
    }
    with pytest.raises(
        ConversionError, match=f"activations overflow on the calibration data: {where}"
    ) as told:
        build(build_options(f"{tmp_path / 'net.py'}:net", settings))
    assert told.value.hint.startswith("give calibration data in the range that the app will feed")
