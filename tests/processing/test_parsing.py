"""Contracts as people write them, and what is said of those that make no sense."""

import pytest

from edgepack.errors import UsageError
from edgepack.processing.parsing import parse_postprocess, parse_preprocess
from edgepack.processing.steps import (
    Bgr,
    Crop,
    Grayscale,
    Labels,
    Layout,
    Mean,
    Resize,
    Scale,
    Softmax,
    Std,
)
from edgepack.processing.text import to_text


def test_the_usual_image_recipe():
    contract = parse_preprocess(
        "resize 256, crop 224, scale 1/255, mean 0.485 0.456 0.406, std 0.229 0.224 0.225"
    )
    assert contract.input == ""
    assert contract.steps == (
        Resize((256,), "bilinear", antialias=True),
        Crop((224, 224)),
        Scale(1.0, 255.0),
        Mean((0.485, 0.456, 0.406)),
        Std((0.229, 0.224, 0.225)),
    )


def test_an_input_is_named_before_the_steps():
    contract = parse_preprocess(
        "left: resize 20x30 bicubic no-antialias, bgr, scale 2 / 255, mean 1, layout NHWC"
    )
    assert contract.input == "left"
    assert contract.steps == (
        Resize((20, 30), "bicubic", antialias=False),
        Bgr(),
        Scale(2.0, 255.0),
        Mean((1.0,)),
        Layout("nhwc"),
    )
    assert parse_preprocess("grayscale, resize 8 nearest").steps == (
        Grayscale(),
        Resize((8,), "nearest", False),
    )


@pytest.mark.parametrize(
    "text",
    [
        "resize 256 bilinear antialias, crop 224x220, bgr, scale 1.0/255.0, mean 0.485 0.456 0.406, std 0.25",
        "grayscale, invert, centre 7, resize 32x30 nearest, threshold 9, blocksum 2, scale 0.3/1.0",
        "centre 255 margin 20, resize 8 bicubic no-antialias, layout hwc",
    ],
)
def test_contracts_are_shown_as_they_can_be_written(text):
    assert to_text(parse_preprocess(text).steps) == text


def test_labels_are_the_lines_of_a_file(tmp_path):
    file = tmp_path / "my names.txt"
    file.write_text("cat\nsiamesische Katze\n\nçay\n", encoding="utf-8")
    assert parse_postprocess(f"scores: softmax, labels {file}").steps == (
        Softmax(),
        Labels(("cat", "siamesische Katze", "çay")),
    )


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ("resise 8", "unknown step 'resise' in 'resise 8'", "did you mean resize? choose from resize, crop"),
        ("resize 8,", "unknown step '' in 'resize 8,'", "choose from"),
        ("resize", "cannot read step 'resize': it needs a size", "write resize N | HxW"),
        ("resize 8x", "cannot read step 'resize 8x': '' is not a whole number from 1 to", "write resize"),
        ("resize 8 bilinar", "cannot read step 'resize 8 bilinar': unknown word 'bilinar': did you mean", ""),
        (
            "resize 8 nearest antialias",
            "cannot read step 'resize 8 nearest antialias': nearest takes single",
            "",
        ),
        ("crop 0", "cannot read step 'crop 0': '0' is not a whole number from 1", "write crop N | HxW"),
        (
            "mean 1 2",
            "cannot read step 'mean 1 2': it takes one number, or one for each of three",
            "write mean",
        ),
        ("std 0.2 0 0.2", "cannot read step 'std 0.2 0 0.2': it divides, and one number is 0", "write std"),
        ("scale 1/0", "cannot read step 'scale 1/0': it divides, and one number is 0", "write scale A | A/B"),
        ("scale 1/nan", "cannot read step 'scale 1/nan': 'nan' is not finite", "write scale"),
        ("bgr 3", "cannot read step 'bgr 3': it takes nothing", "write bgr"),
        ("blocksum 257", "cannot read step 'blocksum 257': '257' is not a whole number from 1 to 256", ""),
        ("centre", "cannot read step 'centre': '' is not a whole number from 1 to 255", "write centre LEVEL"),
        ("centre 0", "cannot read step 'centre 0': '0' is not a whole number from 1 to 255", ""),
        ("centre 9 20", "cannot read step 'centre 9 20': it takes a level, and perhaps a margin", "write"),
        ("centre 9 margin 101", "cannot read step 'centre 9 margin 101': '101' is not a whole number", ""),
        ("threshold 256", "cannot read step 'threshold 256': '256' is not a whole number from 1 to 255", ""),
        ("scale 1/255, resize 8", "step 'resize' cannot come after 'scale'", "first what moves pixels"),
        ("layout nchw, layout nhwc", "nothing can come after 'layout'", ""),
        ("layout chwn", "cannot read step 'layout chwn'", "write layout nchw|nhwc|chw|hwc"),
    ],
)
def test_a_slip_is_named(text, message, hint):
    with pytest.raises(UsageError) as caught:
        parse_preprocess(text)
    assert caught.value.message.startswith(message)
    assert caught.value.hint.startswith(hint)
    assert caught.value.exit_code == 2


def test_a_missing_file_of_names_is_told_of(tmp_path):
    with pytest.raises(UsageError, match=r"cannot read the file of label names .*none\.txt: .*No such file"):
        parse_postprocess(f"labels {tmp_path / 'none.txt'}")
