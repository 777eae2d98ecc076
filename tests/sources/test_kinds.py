"""Which kind of source a text names, and what is said when it names none."""

import subprocess
import sys

import pytest

from edgepack.errors import SourceError, ToolError
from edgepack.sources import find_kind, load_model


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("model.onnx", "net.pt", "net.pt2", "net.pth", "weights.safetensors", "there.ptl"):
        (tmp_path / name).write_bytes(b"x")
    (tmp_path / "nets.py").write_text("def digits(): ...\nclass Net: ...\ndef _hidden(): ...\n")
    (tmp_path / "bundle").mkdir()
    (tmp_path / "bundle/manifest.json").write_text("{}")
    (tmp_path / "models").mkdir()
    (tmp_path / "models/a.onnx").write_bytes(b"x")


@pytest.mark.parametrize(
    ("text", "arch", "kind"),
    [
        ("torchvision.models:mobilenet_v2", None, "python"),
        ("nets.py:Net", None, "python"),
        ("net.pt", None, "torchscript"),
        ("net.pt2", None, "exported"),
        ("net.pth", None, "state_dict"),
        ("net.pt", "nets.py:Net", "state_dict"),
        ("model.onnx", None, "onnx"),
    ],
)
def test_text_names_a_kind(text, arch, kind):
    assert find_kind(text, arch).name == kind


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ("modle.onnx", "no such file: modle.onnx", "did you mean model.onnx?"),
        ("net.py:Net", "no such file: net.py", "did you mean nets.py?"),
        ("gone/model.onnx", "no such file: gone/model.onnx", "there is no folder gone either"),
        ("torchvision.models.resnet18", "no such file", "did you mean torchvision.models:resnet18?"),
        (
            "weights.safetensors",
            "cannot read files of the kind '.safetensors'",
            "ends in .pt, .pt2, .pth, .onnx",
        ),
        ("models", "models is a folder", "name a file in it: a.onnx"),
        ("bundle", "bundle is a folder", "edgepack verify bundle"),
        ("nets.py", "not the model in it", "for example nets.py:digits, nets.py:Net"),
        (
            "nets:",
            "'nets:' is not of the form package.module:attr or file.py:attr",
            "a model is package.module:attr",
        ),
        ("absent.tflite", "absent.tflite: a .tflite file is what edgepack makes, not a source", "a model is"),
        ("there.ptl", "there.ptl: a .ptl file is what edgepack makes, not a source", "a model is"),
        ("a b:c", "'a b:c' is not of the form", ""),
        ("nets.py:Net()", "'nets.py:Net()' is not of the form", "without arguments"),
    ],
)
def test_text_that_names_nothing_is_refused(text, message, hint):
    with pytest.raises(SourceError) as caught:
        find_kind(text)
    assert message in caught.value.message
    assert hint in caught.value.hint
    assert caught.value.exit_code == 3


@pytest.mark.parametrize(
    ("content", "message", "hint"),
    [
        (b"", "net.pt is empty", "download"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "Git LFS pointer", "git lfs pull"),
    ],
)
def test_file_that_only_stands_for_a_model_is_refused(tmp_path, content, message, hint):
    (tmp_path / "net.pt").write_bytes(content)
    with pytest.raises(SourceError, match=message) as caught:
        find_kind("net.pt")
    assert hint in caught.value.hint


def test_arch_goes_with_weights_only():
    with pytest.raises(SourceError, match=r"--arch names the module .*, and model\.onnx is none"):
        find_kind("model.onnx", "nets.py:Net")


def test_missing_package_names_the_extra(monkeypatch, request_for):
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(ToolError, match="the package torch is not installed") as caught:
        load_model(request_for("nets.py:Net"))
    assert caught.value.hint == "pip install 'edgepack[torch]'"
    assert caught.value.exit_code == 5


def test_telling_kinds_apart_imports_nothing_heavy():
    code = (
        "import sys; from edgepack.sources import find_kind, load_model; import edgepack.golden_cases;"
        "find_kind('nets.py:Net').fingerprint; kind = find_kind('model.onnx');"
        "print(sorted({'torch', 'numpy', 'onnx', 'onnxruntime'} & set(sys.modules)))"
    )
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "[]"
