"""Weights of recurrent layers and embeddings are stored in 16 bits, but for what stays in float."""

import numpy as np
import pytest

from edgepack.backends.tflite.finish.model import FlatModel
from edgepack.config import build_options
from edgepack.pipeline import build

NET = """
import torch
from torch import nn

class Net(nn.Module):
    edgepack_inputs = ("tokens:int64[1,3]=0..39",)

    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(40, 12)
        self.lstm = nn.LSTM(12, 8, batch_first=True)
        self.tags = nn.Linear(8, 20)
        with torch.random.fork_rng(), torch.no_grad():
            torch.manual_seed(0)
            for parameter in self.parameters():
                nn.init.normal_(parameter, std=0.4)

    def forward(self, tokens):
        return self.tags(self.lstm(self.embedding(tokens))[0])

net = Net().eval()
"""


@pytest.fixture(scope="module")
def make(tmp_path_factory):
    folder = tmp_path_factory.mktemp("half")
    (folder / "net.py").write_text(NET)

    def make(**settings):
        wanted = {"formats": ["tflite"], "precisions": ["float16"], "cache": False, **settings}
        output = str(folder / f"out{len(list(folder.iterdir()))}")
        bundle = build(build_options(f"{folder / 'net.py'}:net", {"output": output, **wanted})).bundle
        (artifact,) = bundle.manifest.artifacts
        return artifact, bundle.root / artifact.file.path

    return make


def wide_weights(path):
    model = FlatModel.read(path)
    values = [
        model.constant(one)
        for operator in model.operators
        for one in operator.inputs
        if one not in model.inputs
    ]
    return [one.shape for one in values if one is not None and one.dtype == np.float32 and one.size >= 64]


def test_no_large_weight_keeps_32_bits(make):
    artifact, path = make()
    assert artifact.route == "float_casting"
    assert artifact.verified[0].snr_db > 60
    assert wide_weights(path) == []
    assert "DEQUANTIZE@3" in artifact.operators


def test_layers_that_stay_in_float_keep_theirs(make):
    artifact, path = make(keep_float=["GATHER"])
    assert len(artifact.kept_float) >= 1
    assert wide_weights(path) == [(40, 12)]
