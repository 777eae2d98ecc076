"""TorchScript files, and what else a .pt file may turn out to be."""

import pickle
import random
import shutil
import zipfile

import numpy as np
import pytest
import torch
from source_models import NET_INPUT, Net, randomise
from torch import nn

from edgepack.errors import SourceError, ToolError
from edgepack.sources import find_kind, load_model

IMAGE = np.random.default_rng(0).standard_normal((1, 3, 8, 8)).astype(np.float32)


@pytest.fixture
def traced(tmp_path, net):
    path = tmp_path / "net.pt"
    torch.jit.save(torch.jit.trace(net.eval(), torch.zeros(1, 3, 8, 8)), path)
    return path


@pytest.fixture
def scripted(tmp_path, net):
    path = tmp_path / "scripted.pt"
    torch.jit.save(torch.jit.script(net.train()), path)
    return path


def test_traced_file_knows_its_inputs(traced, net, request_for):
    model = load_model(request_for(traced))
    assert [str(one.tensor) for one in model.inputs] == [NET_INPUT]
    np.testing.assert_allclose(model([IMAGE])["output"], net(torch.from_numpy(IMAGE)).detach(), rtol=1e-5)


def test_traced_file_takes_other_sizes_when_asked(traced, request_for):
    model = load_model(request_for(traced, "photo:float32[2,3,9,9]"))
    assert model([np.ones((2, 3, 9, 9), np.float32)])["output"].shape == (2, 4)


def test_scripted_file_needs_inputs_and_is_put_in_eval_mode(scripted, net, request_for):
    with pytest.raises(SourceError, match="does not say which inputs it takes") as caught:
        load_model(request_for(scripted))
    assert "--input image:" in caught.value.hint
    model = load_model(request_for(scripted, NET_INPUT))
    np.testing.assert_allclose(
        model([IMAGE])["output"], net.eval()(torch.from_numpy(IMAGE)).detach(), rtol=1e-5
    )
    assert model.suspects() == []


def test_frozen_file_loads(tmp_path, net, request_for):
    path = tmp_path / "frozen.pt"
    torch.jit.save(torch.jit.freeze(torch.jit.script(net.eval())), path)
    assert load_model(request_for(path, NET_INPUT))([IMAGE])["output"].shape == (1, 4)


def test_nested_outputs_of_scripted_files_are_named(tmp_path, request_for):
    path = tmp_path / "two.pt"
    torch.jit.save(torch.jit.script(Two()), path)
    model = load_model(request_for(path, "b:int64[2]", "a:float32[2]"))
    outputs = model([np.ones(2, np.float32), np.full(2, 4)])
    assert {name: array.tolist() for name, array in outputs.items()} == {
        "sum": [5, 5],
        "difference": [-3, -3],
    }
    assert [tensor.tolist() for tensor in model.traced()(torch.ones(2), torch.tensor([4, 4]))] == [
        [5, 5],
        [-3, -3],
    ]


class Two(nn.Module):
    def forward(self, a: torch.Tensor, b: torch.Tensor) -> dict[str, torch.Tensor]:
        return {"sum": a + b, "difference": a - b}


def test_digest_and_fingerprint_follow_the_file(traced, tmp_path, request_for):
    copy = shutil.copy(traced, tmp_path / "copy.pt")
    assert load_model(request_for(traced)).digest() == load_model(request_for(copy)).digest()
    kind, before = find_kind(str(traced)), find_kind(str(traced)).fingerprint(request_for(traced))
    assert before == kind.fingerprint(request_for(copy))
    torch.jit.save(torch.jit.trace(randomise(Net(), seed=1).eval(), torch.zeros(1, 3, 8, 8)), traced)
    assert kind.fingerprint(request_for(traced)) != before
    assert load_model(request_for(traced)).digest() != load_model(request_for(copy)).digest()


@pytest.fixture
def broken(tmp_path, traced, net):
    """Files that are not what .pt promises, by name."""
    content = traced.read_bytes()
    with zipfile.ZipFile(traced) as archive:
        record = max(archive.infolist(), key=lambda one: one.file_size if "data/" in one.filename else 0)
    at = content.index(record.filename.encode()) + len(record.filename) + 128  # well inside the record

    def write(name, data):
        (tmp_path / f"{name}.pt").write_bytes(data)

    write("truncated", content[: len(content) // 2])
    write("no end", content[:-30])
    write("flipped", content[:at] + bytes([content[at] ^ 0x40]) + content[at + 1 :])
    write("text", b"this is not a model")
    write("pickle", pickle.dumps({"weights": [1, 2]}))
    with zipfile.ZipFile(tmp_path / "zip.pt", "w") as archive:
        archive.writestr("readme/notes.txt", "hello")
    torch.save(net, tmp_path / "whole.pt")
    torch.save(net, tmp_path / "old whole.pt", _use_new_zipfile_serialization=False)
    torch.save(net.state_dict(), tmp_path / "weights.pt")
    torch.save(net.state_dict(), tmp_path / "old weights.pt", _use_new_zipfile_serialization=False)
    torch.save([1, 2], tmp_path / "list.pt")
    torch.export.save(torch.export.export(net.eval(), (torch.zeros(1, 3, 8, 8),)), tmp_path / "program.pt2")
    shutil.copy(tmp_path / "program.pt2", tmp_path / "program.pt")
    return tmp_path


@pytest.mark.parametrize(
    ("name", "message", "hint"),
    [
        ("truncated", "is damaged: the archive is cut short", "copy or download it again"),
        ("no end", "is damaged: the archive is cut short", "copy or download it again"),
        ("flipped", "is damaged: BadZipFile: Bad CRC-32 for file", "copy or download it again"),
        ("text", "is not a model file of PyTorch", "torch.jit.save"),
        ("pickle", "is a plain Python pickle", "torch.jit.save"),
        ("zip", "is a zip archive, but not a model of PyTorch", "torch.jit.save"),
        ("whole", "holds pickled Python objects (source_models.Net, torch.nn.modules.", "--trust"),
        ("old whole", "holds pickled Python objects: loading it would run code from the file", "--trust"),
        (
            "weights",
            "holds weights without the module that uses them (a state dict)",
            "--arch package.module:attr",
        ),
        ("old weights", "holds weights without the module", "--arch"),
        ("list", "holds a list, not a model", "save the model itself"),
        ("program", "holds an exported program", "suffix .pt2"),
    ],
)
def test_file_of_another_kind_is_refused(broken, request_for, name, message, hint):
    with pytest.raises(SourceError) as caught:
        load_model(request_for(broken / f"{name}.pt"))
    assert message in caught.value.message
    assert hint in caught.value.hint
    assert caught.value.exit_code == 3


class Evil:
    def __reduce__(self):
        return open, ("ran.txt", "w")


def test_pickled_code_runs_only_with_trust(tmp_path, monkeypatch, request_for):
    monkeypatch.chdir(tmp_path)
    torch.save({"weight": torch.zeros(2), "extra": Evil()}, "evil.pt")
    with pytest.raises(SourceError, match=r"pickled Python objects \(.*open\): loading it would run code"):
        load_model(request_for("evil.pt"))
    assert not (tmp_path / "ran.txt").exists()


@pytest.mark.parametrize("name", ["whole", "old whole"])
def test_whole_module_loads_with_trust(broken, net, request_for, name):
    model = load_model(request_for(broken / f"{name}.pt", NET_INPUT, trust=True))
    np.testing.assert_allclose(
        model([IMAGE])["output"], net.eval()(torch.from_numpy(IMAGE)).detach(), rtol=1e-5
    )
    assert find_kind(str(broken / f"{name}.pt")).fingerprint(request_for(broken / f"{name}.pt")) is None


def test_whole_module_whose_code_is_gone_says_so(tmp_path, monkeypatch, clean_imports, request_for):
    (tmp_path / "gone_nets.py").write_text("from torch import nn\nclass Net(nn.Linear): pass\n")
    monkeypatch.syspath_prepend(tmp_path)
    import gone_nets

    torch.save(gone_nets.Net(4, 3), tmp_path / "net.pt")
    (tmp_path / "gone_nets.py").unlink()
    __import__("sys").modules.pop("gone_nets")
    with pytest.raises(ToolError, match="needs the Python module 'gone_nets'"):
        load_model(request_for(tmp_path / "net.pt", "x:float32[2,4]", trust=True))


def test_no_flipped_bit_changes_the_model_unnoticed(tmp_path, request_for):
    """Refused, or in a place that does not matter: a date, padding, a name nobody reads."""
    path = tmp_path / "net.pt"
    layer = randomise(nn.Linear(3, 2))
    torch.jit.save(torch.jit.trace(layer, torch.zeros(1, 3)), path)
    content = path.read_bytes()
    given = np.ones((1, 3), np.float32)
    expected = load_model(request_for(path, "x:float32[1,3]"))([given])["output"]
    generator = random.Random(0)
    refused = 0
    for _ in range(150):
        at = generator.randrange(len(content))
        path.write_bytes(
            content[:at] + bytes([content[at] ^ 1 << generator.randrange(8)]) + content[at + 1 :]
        )
        try:
            model = load_model(request_for(path, "x:float32[1,3]"))
        except SourceError:
            refused += 1
        else:
            assert model([given])["output"].tolist() == expected.tolist()
    assert refused > 50
