"""android check with the real runtimes: their libraries in an APK, and the proof on ARM64."""

import json
import shutil
from zipfile import ZIP_STORED, ZipFile

import pytest

from edgepack.android.apk import read_apk
from edgepack.android.libraries import describe, published

MULTIPLY = """
import torch

class Net(torch.nn.Module):
    edgepack_inputs = ("x:float32[1,3,4,4]",)

    def __init__(self):
        super().__init__()
        with torch.random.fork_rng():
            torch.manual_seed(0)
            self.conv = torch.nn.Conv2d(3, 4, 3)

    def forward(self, x):
        return self.conv(x)

net = Net().eval()
"""
PINS = ("org.pytorch:pytorch_android_lite:1.12.2", "org.tensorflow:tensorflow-lite:2.16.1")


@pytest.fixture(scope="module")
def bundle(edgepack, tmp_path_factory):
    folder = tmp_path_factory.mktemp("bundle")
    (folder / "net.py").write_text(MULTIPLY)
    built = edgepack("build", f"{folder}/net.py:net", "--precision", "float32", "-o", folder / "net")
    assert built.returncode == 0, built.stderr
    return folder / "net"


@pytest.fixture(scope="module")
def apk(edgepack, bundle, store, tmp_path_factory):
    """An APK with the runtimes that are installed, and the bundle."""
    folder = tmp_path_factory.mktemp("apk")
    assert edgepack("embed", bundle, "--into", folder).returncode == 0
    with ZipFile(folder / "app.apk", "w", ZIP_STORED) as archive:
        archive.writestr("AndroidManifest.xml", b"")
        for path in sorted(folder.glob("assets/**/*.*")):
            archive.write(path, path.relative_to(folder))
        for pin in PINS:
            for path in sorted((store.get(pin).folder / "lib").glob("*.so")):
                archive.write(path, f"lib/arm64-v8a/{path.name}")
    return folder / "app.apk"


def test_what_is_known_of_published_libraries_is_so(store):
    for release, libraries in published().items():
        archive = store.downloads.get(store.get(release).release.download)
        with ZipFile(archive) as opened:
            members = [name for name in opened.namelist() if name.startswith("jni/") and name.endswith(".so")]
            found = [describe(name.split("/")[2], name.split("/")[1], opened.read(name)) for name in members]
        assert sorted(found, key=str) == sorted(libraries, key=str)


def test_the_runtimes_of_an_apk_are_recognised(apk, store, tmp_path):
    app = read_apk(apk, store.installed(), tmp_path, "net")
    assert {pin.release for pin in app.pins} == set(PINS)
    assert app.unclear == ()


def test_an_apk_is_proven_in_its_own_runtimes(edgepack, apk, bundle):
    done = edgepack("android", "check", apk, "--bundle", bundle, "--run", "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    document = json.loads(done.stdout)
    places = {(one["artifact_id"], one["runtime"]) for one in document["proof"]["results"]}
    assert ("torch_lite/float32", "pytorch_android_lite 1.12.2 on cortex-a53") in places
    assert ("tflite/float32", "tensorflow-lite 2.16.1 on cortex-a76") in places
    assert len(places) == 4


def test_a_build_that_nobody_knows_is_tried_out_of_the_apk(edgepack, apk, bundle, tmp_path):
    (known,) = [one for one in published()[PINS[1]] if one.abi == "arm64-v8a"]
    with ZipFile(apk) as source, ZipFile(tmp_path / "app.apk", "w") as changed:
        for name in source.namelist():
            data = source.read(name)
            changed.writestr(name, data.replace(bytes.fromhex(known.build_id), bytes(16)))
    before = edgepack("runtime", "list", "--json").stdout
    static = edgepack("android", "check", tmp_path / "app.apk", "--bundle", bundle)
    assert static.returncode == 1
    assert "the app names no runtime for tflite" in static.stdout
    done = edgepack("android", "check", tmp_path / "app.apk", "--bundle", bundle, "--run", "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    document = json.loads(done.stdout)
    (own,) = [one for one in document["runtimes"] if one["format"] == "tflite"]
    assert own["release"].startswith("app-libtensorflowlite_jni:")
    assert own["where"] == ["lib/arm64-v8a/libtensorflowlite_jni.so"]
    places = {one["runtime"].split(" on ")[0] for one in document["proof"]["results"] if one["passed"]}
    assert places == {"pytorch_android_lite 1.12.2", own["release"].replace(":", " ")}
    assert edgepack("runtime", "list", "--json").stdout == before


def test_a_runtime_of_the_users_own_is_judged_by_running_it(edgepack, bundle, store, tmp_path):
    download = store.downloads.get(store.get(PINS[1]).release.download)
    shutil.copy(download, tmp_path / "my-tensorflow-lite.aar")
    added = edgepack("runtime", "add", tmp_path / "my-tensorflow-lite.aar", "--json")
    assert added.returncode == 0, added.stderr
    (runtime,) = json.loads(added.stdout)["installed"]
    try:
        command = ["android", "check", tmp_path, "--bundle", bundle]
        command += ["--runtime", PINS[0], "--runtime", runtime["id"]]
        static = edgepack(*command)
        assert static.returncode == 1
        assert (
            f"edgepack does not know what {runtime['id']} can load (find out by running: --run)"
            in static.stdout
        )
        proven = edgepack(*command, "--run")
        assert proven.returncode == 0, proven.stdout + proven.stderr
        assert "16 KB (arm64-v8a)" in proven.stdout
    finally:
        edgepack("runtime", "remove", runtime["id"])
