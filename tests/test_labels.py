"""Accuracy is told from data that fits the model, and counts what a user would count."""

from pathlib import Path

import numpy as np
import pytest

from edgepack.config import build_options
from edgepack.errors import SourceError, UsageError
from edgepack.golden import GoldenSet
from edgepack.labels import open_labels
from edgepack.model import ModelSpec, TensorSpec

DIGITS = Path(__file__).parents[1] / "sample_models" / "digits"
IMAGE = TensorSpec("image", "float32", (1, 1, 8, 8))
LOGITS = TensorSpec("logits", "float32", (1, 10))
MAP = TensorSpec("map", "float32", (1, 10, 4, 4))


@pytest.fixture
def ask(tmp_path):
    def ask(file, outputs=(LOGITS,), **settings):
        model = ModelSpec((IMAGE,), outputs)
        options = build_options("net.onnx", {"labels": file, **settings})
        return open_labels(options, model, GoldenSet(tmp_path, model, ()))

    return ask


@pytest.fixture
def save(tmp_path):
    def save(**arrays):
        np.savez(tmp_path / "test.npz", **arrays)
        return tmp_path / "test.npz"

    return save


def test_the_held_back_digits(ask):
    data = ask(DIGITS / "test_data.npz")
    stored = np.load(DIGITS / "test_data.npz")
    assert (data.count, data.output, data.warnings) == (360, "logits", ())
    assert data.labels == tuple(stored["label"])
    for sample, image in zip(data.samples(), stored["image"], strict=True):
        np.testing.assert_array_equal(sample["image"], image[None])


def test_labels_count_for_the_digest(ask, save):
    images = np.random.default_rng(0).random((3, 1, 8, 8), np.float32)
    first = ask(save(image=images, label=np.array([0, 1, 2])))
    assert first.digest() != ask(save(image=images, label=np.array([0, 1, 3]))).digest()
    assert first.digest() == ask(save(image=images, label=np.uint8([[0], [1], [2]]))).digest()


IMAGES = np.random.default_rng(0).random((3, 1, 8, 8), np.float32)


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"image": IMAGES}, "{file} has no array 'label'"),
        (
            {"image": IMAGES, "label": np.array([0, 1])},
            "{file}: the arrays hold different numbers of samples",
        ),
        (
            {"image": IMAGES, "label": np.array([0, 10, 1])},
            "{file}: label 10 of sample 1 is none of the classes",
        ),
        (
            {"image": IMAGES, "label": np.array([0, -1, 1])},
            "{file}: label -1 of sample 1 is none of the classes",
        ),
        (
            {"image": IMAGES, "label": np.eye(3, 10)},
            "{file}: 'label' is float64[3, 10], not one whole number per",
        ),
        ({"image": IMAGES * np.nan, "label": np.arange(3)}, "{file}, sample 0: 'image' holds NaN"),
        ({"label": np.arange(3)}, "{file}, sample 0: there is no array for input 'image'"),
    ],
)
def test_bad_data_is_refused(ask, save, arrays, message):
    file = save(**arrays)
    with pytest.raises(SourceError) as caught:
        ask(file)
    assert caught.value.message.startswith(message.format(file=file))


def test_one_label_throughout_is_told_of(ask, save):
    data = ask(save(image=IMAGES, label=np.ones(3, int)))
    assert data.warnings == ("labelled data: all labels are the same",)


def test_of_several_outputs_one_is_named(ask, save):
    file = save(image=IMAGES, label=np.arange(3))
    with pytest.raises(UsageError) as caught:
        ask(file, (LOGITS, MAP))
    assert caught.value.hint == "use --labels-output: logits, map"
    assert ask(file, (LOGITS, MAP), labels_output="logits").output == "logits"
    with pytest.raises(UsageError, match="--labels-output: the model has no output 'logit'"):
        ask(file, (LOGITS, MAP), labels_output="logit")
    with pytest.raises(SourceError, match="does not hold one value for each class"):
        ask(file, (LOGITS, MAP), labels_output="map")
