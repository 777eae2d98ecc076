"""What a layer has lost, on tensors whose answer is known."""

from math import inf

import numpy as np
import pytest

from edgepack.backends.noise import noise

DRAW = np.random.default_rng(0)
IMAGE = DRAW.normal(size=(1, 9, 9, 4))


def test_equal_tensors_have_lost_nothing():
    assert noise(IMAGE, IMAGE) == (0.0, 0.0)
    assert noise(np.zeros((2, 8)), np.zeros((2, 8))) == (0.0, 0.0)


def test_a_loud_channel_hides_what_the_others_lost_from_the_ratio_only():
    loud = IMAGE * [1, 1, 1, 1e4]
    got = loud * [0, 0, 0, 1]
    ratio, lost = noise(loud, got)
    assert ratio < 1e-7
    assert lost == pytest.approx(0.75)
    assert noise(np.moveaxis(loud, -1, 1), np.moveaxis(got, -1, 1), channels=1)[1] == pytest.approx(0.75)


def test_a_channel_that_holds_nothing_cannot_lose():
    quiet = IMAGE * [1, 1, 1, 0]
    ratio, lost = noise(quiet, quiet + np.array([0, 0, 0, 1e-3]))
    assert lost == 0.0
    assert 0 < ratio < 1e-5


def test_channels_of_a_value_each_are_taken_as_one():
    scores = np.array([[100.0, 1.0]])
    assert noise(scores, scores + np.array([[0.0, 1.0]])) == pytest.approx((1e-4, 1e-4), rel=1e-3)


@pytest.mark.parametrize("wrong", [np.nan, np.inf])
def test_what_is_no_number_has_lost_everything(wrong):
    got = IMAGE.copy()
    got[0, 0, 0, :] = wrong
    assert noise(IMAGE, got) == (inf, 1.0)


def test_infinities_of_a_mask_count_for_neither():
    mask = np.where(IMAGE > 2, -np.inf, IMAGE)
    assert noise(mask, np.where(IMAGE > 2, -9.0, IMAGE)) == (0.0, 0.0)
