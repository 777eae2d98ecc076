"""Models made by Python code, and all that can go wrong with it."""

import os
import sys

import pytest
import torch

from edgepack.errors import SourceError, ToolError
from edgepack.sources import load_model
from edgepack.workers import Limits, Workers

NETS = """
import torch
from torch import nn
from layers import Scale

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(4, 3), nn.BatchNorm1d(3), nn.Dropout(), Scale())
    def forward(self, x):
        import late
        return late.same(self.body(x))

def net():
    return Net()

net.edgepack_inputs = ("x:float32[2,4]",)
instance = Net().train()
number = 7

def wide(width): return nn.Linear(4, width)
def broken(): raise ValueError("weights\\nare gone")
def leaves(): raise SystemExit(2)
def nothing(): return {}
def odd(): return nn.Linear(4, 3)
odd.edgepack_inputs = "x:float32[2,4]"
def wrong(): return nn.Linear(4, 3)
wrong.edgepack_inputs = ("x:float33[2,4]",)

class Space:
    inner = Net
"""


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch, clean_imports):
    project = tmp_path / "project"
    project.mkdir()
    (project / "nets.py").write_text(NETS)
    (project / "layers.py").write_text(
        "from torch import nn\nclass Scale(nn.Module):\n    def forward(self, x): return 2 * x\n"
    )
    (project / "late.py").write_text("def same(x): return x\n")
    monkeypatch.chdir(project)
    return project


def test_module_of_the_current_folder_is_loaded_in_a_worker(tmp_path, request_for):
    with Workers(tmp_path / "logs", Limits(seconds=120)) as workers:
        worker = workers.start("torch").branch(load_model, request_for("nets:net"), name="load")
        assert worker.run(describe, name="describe") == ("torch", ["x:float32[2,4]"], ["output"], 1, False)


def describe(model):
    inputs = [one.tensor for one in model.inputs]
    outputs = model([torch.ones(one.shape).numpy() for one in inputs])
    training = any(module.training for module in model.raw.modules())
    return model.framework, [str(one) for one in inputs], list(outputs), torch.get_num_threads(), training


@pytest.mark.parametrize(
    "target", ["{}/nets.py:net", "{}/nets.py:instance", "{}/nets.py:Net", "{}/nets.py:Space.inner"]
)
def test_file_finds_its_own_folder_from_anywhere(folder, monkeypatch, tmp_path, request_for, target):
    monkeypatch.chdir(tmp_path)
    model = load_model(request_for(target.format(folder), "x:float32[2,4]"))
    assert model([torch.ones(2, 4).numpy()])["output"].shape == (2, 3)
    assert not model.raw.training
    assert not (folder / "__pycache__/nets.cpython-312.pyc").exists()


def test_inputs_given_win_over_inputs_declared(request_for):
    model = load_model(request_for("nets.py:net", "x:float32[5,4]=0..1"))
    assert str(model.inputs[0].tensor) == "x:float32[5,4]"


def test_random_weights_are_the_same_every_time(request_for):
    first, second = (load_model(request_for("nets.py:net")) for _ in range(2))
    assert torch.equal(first.raw.body[0].weight, second.raw.body[0].weight)


@pytest.mark.parametrize(
    ("target", "message", "hint"),
    [
        ("nets.py:nett", "nets.py has no 'nett'", "did you mean net?"),
        ("nets:Nett", "nets has no 'Nett'", "did you mean Net?"),
        ("netss:net", "there is no module 'netss' to import", "did you mean nets?"),
        (
            "torchvision.modles:resnet18",
            "there is no module 'torchvision.modles'",
            "did you mean torchvision.models?",
        ),
        ("json.decoder.x:y", "there is no module 'json.decoder.x'", "the current folder"),
        ("nets.py:number", "nets.py:number is of type int, not an nn.Module or a callable", "a model is"),
        ("nets.py:nothing", "nets.py:nothing() gives a dict, not an nn.Module", "a model is"),
        ("nets.py:wide", "nets.py:wide cannot be called without arguments: missing", "takes none"),
        ("nets.py:broken", "calling nets.py:broken failed: ValueError: weights", ""),
        ("nets.py:leaves", "calling nets.py:leaves failed: SystemExit: 2", ""),
        ("nets.py:odd", "edgepack_inputs of nets.py:odd is not a tuple of texts", "for example"),
        (
            "nets.py:wrong",
            "edgepack_inputs of nets.py:wrong: input 'x:float33[2,4]'",
            "did you mean float32?",
        ),
        ("nets.py:instance", "does not say which inputs it takes", "--input x:float32[1,3,224,224]"),
    ],
)
def test_bad_target_is_refused(request_for, target, message, hint):
    with pytest.raises(SourceError) as caught:
        load_model(request_for(target))
    assert message in caught.value.message
    assert hint in caught.value.hint
    assert caught.value.exit_code == 3


def test_traceback_of_the_users_code_is_kept(request_for):
    with pytest.raises(SourceError) as caught:
        load_model(request_for("nets.py:broken"))
    assert 'nets.py", line' in caught.value.details["traceback"]


@pytest.mark.parametrize(
    ("code", "message", "hint"),
    [
        ("def net(:", "importing bad.py failed: SyntaxError", ""),
        ("import os\nos.environ['nope']", "importing bad.py failed: KeyError: 'nope'", ""),
        ("import sys\nsys.exit('usage: bad.py')", "importing bad.py failed: SystemExit: usage", ""),
        ("from .layers import Scale", "attempted relative import", "package.module:attr"),
    ],
)
def test_code_that_does_not_import_is_refused(folder, request_for, code, message, hint):
    (folder / "bad.py").write_text(code)
    with pytest.raises(SourceError) as caught:
        load_model(request_for("bad.py:net"))
    assert message in caught.value.message
    assert hint in caught.value.hint


@pytest.mark.parametrize(
    ("package", "message", "hint"),
    [
        (
            "no_such_package.layers",
            "bad.py imports 'no_such_package', which is not installed",
            "pip install no_such",
        ),
        ("onnx2tf", "the package onnx2tf is not installed", "pip install 'edgepack[tflite]'"),
    ],
)
def test_package_that_the_model_needs_is_named(folder, request_for, monkeypatch, package, message, hint):
    (folder / "bad.py").write_text(f"import {package}")
    # Another test of this process may have imported it.
    monkeypatch.delitem(sys.modules, "onnx2tf", raising=False)
    monkeypatch.setattr(sys, "meta_path", [Hidden("onnx2tf"), *sys.meta_path])
    with pytest.raises(ToolError) as caught:
        load_model(request_for("bad.py:net"))
    assert message in caught.value.message
    assert hint in caught.value.hint
    assert caught.value.exit_code == 5


def test_package_that_only_the_factory_needs_is_named_alike(folder, request_for):
    (folder / "bad.py").write_text("def net():\n    import no_such_package.layers\n")
    with pytest.raises(ToolError) as caught:
        load_model(request_for("bad.py:net"))
    assert caught.value.message == "bad.py:net imports 'no_such_package', which is not installed"
    assert "pip install no_such_package" in caught.value.hint


class Hidden:
    """Makes an installed package look absent."""

    def __init__(self, name):
        self.name = name

    def find_spec(self, fullname, path=None, target=None):
        if fullname == self.name:
            raise ModuleNotFoundError(f"No module named {fullname!r}", name=fullname)


def test_users_module_does_not_shadow_what_is_imported_later(folder, request_for):
    (folder / "colorsys.py").write_text("raise RuntimeError('not the standard library')")
    load_model(request_for("nets.py:net"))
    __import__("sys").modules.pop("colorsys", None)
    import colorsys

    assert os.path.dirname(colorsys.__file__) == os.path.dirname(os.__file__)
