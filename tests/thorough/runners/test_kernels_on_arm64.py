"""Which forms of quantised operators are the same on ARM64 as on this machine, to the last bit."""

import numpy as np
import pytest
from little_files import Builder, random_input

from edgepack.backends.tflite.finish.integers import finish_integers
from edgepack.backends.tflite.interpreter import open_file
from edgepack.runners.guest import Task

RUNTIME = "org.tensorflow:tensorflow-lite:2.16.1"
RUNS = 60
# No sum of so many steps lies halfway between two of another's: kernels may round that up or down.
SCALE, POINT = 0.021313713, -5


def given(builder, shape, scale=SCALE):
    return builder.input(shape, np.int8, scale=scale, zero_point=POINT)


def row(builder):
    """A layer of one row with a scale for each output."""
    rng = np.random.default_rng(1)
    scales = rng.uniform(0.002, 0.004, 40)
    matrix = builder.tensor((40, 32), np.int8, rng.integers(-127, 128, (40, 32), np.int8), scale=scales)
    bias = builder.tensor(
        (40,), np.int32, rng.integers(-3000, 3000, 40).astype(np.int32), scale=SCALE * scales
    )
    inputs = [given(builder, (1, 32)), matrix, bias]
    return builder.op(
        "FULLY_CONNECTED", inputs, (1, 40), np.int8, 0.037131711, 3, type="FullyConnectedOptions", version=4
    )


def mean(shape, axis):
    def build(builder):
        inputs = [given(builder, shape), builder.constant(np.array([axis]))]
        after = tuple(1 if place == axis else size for place, size in enumerate(shape))
        return builder.op(
            "MEAN", inputs, after, np.int8, 0.005771373, 2, type="ReducerOptions", keepDims=True, version=2
        )

    return build


def softmax(builder):
    inputs = [given(builder, (1, 4, 12, 12))]
    return builder.op(
        "SOFTMAX", inputs, (1, 4, 12, 12), np.int8, 1 / 256, -128, type="SoftmaxOptions", beta=1.0, version=2
    )


def float_softmax(builder):
    shape = (1, 4, 12, 12)
    wide = builder.op("DEQUANTIZE", [given(builder, shape)], shape, type="DequantizeOptions", version=2)
    shares = builder.op("SOFTMAX", [wide], shape, type="SoftmaxOptions", beta=1.0)
    return builder.op("QUANTIZE", [shares], shape, np.int8, 1 / 256, -128, type="QuantizeOptions")


def product(builder):
    shapes = (1, 4, 12, 8), (1, 4, 8, 12)
    inputs = [given(builder, shape) for shape in shapes]
    return builder.op(
        "BATCH_MATMUL", inputs, (1, 4, 12, 12), np.int8, 0.061, 7, type="BatchMatMulOptions", version=2
    )


def wide_layer(axes):
    """A layer of 16-bit activations, which takes rows or a sequence of them."""

    def build(builder):
        rng = np.random.default_rng(1)
        scales = rng.uniform(0.002, 0.004, 40)
        matrix = builder.tensor((40, 32), np.int8, rng.integers(-127, 128, (40, 32), np.int8), scale=scales)
        bias = builder.tensor((40,), np.int64, rng.integers(-3000, 3000, 40), scale=0.0002 * scales)
        inputs = [builder.input((*axes, 32), np.int16, scale=0.0002), matrix, bias]
        return builder.op(
            *("FULLY_CONNECTED", inputs, (*axes, 40), np.int16, 0.0005),
            type="FullyConnectedOptions",
            keepNumDims=True,
            version=7,
        )

    return build


def table(kind, scale, point):
    def build(builder):
        return builder.op(kind, [given(builder, (1, 256))], (1, 256), np.int8, scale, point, version=2)

    return build


@pytest.fixture
def steps_apart(start, tmp_path):
    """Give the steps between this machine's outputs and ARM64's, in many runs of a file."""

    def steps_apart(path):
        host = open_file(path)
        rng = np.random.default_rng(0)
        feeds = [
            [random_input(rng, one.shape, np.dtype(one.dtype)) for one in host.inputs] for _ in range(RUNS)
        ]
        here = np.stack([host.run(feed)[0] for feed in feeds]).astype(int)
        there = np.stack([one[0] for one in start(RUNTIME).run(Task(path, feeds)).outputs])
        assert len(np.unique(here)) > 20, "or nothing is proven"
        return np.abs(here - there)

    return steps_apart


def written(build, path):
    builder = Builder()
    return builder.write(path, build(builder))


REWRITTEN = {"row": row, "mean of rows": mean((1, 12, 32), 2), "mean of columns": mean((1, 12, 32), 1)}


@pytest.mark.parametrize("build", REWRITTEN.values(), ids=REWRITTEN)
def test_what_is_rewritten_rounds_otherwise_before_and_the_same_after(build, steps_apart, tmp_path):
    path = written(build, tmp_path / "file.tflite")
    assert steps_apart(path).max() == 1, "the runtime has learnt it: the rule can go"
    finish_integers(path)
    assert steps_apart(path).max() == 0


def test_softmax_rounds_otherwise_in_integers_and_the_same_in_float(steps_apart, tmp_path):
    assert steps_apart(written(softmax, tmp_path / "integers.tflite")).max() == 1
    assert steps_apart(written(float_softmax, tmp_path / "float.tflite")).max() == 0


def test_a_product_of_two_activations_is_wrong_in_integers_on_this_machine(steps_apart, tmp_path):
    assert steps_apart(written(product, tmp_path / "file.tflite")).max() > 10


def test_layers_of_sixteen_bits_take_rows_only_on_arm64(steps_apart, tmp_path):
    assert steps_apart(written(wide_layer((12,)), tmp_path / "rows.tflite")).max() <= 1
    assert steps_apart(written(wide_layer((1, 12)), tmp_path / "sequence.tflite")).max() > 1000


@pytest.mark.parametrize(("kind", "scale", "point"), [("LOGISTIC", 1 / 256, -128), ("TANH", 1 / 128, 0)])
def test_tables_are_the_same(kind, scale, point, steps_apart, tmp_path):
    assert steps_apart(written(table(kind, scale, point), tmp_path / "file.tflite")).max() == 0
