"""A real bundle with a quantised file, and an Android device that is none."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

import edgepack


@pytest.fixture(scope="session")
def conv_bundle(tmp_path_factory):
    """A convolution with a picture for input and output: layouts and dtypes of its files differ."""
    folder = tmp_path_factory.mktemp("conv")
    weights = np.random.default_rng(0).normal(size=(4, 3, 3, 3)).astype(np.float32)
    image = helper.make_tensor_value_info("image", TensorProto.FLOAT, (1, 3, 8, 6))
    features = helper.make_tensor_value_info("features", TensorProto.FLOAT, (1, 4, 8, 6))
    node = helper.make_node("Conv", ["image", "weights"], ["features"], pads=[1, 1, 1, 1])
    graph = helper.make_graph(
        [node], "net", [image], [features], [numpy_helper.from_array(weights, "weights")]
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.save(model, folder / "conv.onnx")
    edgepack.build(
        str(folder / "conv.onnx"),
        output=folder / "dist",
        cases=2,
        precisions=["float32", "int8"],
        calibration="golden",
        cache=False,
    )
    return folder / "dist"


class Phone:
    """A device on adb, with the demo app installed."""

    def __init__(self, root):
        self.root = root
        self.home = root / "data" / "user" / "0" / "dev.edgepack.demo"
        self.home.mkdir(parents=True)
        self.set(devices={"R58M": "device"})

    def set(self, **state):
        """Say what is unusual about it; see `fake_adb`."""
        path = self.root / "state.json"
        known = json.loads(path.read_text()) if path.exists() else {}
        path.write_text(json.dumps(known | state))

    @property
    def files(self):
        """What lies on it."""
        return [path for path in (self.root / "data").rglob("*") if path.is_file()]

    @property
    def calls(self):
        """The arguments of every call of adb."""
        return [json.loads(line) for line in (self.root / "calls").read_text().splitlines()]


@pytest.fixture
def phone(tmp_path, monkeypatch):
    """Put an adb on PATH behind which there is such a device."""
    tools, root = tmp_path / "tools", tmp_path / "phone"
    tools.mkdir()
    root.mkdir()
    adb = tools / "adb"
    adb.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{Path(__file__).with_name("fake_adb.py")}" "$@"\n')
    adb.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tools}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("FAKE_DEVICE", str(root))
    return Phone(root)


@pytest.fixture(scope="session")
def shared_report(conv_bundle, tmp_path_factory):
    """The report of a self-test, as the app would share it."""
    path = tmp_path_factory.mktemp("shared") / "report.json"
    app = Path(__file__).with_name("fake_app.py")
    subprocess.run([sys.executable, app, conv_bundle, path, "5"], check=True)
    return json.loads(path.read_text())
