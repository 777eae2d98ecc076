"""Operators compute in the shape that their values have anyway, rather than between two RESHAPEs."""

from collections import Counter

import numpy as np
import pytest
from little_files import Builder, finished

RNG = np.random.default_rng(0)
SHAPE, FIRST = (1, 2, 3, 4, 5), (1, 5, 2, 3, 4)
FLAT = (120,)
TO_FIRST, TO_LAST = (0, 4, 1, 2, 3), (0, 2, 3, 4, 1)


def reshape(builder, tensor, shape):
    return builder.op("RESHAPE", [tensor, builder.constant(np.array(shape))], shape, type="ReshapeOptions")


def test_what_is_flattened_for_one_operator_after_the_other_is_not(tmp_path):
    """As onnx2tf does with more than four axes; then the TRANSPOSEs around it go, too."""
    builder = Builder()
    first, second, third = (builder.transpose(builder.input(SHAPE), TO_FIRST) for _ in range(3))
    total = builder.op(
        "ADD", [reshape(builder, one, FLAT) for one in (first, second)], FLAT, type="AddOptions"
    )
    operands = [reshape(builder, total, FLAT), reshape(builder, third, FLAT)]
    largest = builder.op("MAXIMUM", operands, FLAT, type="MaximumMinimumOptions")
    result = builder.transpose(reshape(builder, largest, FIRST), TO_LAST)
    assert finished(builder.write(tmp_path / "file.tflite", result)) == {"ADD": 1, "MAXIMUM": 1}


def test_what_others_read_flat_is_still_made(tmp_path):
    builder = Builder()
    operands = [reshape(builder, builder.input(SHAPE), FLAT) for _ in range(2)]
    total = builder.op("ADD", operands, FLAT, type="AddOptions")
    shaped = builder.op("ABS", [reshape(builder, total, SHAPE)], SHAPE)
    assert finished(builder.write(tmp_path / "file.tflite", total, shaped)) == {
        "ADD": 1,
        "ABS": 1,
        "RESHAPE": 1,
    }


@pytest.mark.parametrize("constant", [(120,), (1,)], ids=["one for each", "one for all"])
def test_a_constant_is_spread_over_no_more_axes_than_before(constant, tmp_path):
    builder = Builder()
    flat = reshape(builder, builder.input(SHAPE), FLAT)
    total = builder.op("ADD", [flat, builder.constant(RNG.normal(size=constant))], FLAT, type="AddOptions")
    path = builder.write(tmp_path / "file.tflite", reshape(builder, total, SHAPE))
    assert finished(path) == {"ADD": 1, "RESHAPE": 2}


def test_a_column_by_a_row_is_no_sum_of_two_shapes_alike(tmp_path):
    builder = Builder()
    column, row = (reshape(builder, builder.input((2, 3)), shape) for shape in ((6, 1), (1, 6)))
    table = builder.op("MUL", [column, row], (6, 6), type="MulOptions")
    path = builder.write(tmp_path / "file.tflite", reshape(builder, table, (2, 3, 6)))
    assert finished(path) == {"MUL": 1, "RESHAPE": 3}


@pytest.mark.parametrize(("bias", "reshapes"), [((5,), 0), ((1, 1, 5), 2)], ids=str)
def test_a_constant_adds_no_axes_to_the_result(bias, reshapes, tmp_path):
    builder = Builder()
    shaped = reshape(builder, builder.input((6, 5)), (2, 3, 5))
    operands = [shaped, builder.constant(RNG.normal(size=bias))]
    total = reshape(builder, builder.op("ADD", operands, (2, 3, 5), type="AddOptions"), (6, 5))
    counted = finished(builder.write(tmp_path / "file.tflite", builder.op("ABS", [total], (6, 5))))
    assert counted == Counter(ADD=1, ABS=1, RESHAPE=reshapes)


def test_a_reshape_that_somebody_else_needs_is_not_made_twice(tmp_path):
    """The product could be had in five axes, but the sum over four reads what it reads, and what it gives."""
    builder = Builder()
    shaped = reshape(builder, builder.input(SHAPE), (2, 3, 4, 5))
    squared = builder.op("MUL", [shaped, shaped], (2, 3, 4, 5), type="MulOptions")
    axis = builder.constant(np.array([-1]))
    total = builder.op("SUM", [squared, axis], (2, 3, 4, 1), type="ReducerOptions", keepDims=True)
    shares = builder.op("DIV", [shaped, total], (2, 3, 4, 5), type="DivOptions")
    assert finished(builder.write(tmp_path / "file.tflite", shares)) == {
        "RESHAPE": 1,
        "MUL": 1,
        "SUM": 1,
        "DIV": 1,
    }
