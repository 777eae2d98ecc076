"""Which axis orders are thought of, and in which order they are tried."""

import math
from itertools import islice

import pytest

from edgepack.backends.tflite.layouts import axis_orders, combinations


@pytest.mark.parametrize(
    ("source", "file", "orders"),
    [
        ((), (), [()]),
        ((), (1,), [()]),
        ((5,), (1, 5), [(0,)]),
        ((1, 3, 8, 9), (1, 8, 9, 3), [(0, 2, 3, 1)]),
        ((1, 3, 8, 9), (8, 9, 3), [(0, 2, 3, 1)]),
        ((3, 8, 9), (1, 3, 8, 9), [(0, 1, 2)]),
        ((1, 8, 1), (8, 1, 1), [(1, 0, 2)]),
        ((2, 3, 1, 5), (2, 1, 5, 3), [(0, 2, 3, 1)]),
        ((1, 4, 4), (1, 4, 4), [(0, 2, 1), (0, 1, 2)]),
        ((4, 4), (4, 4), [(0, 1), (1, 0)]),
        ((2, 3), (3, 3), []),
        ((2, 3), (6,), []),
    ],
)
def test_every_order_that_fits_once_and_the_likely_one_first(source, file, orders):
    assert list(axis_orders(source, file)) == orders


def test_a_cube_has_all_orders_the_channels_last_one_first_and_the_unchanged_one_next():
    orders = axis_orders((1, 6, 6, 6), (1, 6, 6, 6))
    assert orders[:2] == ((0, 2, 3, 1), (0, 1, 2, 3))
    assert len(set(orders)) == math.factorial(3)


def test_many_equal_sizes_are_cut_short_with_the_likely_orders_kept():
    orders = axis_orders((2,) * 8, (2,) * 8)
    assert len(orders) == math.factorial(5)
    assert orders[0] == tuple(range(8))


def test_combinations_leave_the_first_choices_one_at_a_time():
    assert list(combinations((2, 3))) == [(0, 0), (0, 1), (1, 0), (0, 2), (1, 1), (1, 2)]
    assert list(combinations(())) == [()]


def test_too_many_combinations_keep_every_first_choice():
    first = list(islice(combinations((50, 50, 50, 1)), 4))
    assert first == [(0, 0, 0, 0), (0, 0, 1, 0), (0, 1, 0, 0), (1, 0, 0, 0)]
    assert len(list(combinations((50, 50, 50, 1)))) <= 4096
