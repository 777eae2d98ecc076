"""Folders of pictures become labelled data: the class by the folder, the input by the model's contract."""

import numpy as np
import pytest
from PIL import Image

from edgepack.config import build_options
from edgepack.errors import SourceError
from edgepack.golden import GoldenSet
from edgepack.labels import open_labels
from edgepack.model import ModelSpec, TensorSpec
from edgepack.processing.binding import bind_preprocess
from edgepack.processing.parsing import parse_preprocess
from edgepack.processing.steps import Labels, Postprocess

MODEL = ModelSpec((TensorSpec("image", "float32", (1, 3, 4, 4)),), (TensorSpec("scores", "float32", (1, 3)),))


@pytest.fixture
def ask(tmp_path):
    """Save a picture of one shade per path, and open the folder for a model with classes of these names."""

    def ask(pictures, names=(), steps="resize 4x4, scale 1/255"):
        folder = tmp_path / "photos"
        for index, path in enumerate(pictures):
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            Image.new("RGB", (8, 6), (index, 0, 255)).save(folder / path)
        contracts = bind_preprocess([parse_preprocess(steps)] if steps else [], MODEL.inputs)
        answers = (Postprocess("scores", (Labels(tuple(names)),)),) if names else ()
        golden = GoldenSet(tmp_path, MODEL, (), contracts, postprocess=answers)
        return folder, lambda: open_labels(build_options("net.onnx", {"labels": folder}), MODEL, golden)

    return ask


@pytest.mark.parametrize(
    ("folders", "names", "labels"),
    [
        (("dog", "cat", "dog"), ("dog", "emu", "cat"), (2, 0, 0)),
        (("2", "0", "2"), (), (0, 2, 2)),
        (("2", "0", "2"), ("dog", "emu", "cat"), (0, 2, 2)),
        (("2", "0", "2"), ("2", "1", "0"), (2, 0, 0)),
        (("dog", "cat", "emu"), (), (0, 1, 2)),
    ],
    ids=["names", "indices", "indices beside names", "names that are numbers", "as many as classes"],
)
def test_folders_stand_for_classes(ask, folders, names, labels):
    _, read = ask([f"{name}/{index}.png" for index, name in enumerate(folders)], names)
    data = read()
    assert (data.output, data.labels, data.warnings) == ("scores", labels, ())
    shades = [index for _, index in sorted((name, index) for index, name in enumerate(folders))]
    for sample, shade in zip(data.samples(), shades, strict=True):
        expected = np.float32([shade, 0, 255]) / np.float32(255)
        np.testing.assert_array_equal(sample["image"], np.tile(expected[:, None, None], (1, 1, 4, 4)))


@pytest.mark.parametrize(
    ("pictures", "names", "message", "hint"),
    [
        (
            ["cat/0.png", "dag/1.png"],
            ("cat", "dog", "emu"),
            "{}/dag: the model has no such class",
            "did you mean dog?",
        ),
        (["a/0.png", "b/0.png"], (), "{} holds 2 folders of pictures, and ", "name the classes, in order: "),
        (["a/0.png", "1.png"], (), "{}/1.png lies in no folder of a class", "put it into {}/CLASS/1.png"),
        (
            ["crane/0.png"],
            ("crane", "crane", "emu"),
            "{}/crane: the model has several classes",
            "call folders by",
        ),
        (
            ["0/0.png", "7/0.png"],
            (),
            "{}: label 7 of sample 1 is none of the classes",
            "they count from 0 to 2",
        ),
    ],
)
def test_what_stands_for_no_class_is_refused(ask, pictures, names, message, hint):
    folder, read = ask(pictures, names)
    with pytest.raises(SourceError) as caught:
        read()
    assert caught.value.message.startswith(message.format(folder))
    assert caught.value.hint.startswith(hint.format(folder))
    assert caught.value.exit_code == 3


def test_a_folder_without_pictures_and_a_model_without_a_contract_are_refused(ask):
    folder, read = ask([])
    (folder / "empty").mkdir(parents=True)
    with pytest.raises(SourceError) as caught:
        read()
    assert caught.value.message == f"{folder} holds no folders of pictures"
    _, read = ask(["0/0.png"], steps=None)
    with pytest.raises(SourceError) as caught:
        read()
    assert caught.value.message.startswith("nothing says how a picture becomes image")
