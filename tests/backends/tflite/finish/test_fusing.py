"""Operators that the runtime computes in one are joined, where nothing else needs what is between them."""

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from little_files import TO_CHANNELS_FIRST, Builder, finished

from edgepack.backends.tflite.finish import finish

RNG = np.random.default_rng(0)
IMAGE = (1, 5, 7, 3)
CONVOLUTION = {
    "strideH": 1,
    "strideW": 1,
    "dilationHFactor": 1,
    "dilationWFactor": 1,
    "padding": schema.Padding.VALID,
}
LOWEST = np.float32(np.finfo(np.float32).min)


def convolution(builder, tensor, *, depthwise=False, **options):
    shape = (1, 3, 3, 6) if depthwise else (6, 3, 3, 3)
    weights = [builder.constant(RNG.normal(size=shape)), builder.constant(RNG.normal(size=6))]
    kind = "DepthwiseConv2DOptions" if depthwise else "Conv2DOptions"
    more = {"depthMultiplier": 2} if depthwise else {}
    name = "DEPTHWISE_CONV_2D" if depthwise else "CONV_2D"
    return builder.op(name, [tensor, *weights], (1, 3, 5, 6), type=kind, **CONVOLUTION, **more, **options)


@pytest.mark.parametrize("depthwise", [False, True])
@pytest.mark.parametrize("factors", [np.array([1 / 6]), RNG.normal(size=6), RNG.normal(size=(1, 1, 1, 6))])
def test_scale_shift_and_activation_go_into_a_convolution(depthwise, factors, tmp_path):
    builder = Builder()
    tensor = convolution(builder, builder.input(IMAGE), depthwise=depthwise)
    tensor = builder.op("MUL", [tensor, builder.constant(factors)], (1, 3, 5, 6), type="MulOptions")
    tensor = builder.op("ADD", [tensor, builder.constant(np.array([0.5]))], (1, 3, 5, 6), type="AddOptions")
    tensor = builder.op("RELU", [tensor], (1, 3, 5, 6))
    counted = finished(builder.write(tmp_path / "file.tflite", tensor))
    assert counted == {"DEPTHWISE_CONV_2D" if depthwise else "CONV_2D": 1}


def test_a_fully_connected_layer_takes_them_too(tmp_path):
    builder = Builder()
    weights = [builder.constant(RNG.normal(size=(4, 3))), builder.constant(RNG.normal(size=4))]
    tensor = builder.op(
        "FULLY_CONNECTED", [builder.input((2, 3)), *weights], (2, 4), type="FullyConnectedOptions"
    )
    tensor = builder.op("MUL", [tensor, builder.constant(RNG.normal(size=4))], (2, 4), type="MulOptions")
    tensor = builder.op("RELU6", [tensor], (2, 4))
    assert finished(builder.write(tmp_path / "file.tflite", tensor)) == {"FULLY_CONNECTED": 1}


def test_a_convolution_over_three_axes_takes_an_activation(tmp_path):
    builder = Builder()
    weights = [builder.constant(RNG.normal(size=(1, 2, 2, 3, 4))), builder.constant(RNG.normal(size=4))]
    sums = builder.op(
        *("CONV_3D", [builder.input((1, 2, 5, 6, 3)), *weights], (1, 2, 4, 5, 4)),
        type="Conv3DOptions",
        padding=schema.Padding.VALID,
        **{f"stride{axis}": 1 for axis in "DHW"},
    )
    path = builder.write(tmp_path / "file.tflite", builder.op("RELU6", [sums], (1, 2, 4, 5, 4)))
    assert finished(path) == {"CONV_3D": 1}


def test_what_somebody_else_reads_is_left_alone(tmp_path):
    builder = Builder()
    sums = convolution(builder, builder.input(IMAGE))
    bent = builder.op("RELU", [sums], (1, 3, 5, 6))
    scaled = builder.op("MUL", [sums, builder.constant(np.array([2.0]))], (1, 3, 5, 6), type="MulOptions")
    path = builder.write(tmp_path / "file.tflite", bent, scaled)
    assert finished(path) == {"CONV_2D": 1, "RELU": 1, "MUL": 1}


def test_an_activation_in_between_keeps_them_apart(tmp_path):
    builder = Builder()
    relu = schema.ActivationFunctionType.RELU
    sums = convolution(builder, builder.input(IMAGE), fusedActivationFunction=relu)
    scaled = builder.op("MUL", [sums, builder.constant(np.array([-2.0]))], (1, 3, 5, 6), type="MulOptions")
    bent = builder.op("RELU6", [scaled], (1, 3, 5, 6))
    assert finished(builder.write(tmp_path / "file.tflite", bent)) == {"CONV_2D": 1, "MUL": 1}


@pytest.mark.parametrize(("shift", "left"), [(9.0, {"CONV_2D": 1}), (1e4, {"CONV_2D": 1, "ADD": 1})])
def test_a_shift_far_above_the_bias_would_not_fit_into_a_quantised_one(shift, left, tmp_path):
    builder = Builder()
    sums = convolution(builder, builder.input(IMAGE))
    shifted = builder.op("ADD", [sums, builder.constant(np.array([shift]))], (1, 3, 5, 6), type="AddOptions")
    assert finished(builder.write(tmp_path / "file.tflite", shifted)) == left


def test_operators_without_options_are_read_as_the_runtime_does(tmp_path):
    """Options that hold nothing but defaults may be left out."""
    builder = Builder()
    image = builder.input(IMAGE)
    doubled = builder.op("ADD", [image, image], IMAGE)
    path = builder.write(tmp_path / "file.tflite", builder.op("RELU", [doubled], IMAGE))
    assert finished(path) == {"ADD": 1, "RELU": 1}


def test_factors_along_other_axes_are_left_alone(tmp_path):
    builder = Builder()
    sums = convolution(builder, builder.input(IMAGE))
    along_rows = builder.constant(RNG.normal(size=(1, 3, 1, 1)))
    scaled = builder.op("MUL", [sums, along_rows], (1, 3, 5, 6), type="MulOptions")
    assert finished(builder.write(tmp_path / "file.tflite", scaled)) == {"CONV_2D": 1, "MUL": 1}


def test_of_several_reshapes_the_last_is_enough_and_none_before_a_layer_of_rows(tmp_path):
    builder = Builder()
    tensor = builder.input((1, 1, 2, 3))
    for shape in ((1, 6), (3, 2), (2, 1, 3)):
        target = builder.constant(np.array(shape))
        tensor = builder.op("RESHAPE", [tensor, target], shape, type="ReshapeOptions", newShape=list(shape))
    path = builder.write(tmp_path / "file.tflite", tensor)
    assert finished(path) == {"RESHAPE": 1}

    builder = Builder()
    tensor = builder.input((1, 1, 1, 6))
    flat = builder.op("RESHAPE", [tensor, builder.constant(np.array([1, 6]))], (1, 6), type="ReshapeOptions")
    weights = [builder.constant(RNG.normal(size=(4, 6))), builder.constant(RNG.normal(size=4))]
    rows = builder.op("FULLY_CONNECTED", [flat, *weights], (1, 4), type="FullyConnectedOptions")
    assert finished(builder.write(tmp_path / "file.tflite", rows)) == {"FULLY_CONNECTED": 1}


@pytest.mark.parametrize(
    ("size", "window", "stride", "pads", "left"),
    [
        (7, 3, 1, (1, 1), {"MAX_POOL_2D": 1}),
        (7, 3, 2, (1, 1), {"MAX_POOL_2D": 1}),
        (8, 3, 2, (0, 1), {"MAX_POOL_2D": 1}),
        (8, 3, 2, (1, 1), {"PADV2": 1, "MAX_POOL_2D": 1}),
        (7, 2, 1, (1, 1), {"PADV2": 1, "MAX_POOL_2D": 1}),
    ],
)
def test_a_pool_pads_by_itself_where_that_is_the_same(size, window, stride, pads, left, tmp_path):
    builder = Builder()
    counts = builder.constant(np.array([[0, 0], pads, pads, [0, 0]]))
    padded = size + sum(pads)
    shape = (1, padded, padded, 2)
    inputs = [builder.input((1, size, size, 2)), counts, builder.constant(np.array([LOWEST]))]
    tensor = builder.op("PADV2", inputs, shape, type="PadV2Options")
    options = {"filterHeight": window, "filterWidth": window, "strideH": stride, "strideW": stride}
    result = (padded - window) // stride + 1
    tensor = builder.op(
        "MAX_POOL_2D",
        [tensor],
        (1, result, result, 2),
        type="Pool2DOptions",
        padding=schema.Padding.VALID,
        **options,
    )
    assert finished(builder.write(tmp_path / "file.tflite", tensor)) == left


def test_buffers_lie_where_the_schema_wants_them(tmp_path):
    builder = Builder()
    tensor = builder.op("RELU", [convolution(builder, builder.input(IMAGE))], (1, 3, 5, 6))
    path = builder.write(tmp_path / "file.tflite", tensor)
    finish(path)
    model = schema.Model.GetRootAs(path.read_bytes(), 0)
    field = 4  # of the vector `data`, the first in the table Buffer
    starts = [
        buffer._tab.Vector(buffer._tab.Offset(field))
        for buffer in map(model.Buffers, range(model.BuffersLength()))
        if buffer.DataLength()
    ]
    assert len(starts) == 2
    assert [start % 16 for start in starts] == [0, 0]
    assert model.OperatorCodesLength() == 1


def test_columns_of_weights_take_the_order_of_what_was_transposed_before_them(tmp_path):
    builder = Builder()
    first = builder.transpose(builder.input((2, 3, 4, 5)), TO_CHANNELS_FIRST)
    rows = builder.op("RESHAPE", [first, builder.constant(np.array([2, 60]))], (2, 60))
    weights, bias = builder.constant(RNG.normal(size=(7, 60))), builder.constant(RNG.normal(size=7))
    layer = builder.op("FULLY_CONNECTED", [rows, weights, bias], (2, 7), type="FullyConnectedOptions")
    path = builder.write(tmp_path / "file.tflite", layer)
    assert finished(path) == {"RESHAPE": 1, "FULLY_CONNECTED": 1}


def test_weights_that_others_read_too_keep_their_order(tmp_path):
    builder = Builder()
    image = builder.input((2, 3, 4, 5))
    shape, weights = builder.constant(np.array([2, 60])), builder.constant(RNG.normal(size=(7, 60)))
    bias = builder.constant(RNG.normal(size=7))
    turned = builder.op("RESHAPE", [builder.transpose(image, TO_CHANNELS_FIRST), shape], (2, 60))
    plain = builder.op("RESHAPE", [image, shape], (2, 60))
    layers = [
        builder.op("FULLY_CONNECTED", [rows, weights, bias], (2, 7), type="FullyConnectedOptions")
        for rows in (turned, plain)
    ]
    assert finished(builder.write(tmp_path / "file.tflite", *layers))["TRANSPOSE"] == 1


def _turned_around_reshape(builder, shape, first, between, second):
    turned = builder.transpose(builder.input(shape), first)
    reshaped = builder.op(
        "RESHAPE", [turned, builder.constant(np.array(between))], between, type="ReshapeOptions"
    )
    return builder.transpose(reshaped, second)


@pytest.mark.parametrize(
    ("shape", "first", "between", "second"),
    [
        # A picture is cut into windows, and put together again.
        ((1, 6, 4, 5), (0, 3, 1, 2), (1, 5, 2, 3, 2, 2), (0, 2, 4, 3, 5, 1)),
        ((1, 2, 2, 3, 2, 5), (0, 5, 1, 3, 2, 4), (1, 5, 6, 4), (0, 2, 3, 1)),
        ((2, 3, 1, 5), (3, 1, 0, 2), (15, 2), (1, 0)),
        ((4, 9), (1, 0), (3, 3, 2, 2), (2, 0, 3, 1)),
    ],
)
def test_transposes_around_a_reshape_of_whole_axes_are_one(tmp_path, shape, first, between, second):
    builder = Builder()
    result = _turned_around_reshape(builder, shape, first, between, second)
    path = builder.write(tmp_path / "file.tflite", builder.op("EXP", [result], builder.shape(result)))
    assert finished(path) == {"TRANSPOSE": 1, "RESHAPE": 1, "EXP": 1}


@pytest.mark.parametrize("between", [(1, 5, 4, 6), (1, 5, 3, 8)])
def test_transposes_around_another_reshape_stay(tmp_path, between):
    builder = Builder()
    result = _turned_around_reshape(builder, (1, 6, 4, 5), (0, 3, 1, 2), between, (0, 2, 1, 3))
    path = builder.write(tmp_path / "file.tflite", builder.op("EXP", [result], builder.shape(result)))
    assert finished(path)["TRANSPOSE"] == 2


@pytest.mark.parametrize("turned_already", [False, True])
def test_a_product_turns_its_right_operand_itself(tmp_path, turned_already):
    builder = Builder()
    keys = builder.transpose(
        builder.input((2, 4, 3, 5) if not turned_already else (2, 4, 5, 3)), (0, 1, 3, 2)
    )
    product = builder.op(
        "BATCH_MATMUL",
        [builder.input((2, 4, 6, 5)), keys],
        (2, 4, 6, 3),
        type="BatchMatMulOptions",
        adjY=turned_already,
    )
    path = builder.write(tmp_path / "file.tflite", product)
    assert finished(path) == {"BATCH_MATMUL": 1}


def test_a_left_operand_and_other_orders_are_left_alone(tmp_path):
    builder = Builder()
    left = builder.transpose(builder.input((2, 4, 5, 6)), (0, 1, 3, 2))
    right = builder.transpose(builder.input((4, 2, 5, 3)), (1, 0, 2, 3))
    product = builder.op("BATCH_MATMUL", [left, right], (2, 4, 6, 3), type="BatchMatMulOptions")
    path = builder.write(tmp_path / "file.tflite", product)
    assert finished(path) == {"BATCH_MATMUL": 1, "TRANSPOSE": 2}
