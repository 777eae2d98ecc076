"""Needless changes of layout go, whatever operators they stand between, and the file computes the same."""

import shutil

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from little_files import TO_CHANNELS_FIRST, TO_CHANNELS_LAST, Builder, kinds, run

from edgepack.backends.tflite.finish import finish

RNG = np.random.default_rng(0)
SHAPE = (1, 5, 7, 3)
FIRST = (1, 3, 5, 7)


def finished(path):
    """Finish a copy, and check that it computes what the file does."""
    copy = path.with_name("finished.tflite")
    shutil.copy(path, copy)
    finish(copy)
    for got, expected in zip(run(copy), run(path), strict=True):
        np.testing.assert_allclose(got, expected, rtol=2e-6, atol=2e-6, strict=True)
    return kinds(copy)


# Each is computed in channels-first order between two TRANSPOSEs: the inputs behind the data, the shape of
# the result, and the options.
BETWEEN = {
    "HARD_SWISH": ([], FIRST, {}),
    "LOGISTIC": ([], FIRST, {}),
    "ADD": ([RNG.normal(size=(1, 3, 1, 1))], FIRST, {"type": "AddOptions"}),
    "MUL": ([RNG.normal(size=(3, 1, 1))], FIRST, {"type": "MulOptions"}),
    "SUB": ([RNG.normal(size=(7,))], FIRST, {"type": "SubOptions"}),
    "DIV": ([np.array(3.0)], FIRST, {"type": "DivOptions"}),
    "PRELU": ([RNG.normal(size=(3, 1, 1))], FIRST, {}),
    "MEAN": ([np.array([2, -1])], (1, 3, 1, 1), {"type": "ReducerOptions", "keepDims": True}),
    "REDUCE_MAX": ([np.array([1])], (1, 1, 5, 7), {"type": "ReducerOptions", "keepDims": True}),
    "PAD": ([np.array([[0, 0], [1, 2], [0, 3], [4, 0]])], (1, 6, 8, 11), {"type": "PadOptions"}),
    "MIRROR_PAD": ([np.array([[0, 0], [0, 0], [2, 1], [0, 3]])], (1, 3, 8, 10), {"type": "MirrorPadOptions"}),
    "SLICE": ([np.array([0, 1, 2, 0]), np.array([1, 2, 3, 5])], (1, 2, 3, 5), {"type": "SliceOptions"}),
    "STRIDED_SLICE": (
        [np.array([0, 1, 4, 2]), np.array([1, 9, -9, 7]), np.array([1, 1, -2, 3])],
        (1, 2, 3, 2),
        {"type": "StridedSliceOptions", "endMask": 0b0110, "beginMask": 0b0001},
    ),
    "GATHER": ([np.array([2, 0, 1, 1])], (1, 4, 5, 7), {"type": "GatherOptions", "axis": 1, "batchDims": 0}),
    "TILE": ([np.array([1, 2, 1, 3])], (1, 6, 5, 21), {"type": "TileOptions"}),
    "REVERSE_V2": ([np.array([3])], FIRST, {"type": "ReverseV2Options"}),
    "CUMSUM": ([np.array(1)], FIRST, {"type": "CumsumOptions"}),
}


@pytest.mark.parametrize("kind", BETWEEN)
def test_an_operator_follows_the_layout_around_it(kind, tmp_path):
    others, shape, options = BETWEEN[kind]
    builder = Builder()
    first = builder.transpose(builder.input(SHAPE), TO_CHANNELS_FIRST)
    inputs = [first, *map(builder.constant, others)]
    last = builder.transpose(builder.op(kind, inputs, shape, **options), TO_CHANNELS_LAST)
    assert finished(builder.write(tmp_path / "file.tflite", last)) == {kind: 1}


def test_concatenation_split_and_select_follow(tmp_path):
    builder = Builder()
    image = builder.input(SHAPE)
    first = builder.transpose(image, TO_CHANNELS_FIRST)
    other = builder.constant(RNG.normal(size=(1, 2, 5, 7)))
    joined = builder.op("CONCATENATION", [first, other], (1, 5, 5, 7), type="ConcatenationOptions", axis=1)
    sizes = builder.constant(np.array([2, 3]))
    options = {"type": "SplitVOptions", "numSplits": 2}
    low, high = builder.op(
        "SPLIT_V", [joined, sizes, builder.constant(np.array(1))], [(1, 2, 5, 7), FIRST], **options
    )
    negative = builder.op(
        "LESS", [high, builder.constant(np.array(0.0))], FIRST, np.bool_, type="LessOptions"
    )
    chosen = builder.op("SELECT_V2", [negative, high, first], FIRST, type="SelectV2Options")
    outputs = [builder.transpose(one, TO_CHANNELS_LAST) for one in (low, chosen)]
    counted = finished(builder.write(tmp_path / "file.tflite", *outputs))
    assert counted == {"CONCATENATION": 1, "SPLIT_V": 1, "LESS": 1, "SELECT_V2": 1}


def test_a_global_mean_that_drops_its_axes_needs_no_layout(tmp_path):
    builder = Builder()
    first = builder.transpose(builder.input(SHAPE), TO_CHANNELS_FIRST)
    axes = builder.constant(np.array([2, 3]))
    mean = builder.op("MEAN", [first, axes], (1, 3), type="ReducerOptions", keepDims=False)
    assert finished(builder.write(tmp_path / "file.tflite", mean)) == {"MEAN": 1}


def test_a_mean_whose_other_axes_would_change_places_stays(tmp_path):
    builder = Builder()
    first = builder.transpose(builder.input(SHAPE), TO_CHANNELS_FIRST)
    mean = builder.op(
        "MEAN", [first, builder.constant(np.array([2]))], (1, 3, 7), type="ReducerOptions", keepDims=False
    )
    assert finished(builder.write(tmp_path / "file.tflite", mean)) == {"TRANSPOSE": 1, "MEAN": 1}


def test_squeeze_and_excitation(tmp_path):
    """What mobilenet_v3 comes out as: a gate computed from a global mean, by way of a RESHAPE each way."""
    builder = Builder()
    image = builder.input(SHAPE)
    first = builder.transpose(image, TO_CHANNELS_FIRST)
    bent = builder.op("HARD_SWISH", [first], FIRST)
    options = {"type": "ReducerOptions", "keepDims": True}
    mean = builder.op("MEAN", [bent, builder.constant(np.array([2, 3]))], (1, 3, 1, 1), **options)
    last = builder.op(
        "RESHAPE", [mean, builder.constant(np.array([1, 1, 1, 3]))], (1, 1, 1, 3), type="ReshapeOptions"
    )
    weights = [builder.constant(RNG.normal(size=(3, 1, 1, 3))), builder.constant(RNG.normal(size=3))]
    convolution = {"type": "Conv2DOptions", "strideH": 1, "strideW": 1, "padding": schema.Padding.VALID}
    convolution |= {"dilationHFactor": 1, "dilationWFactor": 1}
    made = builder.op("CONV_2D", [last, *weights], (1, 1, 1, 3), **convolution)
    gate = builder.op(
        "RESHAPE", [made, builder.constant(np.array([1, 3, 1, 1]))], (1, 3, 1, 1), type="ReshapeOptions"
    )
    gate = builder.op("LOGISTIC", [gate], (1, 3, 1, 1))
    product = builder.op("MUL", [gate, bent], FIRST, type="MulOptions")
    result = builder.transpose(product, TO_CHANNELS_LAST)
    counted = finished(builder.write(tmp_path / "file.tflite", result))
    assert counted == {"HARD_SWISH": 1, "MEAN": 1, "CONV_2D": 1, "LOGISTIC": 1, "MUL": 1}


def test_a_change_that_is_needed_stands_where_the_tensor_is_small(tmp_path):
    builder = Builder()
    first = builder.transpose(builder.input(SHAPE), TO_CHANNELS_FIRST)
    axes = builder.constant(np.array([3]))
    mean = builder.op("MEAN", [first, axes], (1, 3, 5, 1), type="ReducerOptions", keepDims=True)
    path = builder.write(tmp_path / "file.tflite", mean)
    assert finished(path) == {"MEAN": 1, "TRANSPOSE": 1}


def test_outputs_keep_their_layout_and_one_change_serves_all_that_need_it(tmp_path):
    builder = Builder()
    image = builder.input(SHAPE)
    first = builder.transpose(image, TO_CHANNELS_FIRST)
    again = builder.transpose(image, TO_CHANNELS_FIRST)
    one, other = (builder.op(kind, [tensor], FIRST) for kind, tensor in (("EXP", first), ("NEG", again)))
    path = builder.write(tmp_path / "file.tflite", one, other, first)
    assert finished(path) == {"TRANSPOSE": 1, "EXP": 1, "NEG": 1}


def test_empty_tensors_are_left_alone(tmp_path):
    builder = Builder()
    first = builder.transpose(builder.input(SHAPE), TO_CHANNELS_FIRST)
    nothing = builder.constant(np.zeros((1, 0, 5, 7)))
    joined = builder.op("CONCATENATION", [nothing, first], FIRST, type="ConcatenationOptions", axis=1)
    path = builder.write(tmp_path / "file.tflite", builder.transpose(joined, TO_CHANNELS_LAST))
    assert finished(path) == {"TRANSPOSE": 2, "CONCATENATION": 1}


def test_a_size_that_only_a_run_tells_is_no_axis_of_size_1(tmp_path):
    """The converter declares 1 for the number of places that WHERE finds."""
    builder = Builder()
    inputs = [builder.input((3, 4)), builder.constant(np.array(0.0))]
    found = builder.op("WHERE", [builder.op("GREATER", inputs, (3, 4), np.bool_)], (1, 2), np.int64)
    turned = builder.transpose(builder.leave_open(found, [-1, 2]), (1, 0))
    path = builder.write(tmp_path / "file.tflite", builder.leave_open(turned, [2, -1]))
    assert finished(path) == {"GREATER": 1, "WHERE": 1, "TRANSPOSE": 1}


def test_a_file_without_operators_is_not_touched(tmp_path):
    builder = Builder()
    path = builder.write(tmp_path / "file.tflite", builder.input(SHAPE))
    assert finished(path) == {}


def test_a_file_without_needless_operators_is_not_touched(tmp_path):
    builder = Builder()
    path = builder.write(tmp_path / "file.tflite", builder.op("EXP", [builder.input(SHAPE)], SHAPE))
    before = (path.read_bytes(), path.stat().st_mtime_ns)
    finish(path)
    assert (path.read_bytes(), path.stat().st_mtime_ns) == before


ORDERS = {3: [(0, 2, 1), (1, 0, 2)], 4: [TO_CHANNELS_FIRST, TO_CHANNELS_LAST, (0, 2, 1, 3), (3, 2, 1, 0)]}
UNARY = ("EXP", "NEG", "LOGISTIC", "ABS")


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_graph_computes_the_same_with_no_operator_more(data, tmp_path):
    rank = data.draw(st.sampled_from([3, 4]))
    builder = Builder()
    sizes = st.sampled_from([1, 2, 3])
    pool = [builder.input(data.draw(st.lists(sizes, min_size=rank, max_size=rank)))]
    for _ in range(data.draw(st.integers(2, 12))):
        tensor = data.draw(st.sampled_from(pool))
        pool.append(_random_operator(data, builder, pool, tensor, rank))
    path = builder.write(tmp_path / "file.tflite", *pool[-data.draw(st.integers(1, 2)) :])
    before, after = kinds(path), finished(path)
    assert after["TRANSPOSE"] <= before["TRANSPOSE"]
    assert after.total() <= before.total()


def _random_operator(data, builder, pool, tensor, rank):
    shape = builder.shape(tensor)
    choice = data.draw(
        st.sampled_from(["transpose", "transpose", "unary", "mean", "concat", "add", "softmax"])
    )
    if choice == "transpose":
        return builder.transpose(tensor, data.draw(st.sampled_from(ORDERS[rank])))
    if choice == "unary":
        return builder.op(data.draw(st.sampled_from(UNARY)), [tensor], shape)
    if choice == "softmax":
        return builder.op("SOFTMAX", [tensor], shape, type="SoftmaxOptions", beta=1.0)
    axis = data.draw(st.integers(0, rank - 1))
    if choice == "mean":
        kept = tuple(1 if k == axis else size for k, size in enumerate(shape))
        axes = builder.constant(np.array([axis]))
        return builder.op("MEAN", [tensor, axes], kept, type="ReducerOptions", keepDims=True)
    partner = data.draw(st.sampled_from([one for one in pool if builder.shape(one) == shape]))
    if choice == "add":
        return builder.op("ADD", [tensor, partner], shape, type="AddOptions")
    joined = tuple(2 * size if k == axis else size for k, size in enumerate(shape))
    return builder.op("CONCATENATION", [tensor, partner], joined, type="ConcatenationOptions", axis=axis)
