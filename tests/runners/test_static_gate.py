"""What is told of an artifact and a runtime without running either."""

from dataclasses import replace

import pytest

from edgepack.bundle.manifest import Artifact, FileRef
from edgepack.errors import UsageError
from edgepack.runners.runtimes import RUNTIMES
from edgepack.runners.static_gate import capabilities, check_statically

_PYTORCH = "org.pytorch:pytorch_android_lite:1.12.2"
_TFLITE = "org.tensorflow:tensorflow-lite:2.16.1"


def artifact(form, *operators, **requires):
    return Artifact(
        f"{form}/float32", form, "float32", FileRef("a", "0", 1), (), (), requires, "trace", operators
    )


def reasons(form, runtime, *operators, **requires):
    return [
        one.reason for one in check_statically("a/float32", artifact(form, *operators, **requires), runtime)
    ]


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_something_is_known_of_every_runtime(runtime):
    known = capabilities(RUNTIMES[runtime])
    assert known["runtime"] == runtime
    assert len(known["operators"]) > 150


@pytest.mark.parametrize(
    ("runtime", "operators", "expected"),
    [
        (_PYTORCH, ["aten::add.Tensor", "prepacked::conv2d_clamp_run"], []),
        (
            _PYTORCH,
            ["aten::add.Tensor", "aten::scaled_dot_product_attention"],
            ["the runtime has no operator aten::scaled_dot_product_attention"],
        ),
        ("torch==2.1.0", ["aten::scaled_dot_product_attention"], []),
        # Registered on the host by another package, and nowhere else.
        (_PYTORCH, ["torchvision::nms"], ["the runtime has no operator torchvision::nms"]),
        (
            _PYTORCH,
            ["aten::floor_divide"],
            ["the runtime's aten::floor_divide does something else: it truncates towards zero"],
        ),
        ("torch==2.1.0", ["aten::floor_divide"], []),
    ],
)
def test_operators_of_pytorch_mobile(runtime, operators, expected):
    assert reasons("torch_lite", runtime, *operators, bytecode="8") == expected


@pytest.mark.parametrize(
    ("operators", "expected"),
    [
        (["CONV_2D@1", "CONV_2D@5"], []),
        (["CONV_2D@99"], ["the runtime has no operator CONV_2D@99"]),
        (["FlexErf"], ["the runtime has no operator FlexErf"]),
    ],
)
def test_operators_of_tflite_have_versions(operators, expected):
    assert reasons("tflite", _TFLITE, *operators) == expected


@pytest.mark.parametrize(("version", "fits"), [("3", False), ("4", True), ("9", True), ("10", False)])
def test_the_bytecode_has_to_be_one_that_the_runtime_loads(version, fits):
    found = reasons("torch_lite", _PYTORCH, bytecode=version)
    assert found == ([] if fits else [f"it is of bytecode version {version}, and the runtime loads 4 to 9"])


def test_the_hint_names_the_releases_that_have_it():
    needs = artifact("torch_lite", "aten::scaled_dot_product_attention")
    (objection,) = check_statically("torch_lite/float32", needs, _PYTORCH)
    assert objection.hint == "torch==2.1.0 has it"


def test_what_is_missing_is_named_with_its_place_in_the_model():
    needs = replace(
        artifact("torch_lite", "aten::relu", "torchvision::nms"),
        places={"torchvision::nms": "boxes, net.py:7"},
    )
    (objection,) = check_statically("torch_lite/float32", needs, _PYTORCH)
    assert objection.reason == "the runtime has no operator torchvision::nms (in boxes, net.py:7)"


def test_an_unknown_runtime_is_named():
    with pytest.raises(UsageError, match="unknown runtime 'torch==9'"):
        check_statically("a", artifact("torch_lite"), "torch==9")
