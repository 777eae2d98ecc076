"""Weights for a module that --arch makes."""

import numpy as np
import pytest
import torch
from source_models import NET_INPUT, randomise
from torch import nn

from edgepack.errors import SourceError
from edgepack.sources import find_kind, load_model

ARCH = """
from torch import nn
def net():
    return nn.Sequential(nn.Linear(4, 3), nn.BatchNorm1d(3))
net.edgepack_inputs = ("x:float32[2,4]",)
def wide():
    return nn.Sequential(nn.Linear(4, 5), nn.BatchNorm1d(5))
def deep():
    return nn.Sequential(nn.Linear(4, 3), nn.BatchNorm1d(3), nn.Linear(3, 3))
"""


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch, clean_imports):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "arch.py").write_text(ARCH)


@pytest.fixture
def module():
    return randomise(nn.Sequential(nn.Linear(4, 3), nn.BatchNorm1d(3)), seed=5).eval()


@pytest.mark.parametrize("suffix", ["pth", "pt"])
@pytest.mark.parametrize(
    "wrap",
    [
        lambda state: state,
        lambda state: {"epoch": 3, "state_dict": state},
        lambda state: {"model": {f"module.{name}": value for name, value in state.items()}, "optimizer": {}},
    ],
    ids=["plain", "checkpoint", "parallel"],
)
def test_weights_go_into_the_module(module, request_for, suffix, wrap):
    torch.save(wrap(module.state_dict()), f"net.{suffix}")
    model = load_model(request_for(f"net.{suffix}", arch="arch.py:net"))
    x = np.random.default_rng(0).standard_normal((2, 4)).astype(np.float32)
    np.testing.assert_allclose(model([x])["output"], module(torch.from_numpy(x)).detach(), rtol=1e-5)
    assert find_kind(f"net.{suffix}", "arch.py:net").fingerprint(request_for(f"net.{suffix}")) is None


@pytest.mark.parametrize(
    ("save", "arch", "message", "hint"),
    [
        (
            lambda module: module.state_dict(),
            None,
            "holds weights without the module",
            "--arch package.module:attr",
        ),
        (lambda module: module, None, "holds pickled Python objects", "--trust"),
        (lambda module: module, "arch.py:net", "holds pickled Python objects", "save the weights alone"),
        (lambda module: [1, 2], "arch.py:net", "net.pth holds a list, not a state dict", "state_dict()"),
        (
            lambda module: module.state_dict(),
            "arch.py:deep",
            "do not fit arch.py:deep: missing in the file: 2.weight, 2.bias",
            "let --arch make the module",
        ),
        (
            lambda module: module.state_dict() | {"2.weight": torch.zeros(3, 3), "2.bias": torch.zeros(3)},
            "arch.py:net",
            "unknown to the module: 2.weight, 2.bias",
            "let --arch make the module",
        ),
        (
            lambda module: {
                name.replace("0.", "zero."): value for name, value in module.state_dict().items()
            },
            "arch.py:net",
            "missing in the file: 0.weight, 0.bias; unknown to the module: zero.weight, zero.bias",
            "zero.weight: did you mean 0.weight?",
        ),
        (
            lambda module: module.state_dict(),
            "arch.py:wide",
            "size mismatch for 0.weight: copying a param with shape torch.Size([3, 4])",
            "another size",
        ),
        (lambda module: module.state_dict(), "arch.py:nets", "arch.py has no 'nets'", "did you mean net?"),
        (lambda module: module.state_dict(), "arch", "'arch' is not of the form package.module:attr", ""),
    ],
)
def test_weights_that_do_not_fit_are_refused(module, request_for, save, arch, message, hint):
    torch.save(save(module), "net.pth")
    with pytest.raises(SourceError) as caught:
        load_model(request_for("net.pth", NET_INPUT, arch=arch))
    assert message in caught.value.message
    assert hint in caught.value.hint
    assert caught.value.exit_code == 3


def test_all_names_that_do_not_fit_are_in_the_details(module, request_for):
    torch.save(module.state_dict(), "net.pth")
    with pytest.raises(SourceError) as caught:
        load_model(request_for("net.pth", arch="arch.py:deep"))
    assert caught.value.details["missing"] == ["2.weight", "2.bias"]


def test_script_with_the_suffix_of_weights_is_told_apart(module, request_for):
    torch.jit.save(torch.jit.script(module), "net.pth")
    with pytest.raises(SourceError, match=r"net\.pth holds a TorchScript module") as caught:
        load_model(request_for("net.pth", arch="arch.py:net"))
    assert ".pt, without --arch" in caught.value.hint
