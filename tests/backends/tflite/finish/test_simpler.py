"""Products by constants are FULLY_CONNECTED, other shapes are RESHAPE, and what is known is not computed."""

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from little_files import Builder, finished

from edgepack.backends.tflite.finish import finish
from edgepack.backends.tflite.finish.model import FlatModel

RNG = np.random.default_rng(0)


def product(builder, left, right, shape, **options):
    return builder.op("BATCH_MATMUL", [left, right], shape, type="BatchMatMulOptions", **options)


@pytest.mark.parametrize(
    ("left", "right", "options"),
    [
        ((2, 8), (8, 5), {}),
        ((2, 6, 8), (8, 5), {}),
        ((2, 6, 8), (5, 8), {"adjY": True}),
        ((1, 3, 6, 8), (1, 1, 8, 5), {}),
    ],
)
def test_a_product_by_a_matrix_and_what_is_added_become_one_layer(left, right, options, tmp_path):
    builder = Builder()
    shape = (*left[:-1], 5)
    tensor = product(builder, builder.input(left), builder.constant(RNG.normal(size=right)), shape, **options)
    # Exporters write the constant first or second.
    tensor = builder.op("ADD", [builder.constant(RNG.normal(size=5)), tensor], shape, type="AddOptions")
    tensor = builder.op("RELU", [tensor], shape)
    assert finished(builder.write(tmp_path / "file.tflite", tensor)) == {"FULLY_CONNECTED": 1}


def test_a_column_is_turned_by_a_reshape(tmp_path):
    builder = Builder()
    tensor = product(
        builder, builder.input((4, 8, 1)), builder.constant(RNG.normal(size=(8, 5))), (4, 1, 5), adjX=True
    )
    counted = finished(builder.write(tmp_path / "file.tflite", tensor))
    assert counted == {"RESHAPE": 1, "FULLY_CONNECTED": 1}


@pytest.mark.parametrize(
    ("left", "right", "known", "options"),
    [
        ((1, 6, 8), (1, 8, 5), "", {}),
        ((1, 6, 8), (1, 8, 5), "left", {}),
        ((2, 6, 8), (2, 8, 5), "right", {}),
        ((1, 8, 6), (8, 5), "right", {"adjX": True}),
    ],
    ids=["of two activations", "constant first", "a matrix for each batch", "turned"],
)
def test_other_products_stay(left, right, known, options, tmp_path):
    builder = Builder()
    one, other = (
        builder.constant(RNG.normal(size=shape)) if side == known else builder.input(shape)
        for side, shape in (("left", left), ("right", right))
    )
    tensor = product(builder, one, other, (left[0], 6, 5), **options)
    assert finished(builder.write(tmp_path / "file.tflite", tensor)) == {"BATCH_MATMUL": 1}


def test_steps_that_share_a_matrix_share_it_still(tmp_path):
    builder = Builder()
    given, matrix = builder.input((4, 40)), builder.constant(RNG.normal(size=(40, 40)))
    for _ in range(4):
        given = builder.op("TANH", [product(builder, given, matrix, (4, 40))], (4, 40))
    path = builder.write(tmp_path / "file.tflite", given)
    size = path.stat().st_size
    assert finished(path) == {"FULLY_CONNECTED": 4, "TANH": 4}
    assert path.stat().st_size < size + 40 * 40 * 4


def test_a_constant_behind_the_sum_of_two_products_is_the_bias_of_one(tmp_path):
    builder = Builder()
    products = [
        product(builder, builder.input((2, 8)), builder.constant(RNG.normal(size=(8, 5))), (2, 5))
        for _ in range(2)
    ]
    tensor = builder.op("ADD", products, (2, 5), type="AddOptions")
    tensor = builder.op("ADD", [tensor, builder.constant(RNG.normal(size=5))], (2, 5), type="AddOptions")
    assert finished(builder.write(tmp_path / "file.tflite", tensor)) == {"FULLY_CONNECTED": 2, "ADD": 1}


def test_nothing_becomes_the_bias_of_what_is_read_twice_or_has_an_activation(tmp_path):
    builder = Builder()
    matrix = builder.constant(RNG.normal(size=(8, 5)))
    read_twice = product(builder, builder.input((2, 8)), matrix, (2, 5))
    activated = builder.op("RELU", [product(builder, builder.input((2, 8)), matrix, (2, 5))], (2, 5))
    more = builder.constant(RNG.normal(size=5))
    sums = [builder.op("ADD", [one, more], (2, 5), type="AddOptions") for one in (read_twice, activated)]
    tensor = builder.op("MUL", [*sums], (2, 5), type="MulOptions")
    counted = finished(builder.write(tmp_path / "file.tflite", tensor, read_twice))
    assert counted == {"FULLY_CONNECTED": 2, "ADD": 2, "MUL": 1}


@pytest.mark.parametrize("shape", [(2, 1), (2, 8)], ids=["one for all", "one for each row"])
def test_what_differs_by_row_is_no_bias(shape, tmp_path):
    builder = Builder()
    tensor = product(builder, builder.input((2, 8)), builder.constant(RNG.normal(size=(8, 8))), (2, 8))
    tensor = builder.op("ADD", [tensor, builder.constant(RNG.normal(size=shape))], (2, 8), type="AddOptions")
    assert finished(builder.write(tmp_path / "file.tflite", tensor)) == {"FULLY_CONNECTED": 1, "ADD": 1}


def test_squeeze_and_expand_dims_are_reshapes(tmp_path):
    builder = Builder()
    tensor = builder.op("ABS", [builder.input((1, 4, 5))], (1, 4, 5))
    tensor = builder.op("SQUEEZE", [tensor], (4, 5), type="SqueezeOptions", squeezeDims=[0])
    tensor = builder.op("SOFTMAX", [tensor], (4, 5), type="SoftmaxOptions", beta=1.0)
    axis = builder.constant(np.array([1]))
    tensor = builder.op("EXPAND_DIMS", [tensor, axis], (4, 1, 5), type="ExpandDimsOptions")
    counted = finished(builder.write(tmp_path / "file.tflite", tensor))
    assert counted == {"ABS": 1, "RESHAPE": 2, "SOFTMAX": 1}


def cut_in_two(builder, states):
    halves = [(1, 8), (1, 8)]
    return builder.op(
        *("SPLIT", [builder.constant(np.array(0)), states], halves), type="SplitOptions", numSplits=2
    )[1]


def cut_out(builder, states):
    where = [builder.constant(np.array(one)) for one in ([1, 0], [1, -1])]
    return builder.op("SLICE", [states, *where], (1, 8), type="SliceOptions")


@pytest.mark.parametrize("cut", [cut_in_two, cut_out])
def test_a_recurrent_layer_that_starts_from_zero_does_not_compute_that(cut, tmp_path):
    builder = Builder()
    state = cut(builder, builder.constant(np.zeros((2, 8))))
    read = product(builder, builder.input((1, 6)), builder.constant(RNG.normal(size=(6, 8))), (1, 8))
    kept = product(builder, state, builder.constant(RNG.normal(size=(8, 8))), (1, 8))
    tensor = builder.op("ADD", [read, kept], (1, 8), type="AddOptions")
    tensor = builder.op("ADD", [tensor, builder.constant(RNG.normal(size=8))], (1, 8), type="AddOptions")
    tensor = builder.op("TANH", [tensor], (1, 8))
    counted = finished(builder.write(tmp_path / "file.tflite", tensor))
    assert counted == {"FULLY_CONNECTED": 1, "TANH": 1}


@pytest.mark.parametrize("cut", [cut_in_two, cut_out])
def test_what_a_known_state_becomes_is_known_too(cut, tmp_path):
    builder = Builder()
    state = cut(builder, builder.constant(RNG.normal(size=(2, 8))))
    kept = product(builder, state, builder.constant(RNG.normal(size=(8, 8))), (1, 8))
    kept = builder.op("ADD", [kept, builder.constant(RNG.normal(size=8))], (1, 8), type="AddOptions")
    tensor = builder.op("MUL", [builder.input((1, 8)), kept], (1, 8), type="MulOptions")
    assert finished(builder.write(tmp_path / "file.tflite", tensor)) == {"MUL": 1}


def test_a_known_output_is_computed_still(tmp_path):
    builder = Builder()
    weights = [builder.constant(RNG.normal(size=(4, 4))) for _ in range(2)]
    known = product(builder, *weights, (4, 4))
    other = builder.op("ABS", [builder.input((2, 2))], (2, 2))
    counted = finished(builder.write(tmp_path / "file.tflite", other, known))
    assert counted == {"ABS": 1, "BATCH_MATMUL": 1}


def test_zeros_are_added_where_only_one_of_several_results_would_get_them(tmp_path):
    builder = Builder()
    halves = builder.op(
        "SPLIT",
        [builder.constant(np.array(0)), builder.input((2, 8))],
        [(1, 8), (1, 8)],
        type="SplitOptions",
        numSplits=2,
    )
    tensor = builder.op("ADD", [halves[1], builder.constant(np.zeros(8))], (1, 8), type="AddOptions")
    counted = finished(builder.write(tmp_path / "file.tflite", tensor))
    assert counted == {"SPLIT": 1, "ADD": 1}


def test_a_shape_that_is_said_twice_is_written_once(tmp_path):
    builder = Builder()
    tensor = builder.op("SQUEEZE", [builder.input((1, 4, 5))], (4, 5), type="SqueezeOptions")
    for one in builder.graph.tensors:
        one.shapeSignature = list(one.shape)
    path = builder.write(tmp_path / "file.tflite", tensor)
    finished(path)
    written = schema.ModelT.InitFromObj(schema.Model.GetRootAs(path.read_bytes(), 0)).subgraphs[0]
    assert [one.shapeSignature for one in written.tensors] == [None] * 3


def test_versions_of_added_operators_are_those_of_what_they_use(tmp_path):
    builder = Builder()
    tensor = product(builder, builder.input((2, 8)), builder.constant(RNG.normal(size=(8, 5))), (2, 5))
    path = builder.write(tmp_path / "file.tflite", tensor)
    finish(path)
    (code,) = FlatModel.read(path)._model.operatorCodes
    assert code.version == 6, "no bias"
