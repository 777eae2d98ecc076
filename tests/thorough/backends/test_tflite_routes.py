"""The slower routes to .tflite: torch.export's exporter, and the converter that goes through TensorFlow."""

from pathlib import Path

import pytest

from edgepack.backends.tflite import routes
from edgepack.config import build_options
from edgepack.errors import ConversionError
from edgepack.pipeline import build

MODELS = Path(__file__).parents[2] / "helpers" / "tflite_models.py"


@pytest.fixture
def run(tmp_path, monkeypatch):
    # No route may depend on what PATH happens to hold.
    monkeypatch.setenv("PATH", str(tmp_path))

    def build_one(model, **settings):
        options = {"output": str(tmp_path / "out"), "formats": ["tflite"], "cache": False, **settings}
        return build(build_options(f"{MODELS}:{model}", options))

    return build_one


@pytest.fixture
def quick_routes_fail(monkeypatch):
    """Let the exporters do their work and the quick converter give up, as it does on what it refuses."""

    def refuse(route, context):
        if isinstance(route, routes.DirectRoute):
            routes._export(context, route.exporter)
        raise ConversionError("refused for the test")

    for route in (routes.DirectRoute, routes.PreparedRoute):
        monkeypatch.setattr(route, "make", refuse)


@pytest.mark.usefixtures("quick_routes_fail")
def test_what_the_quick_converter_refuses_goes_through_tensorflow(run):
    result = run("steep_elu")
    artifact = result.bundle.artifact("tflite/float32")
    assert artifact.route == "tf_converter"
    assert [one.name for one in artifact.outputs] == ["output"]
    # TensorFlow's converter records which runtime is old enough.
    major, minor, *_ = map(int, artifact.requires["tflite"].split("."))
    assert (1, 14) <= (major, minor) < (3, 0)
    assert "EXP@1" in artifact.operators
    assert [one.route for one in result.report.failures] == [
        "direct_torchscript",
        "prepared_torchscript",
        "unmoved_torchscript",
        "direct_torch_export",
        "prepared_torch_export",
        "unmoved_torch_export",
    ]
    assert result.report.passed


@pytest.mark.usefixtures("quick_routes_fail")
def test_outputs_that_tensorflow_renames_and_reorders_are_found_again(run):
    """Here nothing but values can tell: both outputs are called PartitionedCall."""
    result = run("steep_pair")
    artifact = result.bundle.artifact("tflite/float32")
    assert artifact.route == "tf_converter"
    assert sorted(one.name for one in artifact.outputs) == ["bent", "straight"]
    assert [one.axes for one in artifact.inputs] == [(0, 2, 3, 1)]
    assert result.report.passed


def test_what_the_torchscript_exporter_does_not_know_goes_through_torch_export(run):
    result = run("newer_exporter")
    artifact = result.bundle.artifact("tflite/float32")
    assert artifact.route == "direct_torch_export"
    assert artifact.operators == ("ABS@1", "ADD@1", "DIV@1", "FULLY_CONNECTED@1")
    failure, *unprepared = result.report.failures
    assert [one.route for one in unprepared] == ["prepared_torchscript", "unmoved_torchscript"]
    assert all(one.reason.startswith("there is no ONNX graph to prepare") for one in unprepared)
    assert failure.reason.startswith(
        "torch.onnx (TorchScript) refuses: Exporting the operator 'aten::addcdiv' to ONNX opset version 17 "
        "is not supported (in the model's own forward, tflite_models.py:"
    )


def test_inputs_keep_their_layout_where_the_converter_loses_track_of_them(run):
    result = run("pooled_volume")
    artifact = result.bundle.artifact("tflite/float32")
    assert artifact.route == "unmoved_torchscript"
    assert [one.axes for one in artifact.inputs] == [(0, 1, 2, 3, 4)]
    assert [one.route for one in result.report.failures] == ["direct_torchscript", "prepared_torchscript"]
    assert all(one.reason.endswith("lacks data") for one in result.report.failures)


def test_an_operator_that_no_route_takes_is_named_by_each(run, tmp_path):
    with pytest.raises(ConversionError) as caught:
        run("no_onnx_form")
    assert caught.value.exit_code == 4
    assert caught.value.message.startswith("no route leads to tflite/float32, tflite/float16")
    assert "aten::erfinv" in caught.value.message
    reasons = {one.route: one.reason for one in caught.value.details["report"].failures}
    assert "(in module 1.1, tflite_models.py:" in reasons["direct_torchscript"]
    assert reasons["direct_torch_export"].startswith("torch.onnx (torch.export) refuses: ")
    assert "erf_inv" in reasons["direct_torch_export"]
    assert reasons["tf_converter"] == "no exporter made an ONNX graph of this model"
    assert not (tmp_path / "out").exists()


def test_what_the_converter_refuses_is_said_in_other_operators_and_its_place_is_told(run):
    result = run("not_converted")
    assert result.bundle.artifact("tflite/float32").route == "prepared_torchscript"
    (failure,) = result.report.failures
    assert "(node /model/model.1/model.1.1/Mod in module 1.1, which" in failure.reason
    assert result.report.passed


@pytest.mark.parametrize(
    ("network", "most"), [("mobilenet_v3_small", 120), ("shufflenet_v2_x0_5", 112), ("efficientnet_b0", 243)]
)
def test_no_layout_is_changed_for_nothing(tmp_path, network, most):
    """What TensorFlow's converter needs no TRANSPOSE for, and some that it does."""
    options = {
        "inputs": ["image:float32[1,3,224,224]"],
        "formats": ["tflite"],
        "precisions": ["float32"],
        "output": str(tmp_path / "out"),
        "cache": False,
    }
    result = build(build_options(f"torchvision.models:{network}", options))
    artifact = result.bundle.artifact("tflite/float32")
    assert artifact.route == "direct_torchscript"
    assert sum(artifact.counts.values()) <= most
    assert not [name for name in artifact.operators if name.startswith("TRANSPOSE")]
    assert result.report.operators == {"tflite/float32": artifact.counts}
