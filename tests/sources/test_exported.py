"""Programs of torch.export: their own inputs, and the ways in which loading one could run code."""

import contextlib
import io
import json
import os
import warnings
import zipfile

import numpy as np
import pytest
import torch
from source_models import NET_INPUT
from torch import nn
from torch.export import Dim, export, save

from edgepack.errors import SourceError
from edgepack.sources import find_kind, load_model


class Nested(nn.Module):
    def forward(self, x, sizes, scale=2.0, *, mask):
        return {"sum": x * scale + sizes["big"] - sizes["small"], "kept": torch.where(mask, x, 0.0)}


@pytest.fixture
def nested(tmp_path):
    path = tmp_path / "nested.pt2"
    args = (torch.ones(2, 3), {"small": torch.ones(3), "big": torch.ones(3)}, 3.0)
    save(export(Nested(), args, {"mask": torch.ones(2, 3, dtype=torch.bool)}), path)
    return path


@pytest.fixture
def program(tmp_path, net):
    path = tmp_path / "net.pt2"
    batch = {0: Dim("batch", min=1, max=8)}
    save(export(net.eval(), (torch.ones(2, 3, 8, 8),), dynamic_shapes=(batch,)), path)
    return path


def test_program_brings_names_and_shapes_of_nested_inputs(nested, request_for):
    model = load_model(request_for(nested))
    names = {one.tensor.name: str(one.tensor) for one in model.inputs}
    assert list(names.values()) == [
        "x:float32[2,3]",
        "sizes_small:float32[3]",
        "sizes_big:float32[3]",
        "mask:bool[2,3]",
    ]
    ones, mask = np.ones((2, 3), np.float32), np.array([[True, False, True]] * 2)
    outputs = model([ones, ones[0], 5 * ones[0], mask])
    assert outputs["sum"].tolist() == [[7.0] * 3] * 2
    assert outputs["kept"].tolist() == mask.astype(float).tolist()
    traced = model.traced()(*[torch.from_numpy(one) for one in (ones, ones[0], 5 * ones[0], mask)])
    assert traced[0].tolist() == outputs["sum"].tolist()


def test_open_size_is_fixed_by_input(program, net, request_for):
    with pytest.raises(
        SourceError, match=r"leaves the shape of input image:float32\[\w+,3,8,8\] open"
    ) as caught:
        load_model(request_for(program))
    assert caught.value.hint == f"fix it with --input {NET_INPUT}"
    model = load_model(request_for(program, "image:float32[4,3,8,8]"))
    image = np.random.default_rng(0).standard_normal((4, 3, 8, 8)).astype(np.float32)
    np.testing.assert_allclose(
        model([image])["output"], net(torch.from_numpy(image)).detach(), rtol=1e-5, atol=1e-6
    )
    # This exporter switches modes on its way, which programs refuse.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(model.flat, model.example, io.BytesIO(), dynamo=False)


@pytest.mark.parametrize(
    ("given", "message", "hint"),
    [
        ("imge:float32[4,3,8,8]", "has no input 'imge'", "did you mean image?"),
        (
            "image:float32[3,8,8]",
            "has other 4 dimensions than image:float32[3,8,8]",
            "--input image:float32[1,3,8,8]",
        ),
        ("image:float32[4,3,9,8]", "has other shape than image:float32[4,3,9,8]", "--input"),
        (
            "image:int64[4,3,8,8]",
            "input 'image' is of dtype float32, not int64",
            "write --input image:float32",
        ),
        (
            "image:float32[9,3,8,8]",
            "fails on inputs image:float32[9,3,8,8]: RuntimeError: Expected input",
            "check",
        ),
    ],
)
def test_inputs_that_contradict_the_program_are_refused(program, request_for, given, message, hint):
    with pytest.raises(SourceError) as caught:
        load_model(request_for(program, given))
    assert message in caught.value.message
    assert hint in caught.value.hint
    assert caught.value.exit_code == 3


def rewrite(path, change):
    """Write an archive again with some records changed; checksums are right."""
    with zipfile.ZipFile(path) as archive:
        records = {name: archive.read(name) for name in archive.namelist()}
    change(records)
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in records.items():
            archive.writestr(name, data)


class Evil:
    def __reduce__(self):
        return os.mkdir, ("ran",)


def pickle_in_sample_inputs(records):
    buffer = io.BytesIO()
    torch.save((Evil(),), buffer)
    records["net/data/sample_inputs/model.pt"] = buffer.getvalue()


def code_in_a_size(records):
    document = json.loads(records["net/models/model.json"])
    text = json.dumps(document)
    start = text.index('"expr_str": "') + len('"expr_str": "')
    end = text.index('"', start)
    assert "Symbol" in text[start:end]
    records["net/models/model.json"] = (text[:start] + "__import__('os').mkdir('ran')" + text[end:]).encode()


def compiled_library(records):
    records["net/data/aotinductor/model/model.so"] = b"\x7fELF"


@pytest.mark.parametrize(
    ("change", "what"),
    [
        (pickle_in_sample_inputs, "pickled Python objects"),
        (code_in_a_size, r"code where a size should be \(__import__\('os'\)"),
        (compiled_library, r"a compiled library \(net/data/aotinductor/model/model.so\)"),
    ],
)
def test_program_that_would_run_code_is_refused(program, tmp_path, monkeypatch, request_for, change, what):
    monkeypatch.chdir(tmp_path)
    rewrite(program, change)
    with pytest.raises(SourceError, match=f"holds {what}.*: loading it would run code") as caught:
        load_model(request_for(program, NET_INPUT))
    assert "--trust" in caught.value.hint
    assert not (tmp_path / "ran").exists()
    assert "TORCH_FORCE_WEIGHTS_ONLY_LOAD" not in os.environ


@pytest.mark.parametrize("change", [pickle_in_sample_inputs, code_in_a_size])
def test_those_files_really_do_run_code(program, tmp_path, monkeypatch, request_for, change):
    monkeypatch.chdir(tmp_path)
    rewrite(program, change)
    with contextlib.suppress(SourceError):  # what it finds then may be no program
        load_model(request_for(program, NET_INPUT, trust=True))
    assert (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda data: data[: len(data) // 2], "is damaged: the archive is cut short"),
        (lambda data: data.replace(b"linear", b"lin3ar"), "is damaged: BadZipFile: Bad CRC-32"),
        (lambda data: b"not a program", "is not a model file of PyTorch"),
    ],
)
def test_damaged_program_is_refused(nested, request_for, damage, message):
    data = nested.read_bytes()
    changed = damage(data) if damage(data) != data else data.replace(b"torch.ops", b"torch.opz")
    nested.write_bytes(changed)
    with pytest.raises(SourceError) as caught:
        load_model(request_for(nested))
    assert message in caught.value.message


def test_program_of_an_unknown_future_is_refused(program, request_for):
    def change(records):
        document = json.loads(records["net/models/model.json"])
        document["schema_version"]["major"] = 99
        records["net/models/model.json"] = json.dumps(document).encode()

    rewrite(program, change)
    with pytest.raises(SourceError, match=r"torch\.export\.load cannot read") as caught:
        load_model(request_for(program, NET_INPUT))
    assert "newer PyTorch" in caught.value.hint


def test_other_files_are_told_apart(tmp_path, net, request_for):
    torch.jit.save(torch.jit.script(net), tmp_path / "net.pt2")
    with pytest.raises(SourceError, match="holds a TorchScript module") as caught:
        load_model(request_for(tmp_path / "net.pt2"))
    assert caught.value.hint == "give it the suffix .pt"


def test_fingerprint_and_digest_follow_file_and_shape(program, request_for):
    kind = find_kind(str(program))
    assert kind.fingerprint(request_for(program)) == kind.fingerprint(request_for(program, NET_INPUT))
    digests = {load_model(request_for(program, f"image:float32[{n},3,8,8]")).digest() for n in (1, 1, 2)}
    assert len(digests) == 2
