"""Inputs of golden cases: seeded draws, and the user's own files."""

import zipfile

import numpy as np
import pytest

from edgepack.errors import SourceError
from edgepack.golden_inputs import draw_inputs, read_arrays, undeclared_ranges
from edgepack.input_syntax import parse_input
from edgepack.model import DTYPES


def draw(*texts, cases=1, seed=0):
    return draw_inputs([parse_input(text) for text in texts], cases, seed)


@pytest.mark.parametrize("dtype", DTYPES)
def test_draws_have_dtype_and_shape(dtype):
    (case,) = draw(f"x:{dtype}[3,400]")
    assert (case["x"].dtype, case["x"].shape) == (np.dtype(dtype), (3, 400))
    low, high = float(case["x"].min()), float(case["x"].max())
    if dtype == "bool":
        assert (low, high) == (0, 1)
    elif "int" in dtype:
        assert (low, high) == (0, 9)
    else:
        assert -6 < low < -2 < 2 < high < 6


@pytest.mark.parametrize(
    ("text", "low", "high"),
    [
        ("x:int64[4000]=-3..4", -3, 4),
        ("x:uint8[4000]=250..255", 250, 255),
        ("x:int64[10]=7..7", 7, 7),
        ("x:bool[10]=1..1", 1, 1),
    ],
)
def test_ranges_of_integers_include_both_ends(text, low, high):
    (case,) = draw(text)
    assert (int(case["x"].min()), int(case["x"].max())) == (low, high)


def test_ranges_of_floats_are_filled_evenly():
    values = draw("x:float32[100000]=-1..3")[0]["x"]
    assert (values.min(), values.max()) == pytest.approx((-1, 3), abs=1e-3)
    assert np.histogram(values, bins=4)[0] == pytest.approx(25000, rel=0.05)


def test_every_input_and_case_has_a_stream_of_its_own():
    before = draw("a:float32[4]", "b:float32[4]", cases=2, seed=5)
    after = draw("new:int64[9]", "b:float32[4]", "a:float32[4]", cases=3, seed=5)
    for index in range(2):
        for name in ("a", "b"):
            assert before[index][name].tolist() == after[index][name].tolist()
    drawn = [case[name].tolist() for case in after for name in ("a", "b")]
    drawn += [draw("a:float32[4]", seed=seed)[0]["a"].tolist() for seed in (6, -1)]
    assert len({tuple(one) for one in drawn}) == len(drawn)


def test_draws_stay_the_same_from_release_to_release():
    (case,) = draw("x:float32[2]", "n:int64[4]")
    assert case["x"] == pytest.approx([-0.72249424, -0.3816814])
    assert case["n"].tolist() == [2, 0, 5, 7]


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ("x:uint8[2]=0..256", "input x:uint8[2]: the range 0..256 does not fit uint8", "from 0 to 255"),
        ("x:bool[2]=0..2", "does not fit bool", "from 0 to 1"),
        ("x:int64[2]=0.5..2", "the range 0.5..2 does not fit int64", "in whole numbers"),
        ("x:float16[2]=0..1e6", "does not fit float16", "from -65504 to 65504"),
    ],
)
def test_range_beyond_the_dtype_is_refused(text, message, hint):
    with pytest.raises(SourceError) as caught:
        draw(text)
    assert message in caught.value.message
    assert hint in caught.value.hint


IMAGE, IDS = np.arange(4, dtype=np.float32).reshape(1, 4), np.array([1, 2])


def test_user_files_are_cases_in_order(tmp_path):
    np.savez(tmp_path / "b.npz", ids=IDS, image=IMAGE)
    np.savez_compressed(tmp_path / "a.npz", image=(IMAGE + 1).astype(">f4"), ids=IDS)
    inputs = [parse_input("image:float32[1,4]"), parse_input("ids:int64[2]")]
    cases = [read_arrays(tmp_path / name, [one.tensor for one in inputs]) for name in ("b.npz", "a.npz")]
    assert [list(case) for case in cases] == [["image", "ids"]] * 2
    assert [case["image"].tolist() for case in cases] == [IMAGE.tolist(), (IMAGE + 1).tolist()]
    assert cases[1]["image"].dtype == np.dtype("float32")


def test_lone_array_is_the_only_input(tmp_path):
    np.save(tmp_path / "one.npy", IMAGE)
    case = read_arrays(tmp_path / "one.npy", [parse_input("image:float32[1,4]").tensor])
    assert case["image"].tolist() == IMAGE.tolist()


def savez(path, **arrays):
    np.savez(path, **arrays)


def damage(path, at):
    np.savez(path, image=IMAGE, ids=IDS)
    data = bytearray(path.read_bytes())
    data[at] ^= 0x10
    path.write_bytes(data)


def truncate(path):
    np.savez(path, image=IMAGE, ids=IDS)
    path.write_bytes(path.read_bytes()[:200])


def lone_array(path):
    with path.open("wb") as file:
        np.save(file, IMAGE)


def zip_of_text(path):
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("image.npy", "not an array")


@pytest.mark.parametrize(
    ("make", "message", "hint"),
    [
        (lambda path: None, "no such file: ", "did you mean case_1.npz?"),
        (lambda path: savez(path, image=IMAGE), "has no array for input 'ids'", "add one of ids:int64[2]"),
        (lambda path: savez(path, image=IMAGE, idz=IDS), "the model has no input 'idz'", "did you mean ids?"),
        (
            lambda path: savez(path, image=IMAGE[0], ids=IDS),
            "'image' has shape [4], the model takes [1, 4]",
            "give an array of image:float32[1,4]",
        ),
        (
            lambda path: savez(path, image=IMAGE.astype(np.float64), ids=IDS),
            "'image' has dtype float64, the model takes float32",
            ".astype('float32')",
        ),
        (
            lambda path: savez(path, image=np.array([None], dtype=object), ids=IDS),
            "holds an array of Python objects, and reading it would run code",
            "numbers",
        ),
        (lambda path: path.write_bytes(b"not an archive"), "is not an .npz or .npy file", "numpy.savez"),
        (lambda path: path.write_bytes(b""), "is not an .npz or .npy file", "numpy.savez"),
        (lambda path: damage(path, 180), "is not an .npz or .npy file, or is damaged", "numpy.savez"),
        (truncate, "is not an .npz or .npy file, or is damaged", "numpy.savez"),
        (zip_of_text, "is not an .npz or .npy file, or is damaged", "numpy.savez"),
        (lone_array, "one array, and the model has 2 inputs", "image=…, ids=…"),
    ],
)
def test_file_that_does_not_fit_is_refused(tmp_path, make, message, hint):
    np.savez(tmp_path / "case_1.npz", image=IMAGE, ids=IDS)
    path = tmp_path / "case_2.npz"
    make(path)
    with pytest.raises(SourceError) as caught:
        read_arrays(path, [parse_input("image:float32[1,4]").tensor, parse_input("ids:int64[2]").tensor])
    assert message in caught.value.message
    assert hint in caught.value.hint
    assert caught.value.exit_code == 3


def test_integers_that_nobody_gave_a_range_are_warned_of():
    texts = ("x:float32[2]", "on:bool[2]", "count:int64[2]=0..5", "token:int64[1,4]", "byte:uint8[3]")
    assert undeclared_ranges([parse_input(text) for text in texts]) == (
        "input 'token' was tried with integers from 0 to 9 only; say which ones occur: "
        "--input token:int64[1,4]=LOW..HIGH",
        "input 'byte' was tried with integers from 0 to 9 only; say which ones occur: "
        "--input byte:uint8[3]=LOW..HIGH",
    )
