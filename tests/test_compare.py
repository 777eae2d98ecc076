"""The judge passes what is near and catches every kind of wrong."""

from math import inf

import numpy as np
import pytest

from edgepack.compare import compare, compare_outputs
from edgepack.precision import PRECISIONS, Tolerance

TOLERANCE = Tolerance(absolute=0.0, relative=1e-3, reason="test")
SNR = Tolerance(absolute=1e-6, relative=0.0, reason="test", snr_db=20.0, agreement=0.9)


@pytest.fixture
def ref():
    return np.random.default_rng(0).normal(size=(2, 3, 4)).astype(np.float32)


def test_equal_tensors_pass_with_perfect_figures(ref):
    verdict = compare("y", ref.copy(), ref, TOLERANCE)
    assert verdict.passed
    assert (verdict.max_error, verdict.needed_relative, verdict.snr_db) == (0.0, 0.0, inf)
    assert verdict.cosine == pytest.approx(1.0)


@pytest.mark.parametrize(("share", "passes"), [(0.9, True), (1.1, False)])
def test_the_bound_is_relative_to_the_largest_reference(ref, share, passes):
    got, largest = ref.astype(np.float64), float(np.abs(ref).max())
    got[0, 0, 0] += share * 1e-3 * largest
    verdict = compare("y", got, ref.astype(np.float64), TOLERANCE)
    assert verdict.passed is passes
    assert verdict.needed_relative == pytest.approx(share * 1e-3)
    assert verdict.max_error == pytest.approx(share * 1e-3 * largest)
    assert bool(verdict.reason) is not passes


def test_the_needed_tolerance_would_pass_and_less_would_not(ref):
    got = (ref * 1.5).astype(np.float32)
    needed = compare("y", got, ref, TOLERANCE).needed_relative
    assert compare("y", got, ref, Tolerance(0.0, needed * 1.000001, "")).passed
    assert not compare("y", got, ref, Tolerance(0.0, needed * 0.999, "")).passed


def test_snr_is_ten_log_of_the_power_ratio(ref):
    assert compare("y", ref * np.float32(1.1), ref, TOLERANCE).snr_db == pytest.approx(20.0, abs=1e-3)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda got: got.reshape(3, 2, 4), "shape [3, 2, 4] instead of [2, 3, 4]"),
        (lambda got: got.astype(np.float64), "dtype float64 instead of float32"),
        (lambda got: np.where(got == got.max(), np.nan, got), "1 of 24 values are NaN or infinite"),
        (lambda got: np.where(got == got.max(), np.inf, got), "1 of 24 values are NaN or infinite"),
        (lambda got: got * 0, "off by"),
        (lambda got: -got, "off by"),
        (lambda got: got[::-1], "off by"),
    ],
)
def test_wrong_tensors_fail_and_say_how(ref, change, reason):
    verdict = compare("y", change(ref.copy()), ref, TOLERANCE)
    assert not verdict.passed
    assert reason in verdict.reason


def test_nan_and_infinity_must_stand_where_the_reference_has_them():
    ref = np.array([1.0, np.nan, np.inf, -np.inf], np.float32)
    assert compare("y", ref.copy(), ref, TOLERANCE).passed
    for wrong in ([1.0, 0.0, np.inf, -np.inf], [1.0, np.nan, -np.inf, np.inf]):
        verdict = compare("y", np.array(wrong, np.float32), ref, TOLERANCE)
        assert not verdict.passed
        assert "missing or of another kind" in verdict.reason


def test_integers_must_be_equal():
    ref = np.array([100000, -5], np.int64)
    assert compare("y", ref.copy(), ref, TOLERANCE).passed
    verdict = compare("y", ref + np.array([1, 0]), ref, TOLERANCE)
    assert not verdict.passed
    assert (verdict.max_error, verdict.reason) == (1.0, "1 of 2 values differ; int64 outputs must be equal")


def test_booleans_must_be_equal():
    ref = np.array([True, False])
    assert compare("y", ref.copy(), ref, TOLERANCE).passed
    assert not compare("y", ~ref, ref, TOLERANCE).passed


def test_missing_and_unknown_outputs_fail(ref):
    verdicts = compare_outputs({"a": ref, "c": ref}, {"a": ref, "b": ref}, TOLERANCE)
    assert [(verdict.output, verdict.passed) for verdict in verdicts] == [
        ("a", True),
        ("b", False),
        ("c", False),
    ]


def test_zero_reference_needs_zero_within_the_absolute_tolerance():
    zero = np.zeros(4, np.float32)
    assert compare("y", zero, zero, TOLERANCE).passed
    assert compare("y", zero + np.float32(1e-6), zero, TOLERANCE).needed_relative == inf


@pytest.mark.parametrize("precision", PRECISIONS.values(), ids=PRECISIONS)
@pytest.mark.parametrize("scale", [1.0, 1e-9, 1e-20])
def test_zeros_never_pass_for_a_model_with_tiny_outputs(ref, precision, scale):
    tiny = ref * np.float32(scale)
    assert compare("y", tiny.copy(), tiny, precision.tolerance).passed
    assert not compare("y", np.zeros_like(tiny), tiny, precision.tolerance).passed


def test_every_precision_has_a_reason_of_its_own_that_explains_its_ratio():
    tolerances = [precision.tolerance for precision in PRECISIONS.values()]
    assert len({tolerance.reason for tolerance in tolerances} - {""}) == len(tolerances)
    for tolerance in tolerances:
        if tolerance.snr_db is not None:
            assert f"{tolerance.snr_db:g} dB is " in tolerance.reason


@pytest.mark.parametrize(("noise", "passes"), [(0.09, True), (0.11, False)])
def test_with_a_ratio_asked_for_the_noise_as_a_whole_counts_and_no_single_element(ref, noise, passes):
    got = ref.copy()
    got[0, 0, 0] += noise * np.float32(np.linalg.norm(ref))
    verdict = compare("y", got, ref, SNR)
    assert verdict.passed is passes
    assert verdict.snr_db == pytest.approx(-20 * np.log10(noise), abs=1e-3)
    assert verdict.reason == ("" if passes else "signal-to-noise ratio 19.2 dB, at least 20 dB is asked for")


def test_where_there_is_no_signal_noise_must_stay_within_the_absolute_tolerance():
    zero = np.zeros(4, np.float32)
    assert compare("y", zero + np.float32(1e-7), zero, SNR).passed
    assert not compare("y", zero + np.float32(1e-5), zero, SNR).passed


def test_a_ratio_excuses_no_nan_and_no_other_shape(ref):
    assert not compare("y", np.where(ref == ref.max(), np.nan, ref).astype(np.float32), ref, SNR).passed
    assert not compare("y", ref[:1], ref, SNR).passed


@pytest.mark.parametrize(("wrong", "passes"), [(10, True), (11, False)])
def test_integers_of_a_quantised_model_may_differ_in_as_many_places_as_are_allowed(wrong, passes):
    ref = np.arange(100)
    verdict = compare("y", np.where(ref < wrong, -1, ref), ref, SNR)
    assert verdict.passed is passes
    assert verdict.reason == ("" if passes else "11 of 100 values differ; int64 outputs must agree in 90.0%")
