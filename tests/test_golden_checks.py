"""References that prove nothing are told from those that do."""

import numpy as np
import pytest

from edgepack.errors import SourceError
from edgepack.golden_checks import check_degenerate, check_random, check_repeatable, check_stable_specs

RANDOM = [np.random.default_rng(seed).standard_normal((2, 3)).astype(np.float32) for seed in range(3)]
NAN = np.full(3, np.nan, np.float32)
INF = np.array([np.inf, -np.inf], np.float32)


def outputs(**arrays):
    """Turn arrays per output into outputs per case."""
    return [dict(zip(arrays, case, strict=True)) for case in zip(*arrays.values(), strict=True)]


@pytest.mark.parametrize(
    ("cases", "fault"),
    [
        ([NAN, NAN], "NaN or infinite everywhere"),
        ([INF, -INF], "NaN or infinite everywhere"),
        ([NAN], "NaN or infinite everywhere"),
        ([RANDOM[0]] * 3, "the same in all golden cases"),
        ([np.array([np.nan, 1.0])] * 2, "the same in all golden cases"),
        ([np.array([7])] * 2, "the same in all golden cases"),
        ([np.zeros(4)], "one value everywhere in the only golden case"),
    ],
)
def test_reference_that_proves_nothing_is_refused(cases, fault):
    with pytest.raises(SourceError) as caught:
        check_degenerate(outputs(y=cases), allowed=False)
    assert caught.value.message == f"the reference proves nothing, any file would pass: output 'y' is {fault}"
    assert "--allow-degenerate" in caught.value.hint
    assert caught.value.exit_code == 3
    assert check_degenerate(outputs(y=cases), allowed=True) == (f"output 'y' proves nothing: it is {fault}",)
    moving = RANDOM[: len(cases)]
    assert check_degenerate(outputs(y=cases, z=moving), allowed=False) == (
        f"output 'y' proves nothing: it is {fault}",
    )


@pytest.mark.parametrize(
    "cases",
    [
        RANDOM,
        RANDOM[:1],
        [np.zeros(3, np.float32), np.ones(3, np.float32)],  # constant within each case only
        [np.array([np.nan, 1.0]), np.array([np.nan, 2.0])],
        [np.array([True]), np.array([False])],
        [np.array([3])],
        [NAN, RANDOM[0][0]],
    ],
)
def test_reference_that_depends_on_its_input_is_fine(cases):
    assert check_degenerate(outputs(y=cases), allowed=False) == ()


def test_output_that_moves_less_than_the_judge_allows_is_told():
    tiny = [array * np.float32(1e-9) for array in RANDOM]
    offset = [array * np.float32(1e-4) + 100 for array in RANDOM]
    weak = check_degenerate(outputs(tiny=tiny, offset=offset, fine=RANDOM), allowed=False)
    assert [one.split(" proves")[0] for one in weak] == ["output 'offset'"]
    assert "and the judge allows 0.01" in weak[0]


def test_runs_that_differ_in_one_bit_are_not_repeatable():
    first = {"a": RANDOM[0], "b": np.array([0.0])}
    check_repeatable(first, {"a": RANDOM[0].copy(), "b": np.array([0.0])}, list)
    check_repeatable({"a": NAN}, {"a": NAN.copy()}, list)
    with pytest.raises(SourceError) as caught:
        check_repeatable(
            first, {"a": RANDOM[0], "b": np.array([-0.0])}, lambda: ["features.3.drop (Dropout)"]
        )
    assert caught.value.message == (
        "the model is not deterministic: two runs on one input differ in b; "
        "it draws random numbers in features.3.drop (Dropout)"
    )
    assert caught.value.exit_code == 3


def test_what_is_random_by_its_graph_is_run_until_chance_can_show():
    first, runs = {"a": RANDOM[0]}, []

    def run(wrong):
        runs.append(wrong)
        return {"a": RANDOM[1 if len(runs) == wrong else 0]}

    assert check_random(lambda: run(1), first, []) == ()
    assert runs == []
    with pytest.raises(SourceError, match=r"two runs .* differ in a; it draws random numbers in drop"):
        check_random(lambda: run(200), first, ["drop (Dropout)"])
    assert len(runs) == 200
    runs.clear()
    assert check_random(lambda: run(0), first, ["drop (Dropout)"]) == (
        "the model draws random numbers in drop (Dropout); it gave the same output 300 times, "
        "and nothing says that it always will",
    )


def test_slow_model_is_not_run_for_ever(monkeypatch):
    monkeypatch.setattr("edgepack.golden_checks._REPEAT_SECONDS", 0.0)
    assert "the same output 10 times" in check_random(lambda: {"a": NAN}, {"a": NAN}, ["drop"])[0]


@pytest.mark.parametrize(
    ("other", "difference"),
    [
        ({"a": np.ones(3)}, "a:float64[2] and a:float64[3]"),
        ({"a": np.ones(2, np.int64)}, "a:float64[2] and a:int64[2]"),
        ({"b": np.ones(2)}, "a:float64[2] and b:float64[2]"),
        ({"a": np.ones(2), "b": np.ones(2)}, "1 and 2 outputs"),
    ],
)
def test_outputs_that_change_their_form_are_refused(other, difference):
    with pytest.raises(SourceError) as caught:
        check_stable_specs([{"a": np.ones(2)}, {"a": np.zeros(2)}, other])
    assert f"{difference} in golden cases 0 and 2" in caught.value.message
    assert "fixed shape" in caught.value.hint
