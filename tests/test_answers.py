"""Top answers are counted against labels and against the source model."""

import numpy as np
import pytest

from edgepack.answers import count_answers, golden_answers
from edgepack.labels import LabelledData, top_answer
from edgepack.model import ModelSpec, TensorSpec
from edgepack.precision import Tolerance
from edgepack.samples import write_samples
from edgepack.verdict import Answers

SCORES = TensorSpec("scores", "float32", (1, 4))


@pytest.fixture
def labelled(tmp_path):
    def labelled(*labels):
        rows = [(f"sample {index}", {"index": np.float32([index])}) for index in range(len(labels))]
        samples = write_samples(tmp_path / "samples", [TensorSpec("index", "float32", (1,))], rows)
        return LabelledData(samples, "scores", labels)

    return labelled


@pytest.mark.parametrize(
    ("output", "answer"),
    [
        (np.float32([[1, 5, 2]]), 1),
        (np.float32([[7, 0, 7]]), 0),
        (np.float32([[-3, -2, -1]]), 2),
        (np.int8([[-128, 127, 126]]), 1),
        (np.float32([[0, 1, np.nan]]), -1),
    ],
    ids=["largest", "first of equal values", "all negative", "integers", "NaN is no answer"],
)
def test_the_largest_value_is_the_answer(output, answer):
    assert top_answer(output) == answer


def test_labelled_answers_are_counted_against_labels_and_the_model(labelled):
    outputs = np.float32([[[1, 5, 2]], [[7, 0, 7]], [[0, 1, np.nan]], [[-3, -2, -1]]])

    def run(samples):
        return [{"scores": outputs[int(sample["index"][0])]} for sample in samples]

    counted = count_answers(run, labelled(1, 0, 1, 0), reference=(1, 2, -1, 2))
    assert (counted.labelled, counted.samples) == (True, 4)
    assert counted.accuracy == 0.5
    assert counted.agreement == 0.5, "NaN agrees with nothing, not even with the model's NaN"
    assert counted.reference == 0.25


def test_a_run_that_is_cut_short_is_no_result(labelled):
    with pytest.raises(ValueError, match="longer than"):
        count_answers(lambda samples: [{"scores": np.zeros(3)}], labelled(1, 0), reference=(0, 0))


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
