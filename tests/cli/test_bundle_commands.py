"""build, verify, inspect and run on a real model and the bundle that is made of it."""

import json
import shutil
import subprocess
import sys

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from .conftest import clean_environment

IMAGE, FEATURES = (1, 3, 8, 6), (1, 4, 8, 6)


def write_model(path):
    """Write a convolution with random weights, and a rectifier."""
    weights = np.random.default_rng(0).normal(size=(4, 3, 3, 3)).astype(np.float32)
    graph = helper.make_graph(
        [
            helper.make_node("Conv", ["image", "weights"], ["sums"], pads=[1, 1, 1, 1]),
            helper.make_node("Relu", ["sums"], ["features"]),
        ],
        "net",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, IMAGE)],
        [helper.make_tensor_value_info("features", TensorProto.FLOAT, FEATURES)],
        [numpy_helper.from_array(weights, "weights")],
    )
    opset = helper.make_opsetid("", 17)
    onnx.save(helper.make_model(graph, opset_imports=[opset], ir_version=8), path)
    return weights


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """A folder with net.onnx and the bundle dist/net, and what the build printed as JSON."""
    folder = tmp_path_factory.mktemp("built")
    write_model(folder / "net.onnx")
    done = subprocess.run(
        [sys.executable, "-m", "edgepack", "build", "net.onnx", "--precision", "float32", "--json"],
        check=False,
        cwd=folder,
        env=clean_environment(EDGEPACK_CACHE_DIR=str(folder / "cache")),
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return folder, json.loads(done.stdout), done.stderr


def test_build_says_where_the_bundle_lies_and_how_it_fared(built):
    folder, document, progress = built
    assert document["bundle"] == str(folder / "dist" / "net")
    assert document["unchanged"] is False
    assert document["report"]["passed"] is True
    assert [result["artifact_id"] for result in document["report"]["results"]] == ["tflite/float32"]
    assert "check tflite/float32 on host … " in progress


def test_an_unchanged_build_says_so(edgepack, built):
    folder, _, _ = built
    done = edgepack(
        "build", "net.onnx", "--precision", "float32", cwd=folder, EDGEPACK_CACHE_DIR=str(folder / "cache")
    )
    assert done.returncode == 0
    assert done.stdout.endswith(f"\nunchanged: {folder / 'dist' / 'net'}\n")
    assert "tflite/float32" in done.stdout


def test_verify_passes_a_whole_bundle(edgepack, built):
    folder, _, _ = built
    done = edgepack("verify", "dist/net", "--quiet", cwd=folder)
    assert (done.returncode, done.stderr) == (0, "")
    assert "passed" in done.stdout
    assert json.loads(edgepack("verify", "dist/net", "--json", cwd=folder).stdout)["passed"] is True


def test_java_is_for_arm64_only(edgepack, built):
    done = edgepack("verify", "dist/net", "--through", "jvm", cwd=built[0])
    assert done.returncode == 2
    assert "--through jvm is for --runner arm64" in done.stderr
    assert "add --runner arm64" in done.stderr


def test_verify_refuses_an_altered_bundle(edgepack, built, tmp_path):
    shutil.copytree(built[0] / "dist" / "net", tmp_path / "net")
    (artifact,) = (tmp_path / "net" / "artifacts").iterdir()
    artifact.write_bytes(artifact.read_bytes()[:-1] + b"x")
    done = edgepack("verify", "net", "--json")
    assert done.returncode == 6
    assert json.loads(done.stdout)["error"]["class"] == "BundleError"
    assert artifact.name in done.stderr


def test_inspect_shows_model_artifacts_and_gaps(edgepack, built):
    folder, _, _ = built
    done = edgepack("inspect", "dist/net", cwd=folder)
    assert done.returncode == 0
    assert "image:float32[1,3,8,6]" in done.stdout
    assert "float32[1,8,6,3], axes 0,2,3,1 of the model's" in done.stdout
    assert done.stdout.splitlines()[-1].split()[0] == "torch_lite/float32"
    manifest = json.loads((folder / "dist" / "net" / "manifest.json").read_text())
    assert json.loads(edgepack("inspect", "dist/net", "--json", cwd=folder).stdout) == manifest


def test_operators_are_counted(edgepack, built):
    folder, document, _ = built
    assert document["report"]["operators"] == {"tflite/float32": {"CONV_2D@1": 1}}
    manifest = json.loads((folder / "dist" / "net" / "manifest.json").read_text())
    assert manifest["artifacts"][0]["counts"] == {"CONV_2D@1": 1}
    assert "operators  1, of 1 kind\n" in edgepack("inspect", "dist/net", cwd=folder).stdout
    assert "Operators: tflite/float32 1\n" in edgepack("verify", "dist/net", "--quiet", cwd=folder).stdout


def test_run_gives_what_the_model_computes(edgepack, built, tmp_path):
    bundle = built[0] / "dist" / "net"
    image = np.random.default_rng(1).normal(size=IMAGE).astype(np.float32)
    np.save(tmp_path / "image.npy", image)
    arguments = ["run", bundle, "--artifact", "tflite/float32", "--input", "image=@image.npy"]
    done = edgepack(*arguments, "--output", "out.npz", "--json")
    assert done.returncode == 0, done.stderr
    with np.load(tmp_path / "out.npz") as kept:
        features = kept["features"]
    weights = write_model(tmp_path / "net.onnx")
    assert np.allclose(features, convolve_and_clip(image, weights), atol=1e-5)
    said = json.loads(done.stdout)["outputs"]["features"]
    assert (said["dtype"], said["shape"]) == ("float32", list(FEATURES))
    assert np.allclose(said["values"], features.ravel())
    assert "float32[1,4,8,6]" in edgepack(*arguments).stdout


def convolve_and_clip(image, weights):
    padded = np.pad(image, ((0, 0), (0, 0), (1, 1), (1, 1)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), axis=(2, 3))
    return np.maximum(np.einsum("nchwij,ocij->nohw", windows, weights), 0)


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["--artifact", "tflite/int8", "--input", "image=1"], 2, "input 'image' has 144 values, not 1"),
        (["--artifact", "tflite/flot32"], 2, "tflite/flot32"),
        (["--artifact", "tflite/float32"], 2, "input 'image' is missing"),
        (
            ["--artifact", "tflite/float32", "--input", "image=@absent.npy"],
            3,
            "no such file: absent.npy",
        ),
    ],
)
def test_run_names_what_is_wrong(edgepack, built, arguments, code, message):
    done = edgepack("run", built[0] / "dist" / "net", *arguments)
    assert done.returncode == code
    assert message in done.stderr
    assert done.stdout == ""


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["absent.onnx"], 3, "absent.onnx"),
        (["net.onnx", "--format", "torch_lite"], 4, "torch_lite"),
        (["net.onnx", "--input", "picture:float32[1,3,8,6]"], 3, "picture"),
    ],
)
def test_build_names_what_is_wrong_and_writes_nothing(edgepack, tmp_path, arguments, code, message):
    write_model(tmp_path / "net.onnx")
    done = edgepack("build", *arguments)
    assert done.returncode == code, done.stderr
    assert message in done.stderr
    assert not (tmp_path / "dist").exists()


def test_a_bound_input_is_gone_from_the_bundle_and_named_there(edgepack, tmp_path):
    model = onnx.parser.parse_model(
        """<ir_version: 8, opset_import: ["" : 18]>
        g (float[1,3,8,6] image, int64[2] axes) => (float[a,b,c,d] y) { y = ReduceMax(image, axes) }"""
    )
    onnx.save(model, tmp_path / "most.onnx")
    options = ("--precision", "float32", "--quiet")
    done = edgepack("build", "most.onnx", *options, "--bind", "axes=[2,3]", EDGEPACK_CACHE_DIR=tmp_path / "c")
    assert done.returncode == 0, done.stderr
    assert "input axes is fixed to [2, 3]: for another value, build again" in done.stdout
    manifest = json.loads((tmp_path / "dist" / "most" / "manifest.json").read_text())
    assert [one["name"] for one in manifest["model"]["inputs"]] == ["image"]
    assert manifest["source"]["bound"] == "axes=[2,3]"
    assert "bound         axes=[2,3]" in edgepack("inspect", "dist/most").stdout
    free = edgepack("build", "most.onnx", *options, EDGEPACK_CACHE_DIR=tmp_path / "c")
    assert free.returncode == 3
    assert "--bind axes=…" in free.stderr


def test_a_conversion_that_fails_for_a_free_input_says_how_to_bind_it(edgepack, tmp_path):
    model = onnx.parser.parse_model(
        """<ir_version: 8, opset_import: ["" : 18]>
        g (float[2,3] x, int64 axis) => (float[2,3] y) { y = CumSum(x, axis) }"""
    )
    onnx.save(model, tmp_path / "sums.onnx")
    options = ("--precision", "float32", "--quiet", "--input", "axis:int64[]=0..1")
    done = edgepack("build", "sums.onnx", *options, EDGEPACK_CACHE_DIR=tmp_path / "c")
    assert done.returncode == 4, done.stderr
    assert "no route leads to tflite/float32" in done.stderr
    assert "--bind axis=…" in done.stderr
