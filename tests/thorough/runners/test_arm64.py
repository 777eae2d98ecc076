"""The digits bundle on ARM64: built with it, verified with it, and found wrong by it."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from edgepack.runners.cpus import PROVABLE
from edgepack.targets import find_target

_SOURCE = Path(__file__).parents[3] / "sample_models/digits/model.py"
_RUNTIME_LACKS = """
import torch
from torch import nn

class Net(nn.Module):
    edgepack_inputs = ("image:float32[1,4,6,6]",)

    def __init__(self):
        super().__init__()
        self.up = nn.ConvTranspose2d(4, 6, 3, stride=2)
        self.dense = nn.Linear(6, 16)
        self.product = nn.Parameter(torch.empty(16, 10))
        with torch.random.fork_rng(), torch.no_grad():
            torch.manual_seed(0)
            for parameter in self.parameters():
                nn.init.normal_(parameter)
            # Weights of which each channel needs a scale of its own.
            self.dense.weight *= torch.linspace(0.5, 2, 16)[:, None]
            self.product *= torch.linspace(0.5, 2, 10)

    def forward(self, image):
        x = nn.functional.gelu(self.dense(self.up(image).mean((2, 3))))
        return x[:, None] @ self.product / (1 + torch.sqrt(x.abs().mean()))

net = Net().eval()
"""

_RUNTIME_DIFFERS = """
import torch
from torch import nn

def drawn(module):
    with torch.random.fork_rng(), torch.no_grad():
        torch.manual_seed(0)
        for parameter in module.parameters():
            nn.init.normal_(parameter, std=0.3)
    return module.eval()

class Masked(nn.Module):
    "torch 1.12's operator for all of this takes a mask of another kind."
    edgepack_inputs = ("x:float32[1,6,8]", "absent:bool[1,6]")

    def __init__(self):
        super().__init__()
        self.attention = nn.MultiheadAttention(8, 2, batch_first=True)

    def forward(self, x, absent):
        # One is always there: softmax over nothing is NaN.
        return self.attention(x, x, x, key_padding_mask=absent & (torch.arange(6) > 0))

class NormFirst(nn.Module):
    "Likewise, and it refuses this order."
    edgepack_inputs = ("x:float32[1,6,8]",)

    def __init__(self):
        super().__init__()
        self.layer = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True, norm_first=True)

    def forward(self, x):
        return self.layer(x)

class Scattered(nn.Module):
    "The .tflite file has tensors whose size a run decides, which XNNPACK does not take."
    edgepack_inputs = ("x:float32[1,20]", "places:int64[1,5]")

    def forward(self, x, places):
        return torch.zeros(1, 20).scatter_add(1, places, x[:, :5])

masked, norm_first, scattered = drawn(Masked()), drawn(NormFirst()), Scattered()
"""


@pytest.fixture(scope="session")
def digits(edgepack, tmp_path_factory):
    """A bundle whose every artifact had to be right on ARM64 to ship."""
    path = tmp_path_factory.mktemp("built") / "digits"
    built = edgepack(
        *("build", f"{_SOURCE}:digits", "-o", path, "--runner", "host,arm64", "--no-cache", "--json"),
        *("--calibration", _SOURCE.with_name("calibration.npz")),
    )
    assert built.returncode == 0, built.stderr
    return path, json.loads(built.stdout)["report"]


def test_the_builds_own_gate_includes_arm64(digits):
    path, report = digits
    artifacts = json.loads((path / "manifest.json").read_text())["artifacts"]
    every = find_target("android").plan(calibrated=True)
    assert [(artifact["format"], artifact["precision"]) for artifact in artifacts] == list(every)
    places = {(one["artifact_id"], one["runtime"]) for one in report["results"] if one["runner"] == "arm64"}
    artifacts = {one["artifact_id"] for one in report["results"]}
    assert len(places) == len(artifacts) * len(PROVABLE)
    assert any("cortex-a76" in runtime for _, runtime in places)
    emulated = [one for one in report["results"] if one["runner"] == "arm64"]
    assert all(one["beside_host"]["values"] == 30 for one in emulated)
    assert all(one["instructions"] > 10_000 for one in emulated)


def test_quantised_files_keep_to_the_kernels_that_the_runtime_has(edgepack, tmp_path):
    """The host's LiteRT has all of them; tensorflow-lite 2.16.1 is wrong without scales, or refuses."""
    source = tmp_path / "net.py"
    source.write_text(_RUNTIME_LACKS)
    built = edgepack(
        *("build", f"{source}:net", "-o", tmp_path / "out", "--format", "tflite", "--no-cache", "--json"),
        *("--precision", "float32,dynamic,int8,int16x8", "--calibration", "golden"),
        *("--runner", "host,arm64", "--cpu", "cortex-a53"),
    )
    assert built.returncode == 0, built.stderr
    report = json.loads(built.stdout)["report"]
    assert [one["artifact_id"] for one in report["results"] if one["runner"] == "arm64"] == [
        f"tflite/{precision}" for precision in ("float32", "dynamic", "int8", "int16x8")
    ]


def test_a_bundle_is_verified_without_the_host(edgepack, digits):
    done = edgepack("verify", digits[0], "--runner", "arm64", "--json")
    assert done.returncode == 0, done.stderr
    results = json.loads(done.stdout)["results"]
    assert {one["runner"] for one in results} == {"arm64"}
    float32 = [one for one in results if one["artifact_id"].endswith("/float32")]
    assert all(comparison["needed_relative"] < 1e-4 for one in float32 for comparison in one["comparisons"])


def test_a_wrong_reference_is_found_on_arm64(edgepack, digits, tmp_path):
    """The judge must be able to say no: another output is put in the place of the reference."""
    bundle = tmp_path / "digits"
    shutil.copytree(digits[0], bundle)
    (output,) = (bundle / "golden/0/outputs").iterdir()
    reference = np.fromfile(output, np.float32)
    (reference + np.float32(0.5)).tofile(output)
    _repair_digest(bundle, output)
    done = edgepack(
        "verify", bundle, "--runner", "arm64", "--cpu", "cortex-a53", "--artifact", "tflite/float32"
    )
    assert done.returncode == 1
    assert "tflite/float32 on arm64" in done.stdout
    assert "computes something else" in done.stdout


def test_a_runtime_that_is_not_installed_is_named(edgepack, digits, tmp_path, monkeypatch):
    monkeypatch.setenv("EDGEPACK_CACHE_DIR", str(tmp_path))
    from edgepack.errors import ToolError
    from edgepack.options import RunnerChoice
    from edgepack.verification import VerifyOptions, verify

    with pytest.raises(ToolError) as missing:
        verify(digits[0], VerifyOptions(runners=RunnerChoice(("arm64",))))
    assert missing.value.hint.startswith("edgepack runtime add org.")


def _repair_digest(bundle, file):
    """Make the manifest agree with an altered file."""
    from edgepack.files import sha256_of

    manifest = json.loads((bundle / "manifest.json").read_text())
    for case in manifest["golden"]:
        for ref in case["outputs"].values():
            if ref["path"] == file.relative_to(bundle).as_posix():
                ref["sha256"] = sha256_of(file)
    (bundle / "manifest.json").write_text(json.dumps(manifest))


def test_neither_torch_nor_tensorflow_is_needed(digits, runtimes_environment):
    """The interpreter refuses to import them; the base install has none of them."""
    code = (
        "import sys\n"
        "for name in ('torch', 'tensorflow', 'ai_edge_litert', 'onnx', 'onnx2tf', 'onnxruntime'):\n"
        "    sys.modules[name] = None\n"
        "from edgepack.cli.app import run\n"
        f"sys.exit(run(['verify', {str(digits[0])!r}, '--runner', 'arm64', '--cpu', 'cortex-a53']))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=runtimes_environment, check=False
    )
    assert done.returncode == 0, done.stderr


def test_counts_repeat_and_tell_processors_apart(edgepack, digits, tmp_path):
    first = edgepack("bench", digits[0], "--json")
    assert first.returncode == 0, first.stderr
    counts = {
        tuple(row[key] for key in ("artifact", "cpu")): row["instructions"]
        for row in json.loads(first.stdout)["counts"]
    }
    assert counts["tflite/float32", "cortex-a76"] < 0.9 * counts["tflite/float32", "cortex-a53"]
    (tmp_path / "before.json").write_text(first.stdout)
    again = edgepack("bench", digits[0], "--baseline", tmp_path / "before.json", "--fail-over", "0.01%")
    assert again.returncode == 0, again.stdout
    smaller = json.loads(first.stdout)
    for row in smaller["counts"]:
        row["instructions"] = int(row["instructions"] * 0.97)
    (tmp_path / "before.json").write_text(json.dumps(smaller))
    worse = edgepack("bench", digits[0], "--baseline", tmp_path / "before.json", "--fail-over", "2%")
    assert worse.returncode == 1
    assert "+3.09%" in worse.stdout


@pytest.mark.parametrize("name", ["masked", "norm_first", "scattered"])
def test_what_the_phones_runtime_has_in_another_form_is_right_there(edgepack, tmp_path, name):
    (tmp_path / "model.py").write_text(_RUNTIME_DIFFERS)
    built = edgepack(
        *("build", f"{tmp_path / 'model.py'}:{name}", "-o", tmp_path / "out", "--precision", "float32"),
        *("--runner", "host,arm64", "--cpu", "cortex-a53", "--json"),
    )
    assert built.returncode == 0, built.stderr
    results = json.loads(built.stdout)["report"]["results"]
    assert {(one["artifact_id"], one["runner"]) for one in results if one["passed"]} == {
        (f"{name}/float32", runner) for name in ("torch_lite", "tflite") for runner in ("host", "arm64")
    }
