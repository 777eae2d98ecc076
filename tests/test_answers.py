"""Top answers are counted against labels and against the source model."""

import numpy as np
import pytest

from edgepack.answers import golden_answers
from edgepack.model import ModelSpec, TensorSpec
from edgepack.precision import Tolerance
from edgepack.verdict import Answers

SCORES = TensorSpec("scores", "float32", (1, 4))


def test_golden_answers_count_cases_in_which_every_output_with_classes_agrees():
    other = TensorSpec("kind", "float32", (3,))
    model = ModelSpec((), (SCORES, other, TensorSpec("map", "float32", (1, 2, 2))))
    right = {"scores": np.eye(4, dtype="f4")[:1], "kind": np.float32([0, 2, 1]), "map": np.zeros((1, 2, 2))}
    wrong = right | {"kind": np.float32([3, 2, 1])}
    noisy = right | {"map": np.ones((1, 2, 2))}
    answers = golden_answers([right, wrong, noisy, right], [right] * 4, model)
    assert (answers.labelled, answers.samples, answers.agreement) == (False, 4, 0.75)


def test_outputs_without_classes_have_no_answers():
    model = ModelSpec((), (TensorSpec("ids", "int64", (1, 4)), TensorSpec("one", "float32", (1, 1))))
    assert golden_answers([{}], [{}], model) is None


@pytest.mark.parametrize(
    ("gates", "lack"),
    [
        ({}, ""),
        ({"top_agreement": 0.97, "accuracy_drop": 2.0}, ""),
        (
            {"top_agreement": 0.98},
            "the top answer is the model's in 97.0% of 200 labelled samples, at least 98.0% is asked for",
        ),
        (
            {"accuracy_drop": 1.5},
            "accuracy falls by 2.00 points to 90.0% on 200 labelled samples, 1.5 are allowed",
        ),
    ],
)
def test_gates_say_what_is_lacking(gates, lack):
    answers = Answers(labelled=True, samples=200, agreement=0.97, accuracy=0.90, reference=0.92)
    assert answers.change == pytest.approx(-2.0)
    assert answers.shortfall(Tolerance(0, 0, "", **gates)) == lack


def test_an_accuracy_that_rises_is_no_loss():
    answers = Answers(labelled=True, samples=10, agreement=0.9, accuracy=0.9, reference=0.8)
    assert answers.shortfall(Tolerance(0, 0, "", accuracy_drop=0.0)) == ""
