"""A contract has to lead to the model's own tensors, or the build stops before any work."""

import pytest

from edgepack.bundle.document import schema_fault
from edgepack.errors import SourceError
from edgepack.model import TensorSpec
from edgepack.processing import document
from edgepack.processing.binding import bind_postprocess, bind_preprocess, declared_processing
from edgepack.processing.parsing import parse_preprocess
from edgepack.processing.steps import Labels, Layout, Postprocess, Processing, Softmax

IMAGE = TensorSpec("image", "float32", (1, 3, 224, 224))
GRAY = TensorSpec("gray", "float32", (1, 28, 28, 1))
SCORES = TensorSpec("scores", "float32", (1, 3))


def bind(text, *inputs):
    return bind_preprocess([parse_preprocess(text)], inputs)


@pytest.mark.parametrize(
    ("text", "spec", "layout"),
    [
        ("resize 256, crop 224", IMAGE, "nchw"),
        ("resize 28x28, grayscale", GRAY, "nhwc"),
        ("scale 1/255", TensorSpec("x", "float32", (3, 40, 50)), "chw"),
        ("resize 40", TensorSpec("x", "float32", (3, 40, 50)), "chw"),
        ("resize 100, crop 80x150, blocksum 2", TensorSpec("x", "float32", (3, 40, 75)), "chw"),
        ("resize 80, blocksum 2", TensorSpec("x", "float32", (3, 50, 40)), "chw"),
        ("centre 9, grayscale, resize 28", GRAY, "nhwc"),
        # How large centre's square becomes depends on the picture.
        ("resize 30x30, centre 9 margin 50, crop 40", TensorSpec("x", "float32", (3, 40, 40)), "chw"),
    ],
)
def test_the_layout_is_told_from_the_input(text, spec, layout):
    (contract,) = bind(text, spec)
    assert contract.input == spec.name
    assert contract.steps[-1] == Layout(layout)


@pytest.mark.parametrize(
    ("text", "inputs", "message"),
    [
        (
            "crop 256",
            [IMAGE],
            "the preprocessing gives 256x256 pixels with 3 channels, and the input is image:",
        ),
        ("grayscale, crop 224", [IMAGE], "the preprocessing gives 224x224 pixels with 1 channel, and"),
        ("layout nhwc", [IMAGE], "the preprocessing gives pictures with 3 channels, and the input is"),
        ("imagee: crop 224", [IMAGE], "processing for input 'imagee': the model has none"),
        (
            "crop 224",
            [IMAGE, GRAY],
            "the model has 2 inputs, and the processing does not say which it is for",
        ),
        ("resize 200x200, crop 224", [IMAGE], "crop 224x224 of 200x200 pixels"),
        ("blocksum 32, blocksum 9", [GRAY], "blocksum adds up 288x288 pixels; 256x256 are the most"),
        ("resize 30x30, blocksum 4", [GRAY], "30x30 pixels cannot be divided into blocks of 4"),
        (
            "resize 7, grayscale",
            [TensorSpec("x", "float32", (1, 1, 8, 8))],
            "the preprocessing gives pictures with a shorter side of 7 pixels with 1 channel, and the",
        ),
        ("resize 200, crop 224", [IMAGE], "crop 224x224 of pictures with a shorter side of 200 pixels"),
        ("resize 30, blocksum 4", [GRAY], "pictures with a shorter side of 30 pixels cannot be divided into"),
        (
            "resize 60, blocksum 2",
            [GRAY],
            "the preprocessing gives pictures with a shorter side of 30 pixels",
        ),
        (
            "centre 9, grayscale",
            [TensorSpec("x", "float32", (1, 28, 30, 1))],
            "the preprocessing gives square pictures with 1 channel, and the input is",
        ),
        ("centre 9, resize 28", [IMAGE], "the preprocessing gives 28x28 pixels with 3 channels, and"),
        ("grayscale, bgr", [GRAY], "step 'bgr' comes after 'grayscale', which leaves one channel"),
        ("grayscale, mean 1 2 3", [GRAY], "step 'mean' has 3 values for 1 channels"),
        (
            "scale 1/255",
            [TensorSpec("x", "float32", (1, 3, 3, 3))],
            "input x:float32[1,3,3,3] could be nchw or",
        ),
        (
            "scale 1/255",
            [TensorSpec("x", "uint8", (1, 3, 8, 8))],
            "the preprocessing gives fractions, and the",
        ),
        ("crop 8", [TensorSpec("x", "int8", (1, 3, 8, 8))], "the preprocessing gives whole numbers, and the"),
    ],
)
def test_a_contract_that_does_not_lead_to_the_input_is_refused(text, inputs, message):
    with pytest.raises(SourceError) as caught:
        bind(text, *inputs)
    assert caught.value.message.startswith(message)
    assert caught.value.exit_code == 3


def test_an_input_has_one_contract():
    with pytest.raises(SourceError, match="processing for input 'image' is given twice"):
        bind_preprocess([parse_preprocess("crop 224"), parse_preprocess("image: crop 224")], [IMAGE])


def test_labels_are_as_many_as_classes():
    with pytest.raises(SourceError, match=r"there are 2 labels, and output scores.* has another last axis"):
        bind_postprocess([Postprocess("", (Labels(("cat", "dog")),))], [SCORES])


@pytest.mark.parametrize("step", [Softmax(), Labels(("cat", "dog", "bird"))])
def test_postprocessing_does_nothing_twice(step):
    with pytest.raises(
        SourceError, match=rf"step '{step.op}' is given twice for output scores:float32\[1,3\]"
    ):
        bind_postprocess([Postprocess("", (step, step))], [SCORES])


class Declared:
    edgepack_preprocess = "image: resize 256, crop 224, scale 1/255"
    edgepack_postprocess = "softmax"
    edgepack_labels = ("cat", "dog", "bird")


def test_a_model_declares_its_contract_in_attributes():
    found = declared_processing(Declared())
    assert found.preprocess == (parse_preprocess(Declared.edgepack_preprocess),)
    assert found.postprocess == (Postprocess("", (Softmax(), Labels(Declared.edgepack_labels))),)
    assert declared_processing(object()) == Processing()


@pytest.mark.parametrize(
    ("attribute", "value", "message"),
    [
        ("edgepack_preprocess", "resise 3", "edgepack_preprocess of the model: unknown step 'resise'"),
        ("edgepack_preprocess", 3, "edgepack_preprocess of the model is neither a text nor a tuple"),
        ("edgepack_labels", "cat", "edgepack_labels of the model is not a tuple of texts"),
    ],
)
def test_a_wrong_declaration_is_named(monkeypatch, attribute, value, message):
    monkeypatch.setattr(Declared, attribute, value)
    with pytest.raises(SourceError) as caught:
        declared_processing(Declared())
    assert caught.value.message.startswith(message)


ALL_STEPS = [
    "resize 32x32 bicubic no-antialias, crop 24, bgr, invert, scale 2/255, mean 0.5, std 0.25 0.5 1",
    "grayscale, centre 9 margin 20, resize 32, crop 32, threshold 100, blocksum 4, scale 1/16",
]


@pytest.mark.parametrize("text", ALL_STEPS)
def test_contracts_survive_the_manifest(parts_document, text):
    side = 24 if "crop 24" in text else 8
    channels = 1 if "grayscale" in text else 3
    spec = TensorSpec("image", "float32", (1, channels, side, side))
    after = bind_postprocess([Postprocess("", (Softmax(), Labels(("a", "b", "c"))))], [SCORES])
    processing = Processing(bind(text, spec), after)
    written = document.to_json(processing)
    assert schema_fault(parts_document | written) == ""
    assert document.from_json(written) == processing


@pytest.mark.parametrize(
    "step",
    [
        {"op": "resise", "size": [3]},
        {"op": "resize", "size": [3], "method": "bilinear"},
        {"op": "resize", "size": [3], "method": "lanczos", "antialias": True},
        {"op": "crop", "size": [3]},
        {"op": "bgr", "level": 3},
        {"op": "std", "values": [0.5, 0]},
        {"op": "scale", "multiply": 1, "divide": 0},
        {"op": "threshold", "level": 256},
        {"op": "centre", "level": 0, "margin": 0},
        {"op": "centre", "level": 9},
        {"op": "centre", "level": 9, "margin": 101},
        {"op": "blocksum", "block": 0},
        {"op": "blocksum", "block": 257},
    ],
    ids=str,
)
def test_the_schema_is_strict(parts_document, step):
    assert schema_fault(parts_document | {"preprocess": [{"input": "image", "steps": [step]}]})


@pytest.fixture
def parts_document():
    return {
        "schema": "edgepack.bundle/1",
        "name": "net",
        "model": {"inputs": [], "outputs": []},
        "artifacts": [],
        "golden": [],
        "tools": {},
        "source": {},
    }
