from dataclasses import replace
from math import inf

from edgepack.report import RouteFailure, worst_over_cases
from edgepack.verdict import Comparison


def test_the_worst_of_each_figure_and_the_farthest_cases_reason():
    cases = [
        [Comparison("a", True, "", 1e-6, 1e-6, 0.9, 100.0), Comparison("b", True)],
        [Comparison("a", False, "off by 2", 2.0, 0.5, 0.99, -3.0), Comparison("b", True)],
        [Comparison("a", False, "off by 1", 1.0, 0.7, 0.95, 2.0), Comparison("c", True)],
    ]
    a, b, c = worst_over_cases(cases)
    assert a == Comparison("a", False, "golden case 2: off by 1", 2.0, 0.7, 0.9, -3.0)
    assert (b, c) == (Comparison("b", True), Comparison("c", True))


def test_the_reason_of_a_single_case_names_no_case():
    failed = Comparison("a", False, "output is missing", inf, inf, 0.0, -inf)
    assert worst_over_cases([[failed]]) == (failed,)


def test_a_report_is_true_when_everything_passed(good):
    assert good
    assert replace(good, gaps=(replace(good.gaps[0], by_nature=False),))


def test_a_report_is_false_when_anything_failed_or_nothing_ran(good, bad):
    assert not bad
    assert bad.unmade == ("tflite/float32",)
    assert not replace(good, results=(), failures=())
    unmade = RouteFailure("tflite/int8", "direct", "no")
    assert not replace(good, failures=(unmade,))
    nothing_compared = replace(good.results[0], comparisons=())
    assert not replace(good, results=(*good.results, nothing_compared))
    did_not_run = replace(good.results[0], error="crashed")
    assert not replace(good, results=(*good.results, did_not_run))


def test_the_manifests_record_has_only_numbers(good):
    equal, near = (result.verified() for result in good.results)
    assert (equal.max_error, equal.needed_relative, equal.snr_db) == (0.0, 0.0, None)
    assert 1e-8 < near.max_error < 1e-5
    assert 100 < near.snr_db < 130
    zero_reference = Comparison("mask", True, "", 1e-9, 0.0, 0.0, -inf)
    mixed = replace(good.results[1], comparisons=(*good.results[1].comparisons, zero_reference))
    assert mixed.verified().snr_db == near.snr_db
