"""Tensors from the command line and from files."""

import numpy as np
import pytest
import torch

from edgepack.errors import SourceError, UsageError
from edgepack.model import ModelSpec, TensorSpec
from edgepack.tensors import as_array, read_inputs, save_outputs

MODEL = ModelSpec(
    (
        TensorSpec("image", "float32", (1, 2, 2)),
        TensorSpec("tokens", "int64", (3,)),
        TensorSpec("mask", "bool", (2,)),
        TensorSpec("small", "uint8", (1,)),
        TensorSpec("scalar", "float16", ()),
    ),
    (),
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("image=1,-2.5, 3e2,.5", np.float32([[[1, -2.5], [300, 0.5]]])),
        ("tokens=1,2,9007199254740993", np.int64([1, 2, 2**53 + 1])),
        ("mask=true,0", np.array([True, False])),
        ("scalar=0.5", np.float16(0.5)),
    ],
)
def test_values_take_the_inputs_dtype_and_shape(text, expected):
    (got,) = read_inputs([text], MODEL).values()
    assert got.dtype == expected.dtype
    assert got.shape == expected.shape
    assert np.array_equal(got, expected)


def test_a_picture_needs_the_bundles_preprocessing(tmp_path):
    with pytest.raises(SourceError) as caught:
        read_inputs([f"image=@{tmp_path / 'photo.png'}"], MODEL)
    assert caught.value.message == "the bundle does not say how a picture becomes image:float32[1,2,2]"
    assert caught.value.hint == "build it with --preprocess, or give an .npy"


def test_a_file_comes_as_it_is(tmp_path):
    array = np.random.default_rng(0).normal(size=(1, 2, 2))
    np.save(tmp_path / "a=b.npy", array)
    got = read_inputs([f"image=@{tmp_path}/a=b.npy"], MODEL)["image"]
    assert got.dtype == np.float64, "a file's dtype is not changed without a word"
    assert np.array_equal(got, array)


@pytest.mark.parametrize(
    ("texts", "message", "hint"),
    [
        (["image"], "cannot read input 'image'", "write name=@file.npy or name=1,2,3"),
        (["imag=1"], "the model has no input 'imag'", "did you mean image?"),
        (["small=1", "small=2"], "input 'small' is given twice", ""),
        (["tokens=1,2"], "input 'tokens' has 3 values, not 2", "the model takes tokens:int64[3]"),
        (["tokens=1,2,x"], "input 'tokens': not all values are int64", ""),
        (["tokens=1,2,3.5"], "input 'tokens': not all values are int64", ""),
        (["small=256"], "input 'small': not all values are uint8", ""),
        (["mask=1,maybe"], "input 'mask': not all values are bool", ""),
    ],
)
def test_what_cannot_be_read_is_a_usage_error(texts, message, hint):
    with pytest.raises(UsageError) as caught:
        read_inputs(texts, MODEL)
    assert caught.value.message.startswith(message)
    assert caught.value.hint == hint or (hint and caught.value.hint.startswith(hint))


@pytest.mark.parametrize(
    ("name", "message", "hint"),
    [
        ("text.npy", "is not an .npz or .npy file, or is damaged", "numpy.save(file, array)"),
        ("empty.npy", "is not an .npz or .npy file, or is damaged", "numpy.save(file, array)"),
        ("damaged.npz", "is not an .npz or .npy file, or is damaged", "numpy.save(file, array)"),
        ("objects.npy", "holds an array of Python objects, and reading it would run code", "numbers"),
        ("many.npz", "holds several arrays", "save the one that is meant with numpy.save"),
        ("texd.npy", "no such file: ", "did you mean text.npy?"),
    ],
)
def test_files_that_hold_no_array_are_source_errors(tmp_path, name, message, hint):
    (tmp_path / "text.npy").write_text("hello")
    (tmp_path / "empty.npy").touch()
    (tmp_path / "damaged.npz").write_bytes(b"PK\3\4 and no more")
    np.save(tmp_path / "objects.npy", np.array([{}], dtype=object), allow_pickle=True)
    np.savez(tmp_path / "many.npz", a=np.zeros(1))
    with pytest.raises(SourceError) as caught:
        read_inputs([f"image=@{tmp_path / name}"], MODEL)
    assert name in caught.value.message
    assert message in caught.value.message
    assert hint in caught.value.hint


def test_outputs_are_kept_by_name(tmp_path):
    outputs = {"file": np.arange(3), "b/c": np.ones((2, 2), np.float32)}
    save_outputs(tmp_path / "out.npz", outputs)
    with np.load(tmp_path / "out.npz") as kept:
        assert {name: kept[name].tolist() for name in kept} == {"file": [0, 1, 2], "b/c": [[1, 1], [1, 1]]}


def test_an_output_that_cannot_be_written_is_a_usage_error(tmp_path):
    with pytest.raises(UsageError, match=r"cannot write .*absent/out\.npz: No such file or directory"):
        save_outputs(tmp_path / "absent" / "out.npz", {"a": np.zeros(1)})


SPECS = {spec.name: spec for spec in MODEL.inputs}


@pytest.mark.parametrize(
    ("name", "value"),
    [("image", [[[1, 2.5], [0, 1]]]), ("tokens", [1, 2, 3]), ("mask", [True, False]), ("small", [255])],
)
def test_lists_take_the_inputs_dtype(name, value):
    array = as_array(value, SPECS[name])
    assert array.dtype == SPECS[name].dtype
    assert array.tolist() == value


@pytest.mark.parametrize("value", [torch.zeros(1, 2, 2, dtype=torch.float64), np.zeros((1, 2, 2))])
def test_arrays_and_tensors_keep_their_dtype(value):
    assert as_array(value, SPECS["image"]).dtype == np.float64


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("tokens", [1.5, 2, 3]),
        ("mask", [0, 1]),
        ("small", [256]),
        ("image", [[1], [1, 2]]),
        ("image", None),
        ("image", "1"),
        ("image", torch.zeros(1, 2, 2, requires_grad=True)),
        ("image", torch.zeros(1, 2, 2, dtype=torch.bfloat16)),
    ],
)
def test_values_that_would_lose_something_are_refused(name, value):
    with pytest.raises(UsageError) as caught:
        as_array(value, SPECS[name])
    assert f"input {name!r}" in caught.value.message
    assert f"the model takes {SPECS[name]}" in caught.value.hint
