"""Which tensor of a file is which of the source's is found out by values; names and shapes only help."""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from edgepack.backends.tflite import backend
from edgepack.backends.tflite.contracts import find_contracts
from edgepack.bundle.manifest import GoldenCase
from edgepack.errors import ConversionError, VerificationFailed
from edgepack.golden_files import load_case, write_array
from edgepack.model import ModelSpec, TensorSpec
from edgepack.precision import PRECISIONS

TOLERANCE = PRECISIONS["float32"].tolerance


@pytest.fixture
def find(workers):
    def run(path, golden):
        worker = workers.start(*backend.run_modules)
        return worker.run(find_contracts, path, golden, TOLERANCE, name="find contract")

    return run


@pytest.fixture(scope="module")
def made(load, make):
    """A file and the golden cases it is right on."""

    @cache
    def run(model):
        context = load(model)
        return make(context).path, context.golden

    return run


def renamed(golden, names):
    """The same cases, tensors renamed and put in the order of `names`."""

    def specs(old):
        known = {spec.name: spec for spec in old}
        return tuple(replace(known[name], name=new) for name, new in names.items() if name in known)

    def files(old):
        return {names[name]: file for name, file in old.items()}

    model = ModelSpec(specs(golden.model.inputs), specs(golden.model.outputs))
    cases = tuple(GoldenCase(files(case.inputs), files(case.outputs)) for case in golden.cases)
    return replace(golden, model=model, cases=cases)


def replaced(golden, name, change):
    """The same cases, one output put through a function."""
    cases = []
    for index, case in enumerate(golden.cases):
        array = change(load_case(golden, index)[1][name])
        file = write_array(golden.root, f"changed/{index}.bin", array)
        cases.append(replace(case, outputs={**case.outputs, name: file}))
    outputs = tuple(
        TensorSpec(name, str(array.dtype), array.shape) if spec.name == name else spec
        for spec in golden.model.outputs
    )
    return replace(golden, model=replace(golden.model, outputs=outputs), cases=tuple(cases))


def test_inputs_and_outputs_of_one_shape_are_told_apart_by_values_alone(made, find):
    path, golden = made("two_by_two")
    # In another order than the file's, under names that the file does not know.
    inputs, outputs = find(path, renamed(golden, {"far": "b", "near": "a", "sum": "c"}))
    assert [(one.index, one.name) for one in inputs] == [(0, "a"), (1, "b")]
    assert [(one.index, one.name) for one in outputs] == [(0, "c"), (1, "b")]


def test_names_that_tell_lies_are_overruled(made, find):
    path, golden = made("two_by_two")
    inputs, outputs = find(path, renamed(golden, {"near": "far", "far": "near", "sum": "far"}))
    assert [(one.index, one.name) for one in inputs] == [(0, "far"), (1, "near")]
    assert [(one.index, one.name) for one in outputs] == [(0, "far"), (1, "near")]


def test_axes_of_equal_size_are_told_apart_by_values(made, find):
    path, golden = made("square_image")
    turned = replaced(golden, "output", lambda array: np.ascontiguousarray(array.transpose(0, 3, 1, 2)))
    (contract,) = find(path, turned)[1]
    # The file has height, width, channels; the changed source has width, channels, height.
    assert contract.axes == (0, 3, 1, 2)


def test_a_wrong_output_is_refused_with_the_nearest_layouts_figures(made, find):
    path, golden = made("square_image")
    with pytest.raises(VerificationFailed) as caught:
        find(path, replaced(golden, "output", lambda array: array + np.float32(0.25)))
    (verdict,) = caught.value.details["comparisons"]
    assert (
        caught.value.message
        == f"computes something else in each of the 6 input layouts tried: {verdict.reason}"
    )
    assert caught.value.exit_code == 1
    assert verdict.max_error == pytest.approx(0.25, abs=1e-3)


def test_a_reference_that_is_never_a_number_fits_no_file(made, find):
    path, golden = made("image")
    with pytest.raises(VerificationFailed) as caught:
        find(path, replaced(golden, "output", lambda array: np.full_like(array, np.nan)))
    assert "NaN or infinity of the reference is missing" in caught.value.message


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda array: array[:, :, :3],
            "output output:float32[1,4,3,4] of the model has no counterpart among the file's: "
            "output:float32[1,7,4,4]",
        ),
        (
            lambda array: array.reshape(1, 16, 7),
            "output output:float32[1,16,7] of the model has no counterpart among the file's: "
            "output:float32[1,7,4,4]",
        ),
    ],
)
def test_an_output_of_another_shape_is_named(made, find, change, message):
    path, golden = made("image")
    with pytest.raises(ConversionError) as caught:
        find(path, replaced(golden, "output", change))
    assert caught.value.message == message


def test_whole_numbers_do_not_stand_for_floats(made, find):
    path, golden = made("lstm")
    with pytest.raises(ConversionError) as caught:
        find(path, replaced(golden, "output_1", lambda array: array.astype(np.float32)))
    assert caught.value.message.startswith("output output_1:float32[1,7] of the model has no counterpart")


def test_an_input_that_the_source_does_not_have_is_named(made, find):
    path, golden = made("two_by_two")
    alone = replace(golden, model=replace(golden.model, inputs=golden.model.inputs[:1]))
    with pytest.raises(ConversionError) as caught:
        find(path, alone)
    assert caught.value.message == (
        "input far.1:float32[1,8,8,3] of the file has no counterpart among the model's: near:float32[1,3,8,8]"
    )
