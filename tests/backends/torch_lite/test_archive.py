"""A .ptl file holds the program and nothing of the machine that made it, and damage to it is seen."""

import random
import zipfile
from pathlib import Path

import pytest
import torch
from lite_site import model_in_this_process
from torch.jit.mobile import _backport_for_mobile, _load_for_lite_interpreter

from edgepack.backends.torch_lite.archive import keep_program, refuse_damage

EXAMPLE = torch.rand(1, 3, 12, 9, generator=torch.Generator().manual_seed(0))


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """A file as torch writes it."""
    path = tmp_path_factory.mktemp("saved") / "saved.ptl"
    with torch.no_grad():
        traced = torch.jit.trace(model_in_this_process("image"), EXAMPLE)
    torch.jit.freeze(traced)._save_for_lite_interpreter(str(path))
    return path


@pytest.fixture(scope="module")
def kept(saved):
    path = saved.with_name("kept.ptl")
    keep_program(saved, path)
    return path


def run(path):
    with torch.inference_mode():
        return _load_for_lite_interpreter(str(path))(EXAMPLE)


def contents(path):
    with zipfile.ZipFile(path) as archive:
        return {info.filename: archive.read(info) for info in archive.infolist()}


def test_only_the_program_stays_and_computes_the_same(saved, kept):
    # torch writes down where the module was traced: in this file.
    place = bytes(Path(__file__).parent)
    assert any(place in record for record in contents(saved).values()), "else this test shows nothing"
    assert not any(place in record for record in contents(kept).values())
    assert {name.split("/")[1] for name in contents(kept)} == {
        "data.pkl",
        "bytecode.pkl",
        "constants",
        "version",
        "byteorder",
    }
    assert torch.equal(run(saved), run(kept))


def test_records_start_where_they_can_be_mapped(kept):
    with zipfile.ZipFile(kept) as archive, kept.open("rb") as file:
        for info in archive.infolist():
            file.seek(info.header_offset + 26)
            name, extra = int.from_bytes(file.read(2), "little"), int.from_bytes(file.read(2), "little")
            assert (info.header_offset + 30 + name + extra) % 64 == 0, info.filename


@pytest.mark.parametrize("bytecode", [7, 6, 5, 4])
def test_backported_constants_are_kept_once(saved, kept, tmp_path, bytecode):
    assert _backport_for_mobile(str(saved), str(tmp_path / "older.ptl"), bytecode)
    keep_program(tmp_path / "older.ptl", tmp_path / "model.ptl")
    tensors = [
        sorted(record for name, record in contents(path).items() if name.split("/")[1] not in SMALL)
        for path in (tmp_path / "model.ptl", kept)
    ]
    assert tensors[0] == tensors[1]
    assert torch.equal(run(tmp_path / "model.ptl"), run(kept))


SMALL = {"data.pkl", "bytecode.pkl", "version", "byteorder"}


def test_every_altered_record_is_seen(kept, tmp_path):
    data, draw, path = kept.read_bytes(), random.Random(0), tmp_path / "model.ptl"
    with zipfile.ZipFile(kept) as archive:
        starts = [(info, data.index(archive.read(info), info.header_offset)) for info in archive.infolist()]
    for info, start in starts:
        at = start + draw.randrange(info.file_size)
        path.write_bytes(data[:at] + bytes([data[at] ^ 1 << draw.randrange(8)]) + data[at + 1 :])
        with pytest.raises(zipfile.BadZipFile) as caught:
            refuse_damage(path)
        assert str(caught.value) == f"model.ptl is damaged: the checksum of {info.filename} is wrong"


def test_every_truncation_is_seen(kept, tmp_path):
    data, path = kept.read_bytes(), tmp_path / "model.ptl"
    for length in range(0, len(data), 97):
        path.write_bytes(data[:length])
        with pytest.raises(zipfile.BadZipFile, match=r"model\.ptl is damaged or not a \.ptl file: "):
            refuse_damage(path)


def test_whole_file_is_accepted(kept):
    refuse_damage(kept)
