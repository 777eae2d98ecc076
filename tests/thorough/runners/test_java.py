"""Artifacts run through the runtimes' own Java classes, in a virtual machine for ARM64."""

import json
from pathlib import Path

import pytest

from edgepack.errors import ToolError, UsageError
from edgepack.runners.java import MACHINE
from edgepack.runners.runtime_store import InstalledRuntime, RuntimeStore
from edgepack.runners.runtimes import RUNTIMES

_SAMPLES = Path(__file__).parents[3] / "sample_models"


@pytest.fixture(scope="session")
def two_headed(edgepack, tmp_path_factory):
    """Two inputs, and a dictionary of two outputs of one shape: Java gives these without an order."""
    path = tmp_path_factory.mktemp("built") / "two_headed"
    built = edgepack(
        "build", f"{_SAMPLES}/two_headed/model.py:two_headed", "-o", path, "--precision", "float32"
    )
    assert built.returncode == 0, built.stderr
    return path


def test_both_formats_are_right_through_java(edgepack, two_headed):
    done = edgepack(
        "verify", two_headed, "--runner", "arm64", "--through", "jvm", "--cpu", "cortex-a53", "--json"
    )
    assert done.returncode == 0, done.stderr
    results = {one["artifact_id"]: one for one in json.loads(done.stdout)["results"]}
    assert set(results) == {"torch_lite/float32", "tflite/float32"}
    assert all("through Java on cortex-a53" in one["runtime"] for one in results.values())
    assert all(one["instructions"] is None for one in results.values())


def test_a_refusal_is_javas_own_exception(edgepack, two_headed, tmp_path):
    """Only what went through Java can speak of Java."""
    import shutil

    from edgepack.files import sha256_of

    bundle = tmp_path / "two_headed"
    shutil.copytree(two_headed, bundle)
    manifest = json.loads((bundle / "manifest.json").read_text())
    artifact = next(one for one in manifest["artifacts"] if one["format"] == "tflite")
    file = bundle / artifact["path"]
    file.write_bytes(b"\0" * artifact["bytes"])
    artifact["sha256"] = sha256_of(file)
    (bundle / "manifest.json").write_text(json.dumps(manifest))
    done = edgepack(
        *("verify", bundle, "--runner", "arm64", "--through", "jvm", "--cpu", "cortex-a53"),
        *("--artifact", "tflite/float32"),
    )
    assert done.returncode == 1
    assert "java.lang.IllegalArgumentException" in done.stdout


def test_a_wheel_has_no_java_classes(tmp_path):
    release = RUNTIMES["torch==2.1.0"]
    with pytest.raises(UsageError) as refused:
        RuntimeStore(tmp_path).program(InstalledRuntime(release, tmp_path, {}, {}), java=True)
    assert refused.value.message == "runtime torch==2.1.0 has no Java classes"
    assert "--runtime" in refused.value.hint


def test_without_network_the_missing_machine_is_named(tmp_path):
    release = RUNTIMES["org.tensorflow:tensorflow-lite:2.16.1"]
    with pytest.raises(ToolError, match=f"{MACHINE} has not been downloaded"):
        RuntimeStore(tmp_path, offline=True).program(InstalledRuntime(release, tmp_path, {}, {}), java=True)
