"""Models of all sorts become files that compute the same, with contracts that say how to feed them."""

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from edgepack.bundle.manifest import TensorContract
from edgepack.errors import ConversionError, ToolError, VerificationFailed
from edgepack.input_syntax import parse_input
from edgepack.workers import Workers

MODELS = Path(__file__).parents[2] / "helpers" / "tflite_models.py"


def show(contract: TensorContract) -> str:
    return f"{contract.index} {contract.name}:{contract.dtype}{list(contract.shape)} {list(contract.axes)}"


@pytest.mark.parametrize(
    ("model", "inputs", "outputs"),
    [
        (
            "image",
            ["0 image:float32[1, 20, 14, 3] [0, 2, 3, 1]"],
            ["0 output:float32[1, 7, 4, 4] [0, 2, 3, 1]"],
        ),
        # Here shapes say nothing, and only values tell that the first is turned and the second is not.
        (
            "square_image",
            ["0 image:float32[1, 6, 6, 6] [0, 2, 3, 1]"],
            ["0 output:float32[1, 6, 6, 6] [0, 2, 3, 1]"],
        ),
        ("sequence", ["0 signal:float32[2, 4, 4] [0, 1, 2]"], ["0 output:float32[2, 5, 2] [0, 1, 2]"]),
        (
            "volume",
            ["0 volume:float32[1, 5, 6, 7, 2] [0, 2, 3, 4, 1]"],
            ["0 output:float32[1, 5, 4, 6, 3] [0, 2, 3, 4, 1]"],
        ),
        (
            "two_by_two",
            ["0 near:float32[1, 8, 8, 3] [0, 2, 3, 1]", "1 far:float32[1, 8, 8, 3] [0, 2, 3, 1]"],
            ["0 sum:float32[1, 2, 6, 6] [0, 1, 2, 3]", "1 far:float32[1, 2, 6, 6] [0, 1, 2, 3]"],
        ),
        (
            "lstm",
            ["0 tokens:int64[1, 7] [0, 1]"],
            ["0 output_0:float32[1, 7, 3] [0, 1, 2]", "1 output_1:int64[1, 7] [0, 1]"],
        ),
        (
            "gru",
            ["0 tokens:int64[1, 7] [0, 1]"],
            ["0 output_0:float32[1, 7, 3] [0, 1, 2]", "1 output_1:int64[1, 7] [0, 1]"],
        ),
        ("encoder", ["0 frames:float32[1, 16, 6] [0, 2, 1]"], ["0 output:float32[1, 6, 16] [0, 1, 2]"]),
        (
            "kinds",
            ["0 features:float32[2, 4] [0, 1]", "1 mask:bool[2, 4] [0, 1]", "2 gain:float32[1] []"],
            ["0 positive:bool[2, 3] [0, 1]", "1 total:float32[] []"],
        ),
        ("spare", ["0 x:float32[1, 4] [0, 1]"], ["0 y:float32[1, 4] [0, 1]", "1 x:float32[1, 4] [0, 1]"]),
    ],
)
def test_the_first_route_is_right_and_finds_the_layout(prove, model, inputs, outputs):
    attempt = prove(model)
    assert attempt.failures == ()
    assert attempt.route == "direct_torchscript"
    assert [show(one) for one in attempt.candidate.inputs] == inputs
    assert [show(one) for one in attempt.candidate.outputs] == outputs


def test_integers_are_rounded_as_pytorch_does(prove):
    attempt = prove("quotients")
    assert attempt.route == "direct_torchscript"
    assert attempt.failures == ()


def test_a_file_lies_alone_and_its_graph_is_kept_for_later_routes(load, make):
    context = load("image")
    candidate = make(context)
    assert [path.name for path in candidate.path.parent.iterdir()] == ["model.tflite"]
    assert candidate.operators == ("CONV_2D@1",)
    assert "conv" in candidate.places["CONV_2D@1"].lower()
    assert [path.name for path in context.shared.rglob("*") if path.is_file()] == ["graph.onnx"]


def test_the_same_model_gives_the_same_bytes_in_other_processes(load, make, tmp_path):
    first = make("two_by_two").path.read_bytes()
    with Workers(tmp_path / "logs") as others:
        second = make(load("two_by_two", pool=others)).path.read_bytes()
    assert first == second


def test_a_plain_onnx_file_with_open_sizes_gets_the_ones_asked_for(prove, tmp_path):
    rng = np.random.default_rng(0)
    weights = [
        numpy_helper.from_array(rng.normal(size=(5, 3, 3, 3)).astype("float32"), "kernel"),
        numpy_helper.from_array(rng.normal(size=(5, 4)).astype("float32"), "matrix"),
    ]
    graph = helper.make_graph(
        [
            helper.make_node("Conv", ["pixels", "kernel"], ["features"]),
            helper.make_node("GlobalAveragePool", ["features"], ["pooled"]),
            helper.make_node("Flatten", ["pooled"], ["flat"]),
            helper.make_node("MatMul", ["flat", "matrix"], ["scores"]),
        ],
        "open",
        [helper.make_tensor_value_info("pixels", TensorProto.FLOAT, ["batch", 3, "height", "width"])],
        [helper.make_tensor_value_info("scores", TensorProto.FLOAT, ["batch", 4])],
        weights,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.save(model, tmp_path / "open.onnx")
    attempt = prove(str(tmp_path / "open.onnx"), parse_input("pixels:float32[1,3,9,7]"))
    assert attempt.route == "direct_onnx", attempt.failures
    assert [show(one) for one in attempt.candidate.inputs] == ["0 pixels:float32[1, 9, 7, 3] [0, 2, 3, 1]"]
    assert [show(one) for one in attempt.candidate.outputs] == ["0 scores:float32[1, 4] [0, 1]"]


def test_a_file_that_computes_something_else_is_refused_with_the_judges_figures(make, load):
    wrong = replace(load("steep_elu"), model=load("plain_elu").model)
    with pytest.raises(VerificationFailed) as caught:
        make(wrong)
    (verdict,) = caught.value.details["comparisons"]
    assert caught.value.message == f"computes something else: {verdict.reason}"
    assert verdict.output == "output"
    assert not verdict.passed
    # ELU's slope for large negative values is 2 in the reference, 1 in the file.
    assert 0.1 < verdict.max_error <= 1.0
    assert verdict.needed_relative > 0.1


def test_what_the_converter_gets_silently_wrong_is_guarded(prove):
    attempt = prove("steep_elu")
    assert attempt.failures == ()
    assert attempt.route == "direct_torchscript"


def test_an_operator_that_the_exporter_does_not_know_is_named_with_its_place(make):
    with pytest.raises(ConversionError) as caught:
        make("no_onnx_form")
    line = next(
        number
        for number, text in enumerate(MODELS.read_text().splitlines(), start=1)
        if "torch.erfinv" in text
    )
    assert caught.value.message == (
        "torch.onnx (TorchScript) refuses: Exporting the operator 'aten::erfinv' to ONNX opset version 17 "
        f"is not supported (in module 1.1, tflite_models.py:{line})"
    )
    assert caught.value.hint == "replace it in the model by operators that ONNX has"
    assert caught.value.exit_code == 4


def test_an_operator_that_the_converter_does_not_take_is_named_with_its_place(make):
    with pytest.raises(ConversionError) as caught:
        make("not_converted")
    assert caught.value.message == (
        "onnx2tf cannot convert operator Mod (node /model/model.1/model.1.1/Mod in module 1.1, "
        "which computes 'output'): Mod with fmod=1 is not supported by FLOOR_MOD lowering. fmod=1"
    )
    assert caught.value.hint == "replace that operator in the model by simpler ones"
    assert caught.value.exit_code == 4


def test_without_any_graph_tensorflow_has_nothing_to_convert(make):
    with pytest.raises(ConversionError) as caught:
        make("image", "tf_converter")
    assert caught.value.message == "no exporter made an ONNX graph of this model"


def test_without_tensorflow_its_route_names_the_extra(make, monkeypatch):
    monkeypatch.setattr(sys.modules["edgepack.backends.tflite.routes"], "find_spec", lambda name: None)
    with pytest.raises(ToolError) as caught:
        make("image", "tf_converter")
    assert caught.value.message == "the package tensorflow is not installed"
    assert caught.value.hint == "pip install 'edgepack[tensorflow]'"
    assert caught.value.exit_code == 5


def test_a_scripted_module_is_exported_by_way_of_its_trace(prove):
    attempt = prove("scripted_inside")
    assert attempt.failures == ()
    assert attempt.route == "direct_torchscript"
