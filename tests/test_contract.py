"""Tensors across an artifact's border, both ways."""

import numpy as np
import pytest

from edgepack.bundle.manifest import TensorContract
from edgepack.contract import inputs_by_position, outputs_by_name, to_file, to_source
from edgepack.errors import SourceError
from edgepack.model import TensorSpec


def contract(dtype="float32", shape=(2, 4, 3), axes=(0, 2, 1), **more):
    return TensorContract("x", 0, dtype, shape, axes, **more)


def test_a_file_element_is_the_source_element_at_the_axes_it_names():
    source = np.arange(24, dtype=np.float32).reshape(2, 3, 4)
    file = to_file(source, contract())
    assert file.flags.c_contiguous
    assert file.shape == (2, 4, 3)
    assert file[1, 3, 2] == source[1, 2, 3]


@pytest.mark.parametrize(
    ("source", "axes", "file"),
    [
        ((), (), ()),
        ((), (), (1,)),
        ((1, 5), (0, 1), (5,)),
        ((5,), (0,), (1, 5)),
        ((1, 3, 4, 5), (0, 2, 3, 1), (4, 5, 3)),
        ((2, 3, 4, 5, 6), (4, 0, 3, 1, 2), (6, 2, 5, 3, 4)),
        ((0, 3), (1, 0), (3, 0)),
    ],
)
def test_there_and_back_is_the_same_tensor(source, axes, file):
    spec = TensorSpec("x", "float32", source)
    array = np.random.default_rng(0).normal(size=source).astype(np.float32)
    there = to_file(array, contract(shape=file, axes=axes))
    back = to_source(there, contract(shape=file, axes=axes), spec)
    assert there.shape == file
    np.testing.assert_array_equal(back, array, strict=True)


@pytest.mark.parametrize(
    ("array", "dtype"),
    [
        (np.array([2**31 - 1, -(2**31)]), "int32"),
        (np.array([True, False]), "uint8"),
        (np.array([2**24]), "float32"),
        (np.array([1e-300, np.inf, np.nan]), "float32"),
    ],
)
def test_values_that_the_file_can_hold_pass(array, dtype):
    file = to_file(array, contract(dtype, array.shape, (0,)))
    assert file.dtype == dtype
    np.testing.assert_allclose(file.astype(array.dtype), array, atol=1e-30)


@pytest.mark.parametrize(
    ("array", "dtype", "shown"),
    [
        (np.array([7, 2**31]), "int32", "2147483648"),
        (np.array([-1]), "uint8", "-1"),
        (np.array([2]), "bool", "2"),
        (np.array([2**24 + 1]), "float32", "16777217"),
        (np.array([2**63 - 1]), "float32", "9223372036854775807"),
        (np.array([0.5]), "int32", "0.5"),
        (np.array([np.nan]), "int32", "nan"),
        (np.array([1e39]), "float32", "1e+39"),
    ],
)
def test_a_value_that_the_file_cannot_hold_is_refused(array, dtype, shown):
    with pytest.raises(SourceError) as caught:
        to_file(array, contract(dtype, array.shape, (0,)))
    assert caught.value.message == f"x: {shown} cannot be held in {dtype}"
    assert caught.value.hint == f"the file holds this tensor as {dtype}; keep its values within that"
    assert caught.value.exit_code == 3


def test_quantising_rounds_and_clamps_and_comes_back_to_real_values():
    terms = contract("int8", (5,), (0,), scale=(0.5,), zero_point=(-3,))
    file = to_file(np.array([0.0, 1.0, -0.6, 1e6, -1e6], np.float32), terms)
    np.testing.assert_array_equal(file, np.array([-3, -1, -4, 127, -128], np.int8), strict=True)
    back = to_source(file, terms, TensorSpec("x", "float32", (5,)))
    np.testing.assert_array_equal(back, np.array([0, 1, -0.5, 65, -62.5], np.float32), strict=True)


def test_several_scales_belong_to_the_files_last_axis():
    terms = contract("uint8", (1, 3, 2), (0, 2, 1), scale=(0.1, 2.0), zero_point=(0, 10))
    array = np.array([[[0.1, 0.2, 0.3], [2, 4, 6]]], np.float32)
    file = to_file(array, terms)
    np.testing.assert_array_equal(file, np.array([[[1, 11], [2, 12], [3, 13]]], np.uint8), strict=True)
    np.testing.assert_allclose(to_source(file, terms, TensorSpec("x", "float32", (1, 2, 3))), array)


@pytest.mark.parametrize(
    ("terms", "words"),
    [
        (contract(axes=(0, 1)), "shape [2, 3, 4] cannot become the file's shape [2, 4, 3] with axes [0, 1]"),
        (contract(shape=(2, 4, 4)), "shape [2, 3, 4] cannot become"),
        (contract("int8", scale=(1.0, 2.0), zero_point=(0, 0)), "2 scales and 2 zero points do not fit"),
        (contract("int8", scale=(1.0,), zero_point=()), "1 scales and 0 zero points do not fit"),
    ],
)
def test_a_contract_that_does_not_fit_the_array_is_refused(terms, words):
    with pytest.raises(SourceError, match="x: ") as caught:
        to_file(np.zeros((2, 3, 4), np.float32), terms)
    assert words in caught.value.message


def test_not_a_number_cannot_be_quantised():
    terms = contract("int8", (1,), (0,), scale=(0.5,), zero_point=(0,))
    with pytest.raises(SourceError) as caught:
        to_file(np.array([np.nan], np.float32), terms)
    assert caught.value.message == "x: not a number cannot be quantised to int8"


def test_an_output_that_does_not_fit_the_source_is_refused():
    with pytest.raises(SourceError) as caught:
        to_source(
            np.zeros((2, 4), np.float32),
            contract(shape=(2, 4), axes=(0, 1)),
            TensorSpec("x", "float32", (2, 3)),
        )
    assert "cannot become x:float32[2,3]" in caught.value.message


def test_a_case_goes_in_by_the_files_positions_and_comes_out_by_name():
    first = TensorContract("b", 0, "float32", (3, 2), (1, 0))
    second = TensorContract("a", 1, "int32", (2,), (0,))
    feed = {"a": np.array([5, 6]), "b": np.arange(6, dtype=np.float32).reshape(2, 3)}
    inside = inputs_by_position(feed, [second, first])
    np.testing.assert_array_equal(inside[0], feed["b"].T, strict=True)
    np.testing.assert_array_equal(inside[1], np.array([5, 6], np.int32), strict=True)
    specs = [TensorSpec("a", "int64", (2,)), TensorSpec("b", "float32", (2, 3))]
    outside = outputs_by_name(inside, [second, first], specs)
    assert sorted(outside) == ["a", "b"]
    for name, array in feed.items():
        np.testing.assert_array_equal(outside[name], array, strict=True)


def test_output_that_the_file_does_not_have_is_named():
    beyond = TensorContract("a", 7, "float32", (2,), (0,))
    with pytest.raises(SourceError, match=r"a: it should be the file's output 7, .* and the file has 1$"):
        outputs_by_name([np.zeros(2, np.float32)], [beyond], [TensorSpec("a", "float32", (2,))])
