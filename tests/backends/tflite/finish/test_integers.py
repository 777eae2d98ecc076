"""Quantised layers and means take the forms that round the same everywhere, and compute what they did."""

import numpy as np
import pytest
from little_files import Builder, kinds, run

from edgepack.backends.tflite.finish.integers import finish_integers
from edgepack.backends.tflite.finish.model import FlatModel
from edgepack.backends.tflite.layers import read_layers

RNG = np.random.default_rng(0)
POINT = -5
SCALE = 0.0213


def finished(path, steps=0):
    """Finish a file in place, and check that it computes what it did, up to so many steps."""
    before = run(path)
    finish_integers(path)
    for got, expected in zip(run(path), before, strict=True):
        assert (got.shape, got.dtype) == (expected.shape, expected.dtype)
        assert np.abs(got.astype(int) - expected).max() <= steps
    assert len(np.unique(before[0])) > 3, "or nothing is proven"
    return kinds(path)


def given(builder, shape):
    return builder.input(shape, np.int8, scale=SCALE, zero_point=POINT)


def weights(builder, outputs, width, *, channels=True):
    scale = RNG.uniform(0.002, 0.004, outputs if channels else 1)
    value = RNG.integers(-127, 128, (outputs, width), np.int8)
    return builder.tensor(value.shape, np.int8, value, scale=scale)


def layer(builder, tensor, matrix, shape, *, bias=True, **options):
    outputs, width = builder.shape(matrix)
    more = -1
    if bias:
        value = RNG.integers(-3000, 3000, outputs).astype(np.int32)
        scale = SCALE * np.array(builder.graph.tensors[matrix].quantization.scale)
        more = builder.tensor(value.shape, np.int32, value, scale=scale)
    return builder.op(
        *("FULLY_CONNECTED", [tensor, matrix, more], shape, np.int8, 0.0091 * width**0.5, 3),
        type="FullyConnectedOptions",
        version=6,
        **options,
    )


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize(
    ("before", "after", "reshapes"),
    [
        ((1, 32), (1, 10), 2),
        ((12, 32), (12, 10), 2),
        ((1, 12, 32), (1, 12, 10), 2),
        ((1, 1, 1, 32), (1, 10), 1),
        ((1, 1, 12, 32), (1, 1, 12, 10), 0),
        ((2, 3, 4, 32), (2, 3, 4, 10), 2),
    ],
)
def test_a_layer_with_a_scale_for_each_output_is_a_convolution(before, after, reshapes, bias, tmp_path):
    builder = Builder()
    tensor = layer(
        builder,
        given(builder, before),
        weights(builder, 10, 32),
        after,
        bias=bias,
        keepNumDims=len(before) == len(after),
    )
    counted = finished(builder.write(tmp_path / "file.tflite", tensor))
    assert counted == {"CONV_2D": 1} | ({"RESHAPE": reshapes} if reshapes else {})


def test_its_activation_goes_along(tmp_path):
    builder = Builder()
    tensor = layer(builder, given(builder, (1, 32)), weights(builder, 10, 32), (1, 10))
    builder.graph.operators[0].builtinOptions.fusedActivationFunction = 1
    path = builder.write(tmp_path / "file.tflite", tensor)
    assert finished(path)["CONV_2D"] == 1
    (got,) = run(path)
    assert got.min() == 3, "the zero point"


def test_layers_with_one_scale_and_layers_of_floats_stay(tmp_path):
    builder = Builder()
    tensor = layer(builder, given(builder, (1, 32)), weights(builder, 10, 32, channels=False), (1, 10))
    floats = builder.op(
        "FULLY_CONNECTED",
        [builder.input((1, 4)), builder.constant(RNG.normal(size=(5, 4)))],
        (1, 5),
        type="FullyConnectedOptions",
        version=6,
    )
    path = builder.write(tmp_path / "file.tflite", tensor, floats)
    before = path.read_bytes()
    finish_integers(path)
    assert path.read_bytes() == before


def test_layers_that_share_what_they_read_share_its_other_shape_and_their_weights(tmp_path):
    builder = Builder()
    tensor, matrix = given(builder, (4, 64)), weights(builder, 64, 64)
    outputs = [layer(builder, tensor, matrix, (4, 64), bias=bias) for bias in (True, False, False)]
    path = builder.write(tmp_path / "file.tflite", *outputs)
    size = path.stat().st_size
    assert finished(path) == {"CONV_2D": 3, "RESHAPE": 4}
    assert path.stat().st_size < size + 64 * 64
    filters = {one.inputs[1] for one in FlatModel.read(path).operators if one.kind == "CONV_2D"}
    assert len(filters) == 1


def test_layers_behind_each_other_and_what_is_between_have_no_reshape_between_them(tmp_path):
    builder = Builder()
    tensor = given(builder, (1, 16))
    read = layer(builder, tensor, weights(builder, 16, 16), (1, 16))
    kept = layer(builder, tensor, weights(builder, 16, 16), (1, 16))
    both = builder.op("ADD", [read, kept], (1, 16), np.int8, 0.05, 7, type="AddOptions", version=2)
    shift = builder.tensor((16,), np.int8, RNG.integers(-99, 99, 16, np.int8), scale=0.02)
    both = builder.op("MUL", [both, shift], (1, 16), np.int8, 0.06, 1, type="MulOptions", version=2)
    gate = builder.op("LOGISTIC", [both], (1, 16), np.int8, 1 / 256, -128, version=2)
    last = layer(builder, gate, weights(builder, 5, 16), (1, 5))
    path = builder.write(tmp_path / "file.tflite", last)
    named = {one.name for one in read_layers(path)}
    assert finished(path) == {"CONV_2D": 3, "ADD": 1, "MUL": 1, "LOGISTIC": 1, "RESHAPE": 2}
    assert named - {one.name for one in read_layers(path)} == set(), "reports compare layers by name"


def test_a_state_that_goes_from_step_to_step_stays_in_the_layers_shape(tmp_path):
    builder = Builder()
    state, matrix = given(builder, (1, 16)), weights(builder, 16, 16)
    steps = []
    for _ in range(3):
        read = layer(builder, state, matrix, (1, 16))
        gate = builder.op("LOGISTIC", [read], (1, 16), np.int8, 1 / 256, -128, version=2)
        state = builder.op("MUL", [gate, state], (1, 16), np.int8, SCALE, POINT, type="MulOptions", version=2)
        steps.append(state)
    path = builder.write(
        tmp_path / "file.tflite",
        builder.op(
            "CONCATENATION", steps, (3, 16), np.int8, SCALE, POINT, type="ConcatenationOptions", version=2
        ),
    )
    assert finished(path) == {"CONV_2D": 3, "LOGISTIC": 3, "MUL": 3, "CONCATENATION": 1, "RESHAPE": 4}


def test_a_reshape_is_not_moved_where_somebody_needs_it_or_values_are_spread(tmp_path):
    builder = Builder()
    read = layer(builder, given(builder, (4, 16)), weights(builder, 16, 16), (4, 16))
    added = builder.op(
        "ADD", [read, given(builder, (4, 16))], (4, 16), np.int8, 0.08, 0, type="AddOptions", version=2
    )
    kept = builder.op("LOGISTIC", [read], (4, 16), np.int8, 1 / 256, -128, version=2)
    rows = builder.tensor((4, 1), np.int8, RNG.integers(-99, 99, (4, 1), np.int8), scale=0.02)
    wide = layer(builder, given(builder, (2, 4, 16)), weights(builder, 16, 16), (2, 4, 16), keepNumDims=True)
    spread = builder.op("MUL", [wide, rows], (2, 4, 16), np.int8, 0.06, 1, type="MulOptions", version=2)
    path = builder.write(tmp_path / "file.tflite", added, kept, spread, read)
    assert finished(path) == {"CONV_2D": 2, "ADD": 1, "LOGISTIC": 1, "MUL": 1, "RESHAPE": 4}


def mean(builder, shape, axes, after, *, keep=True):
    axis = builder.constant(np.array(axes))
    return builder.op(
        *("MEAN", [given(builder, shape), axis], after, np.int8, SCALE / 2, 11),
        type="ReducerOptions",
        keepDims=keep,
        version=2,
    )


@pytest.mark.parametrize(
    ("shape", "axes", "after", "expected"),
    [
        ((1, 12, 32), [2], (1, 12, 1), {"FULLY_CONNECTED": 1}),
        ((1, 12, 32), [-1], (1, 12), {"FULLY_CONNECTED": 1, "RESHAPE": 2}),
        ((2, 3, 4, 5), [3, 2], (2, 3, 1, 1), {"FULLY_CONNECTED": 1, "RESHAPE": 2}),
        ((8, 30, 1), [1], (8, 1, 1), {"FULLY_CONNECTED": 1, "RESHAPE": 2}),
        ((1, 12, 32), [1], (1, 32), {"MEAN": 1, "RESHAPE": 2}),
        ((3, 12, 8), [1], (3, 1, 8), {"MEAN": 1, "RESHAPE": 2}),
        ((6, 5, 8), [0], (5, 8), {"MEAN": 1, "RESHAPE": 2}),
        ((2, 3, 4, 5, 6), [2, 3], (2, 3, 6), {"MEAN": 1, "RESHAPE": 2}),
        ((2, 7, 5, 8), [1, 2], (2, 1, 1, 8), {"MEAN": 1}),
        ((2, 7, 5, 8), [2], (2, 7, 1, 8), {"MEAN": 1}),
        ((2, 7, 5, 8), [0, 2], (1, 7, 1, 8), {"MEAN": 1}),
    ],
)
def test_a_mean_has_a_form_that_is_the_same_everywhere(shape, axes, after, expected, tmp_path):
    builder = Builder()
    path = builder.write(
        tmp_path / "file.tflite", mean(builder, shape, axes, after, keep=len(shape) == len(after))
    )
    # Kernels differ in how they round: that is what it is about.
    assert finished(path, steps=1) == expected


def test_means_of_as_many_values_share_their_weights(tmp_path):
    builder = Builder()
    means = [mean(builder, (4, 500), [1], (4, 1)) for _ in range(3)]
    path = builder.write(tmp_path / "file.tflite", *means)
    size = path.stat().st_size
    assert finished(path, steps=1) == {"FULLY_CONNECTED": 3}
    assert path.stat().st_size < size + 2 * 500
