"""Quantised files from a verified float32 file: contracts, culprits, layers in float, and refusals."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

import edgepack
from edgepack.backends.tflite.quantised import QuantisedRoute
from edgepack.backends.tflite.recipes import RECIPES
from edgepack.config import build_options
from edgepack.errors import ConversionError, UsageError, VerificationFailed
from edgepack.golden_files import load_case
from edgepack.pipeline import build
from edgepack.verification import verify

NET = """
import torch
from torch import nn

class Net(nn.Module):
    edgepack_inputs = ("image:float32[1,3,16,16]",)

    def __init__(self, gain):
        super().__init__()
        self.first = nn.Conv2d(3, 8, 3, padding=1)
        self.outliers = nn.Conv2d(8, 8, 3, padding=1)
        self.after = nn.Conv2d(8, 8, 3, padding=1)
        self.last = nn.Conv2d(8, 8, 3, padding=1)
        self.head = nn.Linear(8, 10)
        with torch.random.fork_rng(), torch.no_grad():
            torch.manual_seed(0)
            for parameter in self.parameters():
                wide = parameter.dim() > 1
                nn.init.normal_(parameter, std=(2 / parameter[0].numel()) ** 0.5 if wide else 0.1)
            # One loud channel takes the integers of all others; the next layer turns it down again.
            self.outliers.weight[0] *= gain
            self.outliers.bias[0] *= gain
            self.after.weight[:, 0] /= gain

    def forward(self, image):
        for layer in (self.first, self.outliers, self.after, self.last):
            image = torch.relu(layer(image))
        return self.head(image.mean((2, 3)))

plain = Net(1).eval()
loud = Net(2000).eval()
"""
# TensorFlow Lite's name for what the layer `outliers` gives.
CULPRIT = "/model/after/Conv_input_nhwc"


@pytest.fixture(scope="module")
def net(tmp_path_factory):
    path = tmp_path_factory.mktemp("net") / "net.py"
    path.write_text(NET)
    return path


def make(source, output, **settings):
    defaults = {"formats": ["tflite"], "calibration": "golden", "cache": False, "name": "net"}
    return build(build_options(str(source), {"output": str(output), **defaults, **settings}))


@pytest.mark.parametrize(("io", "dtype"), [("int8", "int8"), ("float32", "float32")])
def test_borders_are_integers_or_floats_and_carry_the_same_values(net, tmp_path, io, dtype):
    bundle = make(f"{net}:plain", tmp_path / "out", precisions=["int8"], io=io).bundle
    (artifact,) = bundle.manifest.artifacts
    contracts = (*artifact.inputs, *artifact.outputs)
    assert {contract.dtype for contract in contracts} == {dtype}
    assert all(bool(contract.scale) is (dtype == "int8") for contract in contracts)
    inputs, reference = load_case(bundle.golden, 0)
    (got,) = edgepack.run(bundle.path, "tflite/int8", inputs).values()
    (expected,) = reference.values()
    assert (got.dtype, got.shape) == (expected.dtype, expected.shape)
    assert np.abs(got - expected).max() < 0.1 * np.abs(expected).max()
    assert artifact.tolerance.snr_db == 20.0
    assert verify(tmp_path / "out").passed


def test_int16x8_has_sixteen_bits_at_its_borders(net, tmp_path):
    (artifact,) = make(f"{net}:plain", tmp_path / "out", precisions=["int16x8"]).bundle.manifest.artifacts
    assert {contract.dtype for contract in (*artifact.inputs, *artifact.outputs)} == {"int16"}
    assert {contract.zero_point for contract in artifact.inputs} == {(0,)}


def test_a_collapse_is_refused_with_the_culprit_named_and_what_to_try(net, tmp_path):
    with pytest.raises(VerificationFailed) as caught:
        make(f"{net}:loud", tmp_path / "out", precisions=["int8"])
    assert caught.value.exit_code == 1
    assert f"the worst layers of tflite/int8 are {CULPRIT}," in caught.value.message
    assert "--keep-float auto" in caught.value.hint
    assert not (tmp_path / "out").exists()
    (failure,) = caught.value.details["report"].failures
    assert failure.reason == "computes something else"
    assert {layer.operator for layer in failure.layers} >= {"INPUT", "CONV_2D", "FULLY_CONNECTED"}
    assert max(failure.layers, key=lambda layer: layer.lost).name == CULPRIT


def test_the_search_saves_it_with_the_fewest_layers_in_float(net, tmp_path):
    bundle = make(f"{net}:loud", tmp_path / "out", precisions=["int8"], keep_float=["auto"]).bundle
    (artifact,) = bundle.manifest.artifacts
    assert CULPRIT in artifact.kept_float
    assert len(artifact.kept_float) == 2, "the loud layer, and the one that turns it down"
    assert {contract.dtype for contract in (*artifact.inputs, *artifact.outputs)} == {"int8"}
    report = verify(tmp_path / "out")
    assert report.passed
    assert report.results[0].kept_float == artifact.kept_float
    for name in artifact.kept_float:
        with pytest.raises(VerificationFailed, match="the worst layers of tflite/int8 are "):
            make(f"{net}:loud", tmp_path / "one", precisions=["int8"], keep_float=[f"^{name}$"])


def test_a_pattern_takes_operators_too_and_must_fit_something(net, tmp_path):
    bundle = make(f"{net}:loud", tmp_path / "out", precisions=["int8"], keep_float=["CONV_2D"]).bundle
    assert len(bundle.manifest.artifacts[0].kept_float) == 4
    with pytest.raises(UsageError) as caught:
        make(f"{net}:loud", tmp_path / "none", precisions=["int8"], keep_float=["transformer"])
    assert caught.value.message == "--keep-float transformer: no layer of the .tflite file fits"
    assert CULPRIT in caught.value.hint


@pytest.mark.parametrize(("asked", "reason"), [({"min_snr": 60}, "at least 60 dB"), ({}, "")])
def test_the_users_gate_takes_the_place_of_the_precisions_own(net, tmp_path, asked, reason):
    if not reason:
        bundle = make(f"{net}:loud", tmp_path / "out", precisions=["int8"], min_snr=-5).bundle
        assert bundle.manifest.artifacts[0].tolerance.snr_db == -5
        assert verify(tmp_path / "out").passed, "verify judges by the gate that the bundle was built with"
        return
    with pytest.raises(VerificationFailed) as caught:
        make(f"{net}:plain", tmp_path / "out", precisions=["dynamic"], **asked)
    failure, *_ = caught.value.details["report"].failures
    assert reason in failure.comparisons[0].reason


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda recipe: f"{recipe.precision}-{recipe.name}")
def test_without_a_float32_file_there_is_none_and_the_reason_is_that_ones(recipe):
    context = SimpleNamespace(verified={}, failed={"float32": "operator Foo"})
    with pytest.raises(ConversionError) as caught:
        QuantisedRoute(recipe).make(context)
    assert caught.value.message.endswith("there is none: operator Foo")


def test_sizes_fall_as_precisions_promise(net, tmp_path):
    result = make(f"{net}:plain", tmp_path / "out", precisions=["float32", "float16", "int8"])
    sizes = {one.id: one.file.bytes for one in result.bundle.manifest.artifacts}
    assert sizes["tflite/float16"] < sizes["tflite/float32"]
    page = Path(tmp_path / "out" / "report.html").read_text()
    assert "Layer by layer against the float32 file" in page


ATTENTION = """
import torch
from torch import nn

class Net(nn.Module):
    edgepack_inputs = ("words:float32[1,6,16]",)

    def __init__(self):
        super().__init__()
        self.query, self.key, self.value = (nn.Linear(16, 16) for _ in range(3))
        self.states = nn.GRU(16, 12, batch_first=True)
        self.head = nn.Linear(12, 5)
        with torch.random.fork_rng(), torch.no_grad():
            torch.manual_seed(0)
            for parameter in self.parameters():
                nn.init.normal_(parameter, std=0.3)

    def forward(self, words):
        share = torch.softmax(self.query(words) @ self.key(words).transpose(1, 2), -1)
        states, _ = self.states(share @ self.value(words))
        return torch.softmax(self.head(states.mean(1)), -1)

net = Net().eval()
"""


@pytest.fixture(scope="module")
def attention(tmp_path_factory):
    folder = tmp_path_factory.mktemp("attention")
    (folder / "net.py").write_text(ATTENTION)
    return make(
        f"{folder / 'net.py'}:net", folder / "out", precisions=["float32", "dynamic", "int8", "int16x8"]
    )


def _counts(attention, precision):
    counts = attention.bundle.manifest.artifacts
    (found,) = (one.counts for one in counts if one.precision == precision)
    return {name.partition("@")[0]: count for name, count in found.items()}


def test_layers_of_sequences_are_layers_and_not_products(attention):
    counts = _counts(attention, "float32")
    assert counts["BATCH_MATMUL"] == 2, "of two activations each"
    # Three before attention, six in each step but for the first, whose state is zero, and one behind.
    assert counts["FULLY_CONNECTED"] == 3 + 3 + 5 * 6 + 1
    assert not {"SQUEEZE", "EXPAND_DIMS"} & {*counts}
    assert _counts(attention, "dynamic")["FULLY_CONNECTED"] == counts["FULLY_CONNECTED"]


def test_int8_has_the_forms_that_round_the_same_and_attention_in_float(attention):
    counts = _counts(attention, "int8")
    assert counts["CONV_2D"] == _counts(attention, "float32")["FULLY_CONNECTED"]
    assert "FULLY_CONNECTED" not in counts
    assert (counts["BATCH_MATMUL"], counts["SOFTMAX"]) == (2, 2)
    assert counts["DEQUANTIZE"] == 4, "three tensors into attention's two products, one into the last SOFTMAX"


def test_int16x8_keeps_layers_of_sequences_in_float(attention):
    float32, counts = _counts(attention, "float32"), _counts(attention, "int16x8")
    assert counts["FULLY_CONNECTED"] == float32["FULLY_CONNECTED"]
    # Layers that read the same share its floats; each gives its own.
    assert counts["QUANTIZE"] >= float32["FULLY_CONNECTED"]


def test_shares_have_all_of_their_range_whatever_the_samples_were(attention):
    (output,) = next(one for one in attention.bundle.manifest.artifacts if one.precision == "int8").outputs
    assert (output.scale, output.zero_point) == ((1 / 256,), (-128,))


def test_layers_in_another_shape_are_compared_all_the_same(attention):
    found = {one.artifact_id: one.layers for one in attention.report.results}
    operators = [layer.operator for layer in found["tflite/int8"]]
    assert operators.count("FULLY_CONNECTED") == _counts(attention, "float32")["FULLY_CONNECTED"]
    assert all(layer.snr_db > 10 for layer in found["tflite/int8"])
