"""The slower routes to .tflite: torch.export's exporter, and the converter that goes through TensorFlow."""

from pathlib import Path

import pytest

from edgepack.config import build_options
from edgepack.errors import ConversionError
from edgepack.pipeline import build

MODELS = Path(__file__).parents[2] / "backends" / "tflite" / "models.py"


@pytest.fixture
def run(tmp_path, monkeypatch):
    # No route may depend on what PATH happens to hold.
    monkeypatch.setenv("PATH", str(tmp_path))

    def build_one(model, **settings):
        options = {"output": str(tmp_path / "out"), "formats": ["tflite"], "cache": False, **settings}
        return build(build_options(f"{MODELS}:{model}", options))

    return build_one


def test_what_the_direct_converter_gets_wrong_goes_through_tensorflow(run):
    result = run("steep_elu")
    artifact = result.bundle.artifact("tflite/float32")
    assert artifact.route == "tf_converter"
    assert [one.name for one in artifact.outputs] == ["output"]
    # TensorFlow's converter records which runtime is old enough.
    major, minor, *_ = map(int, artifact.requires["tflite"].split("."))
    assert (1, 14) <= (major, minor) < (3, 0)
    assert "EXP@1" in artifact.operators
    failures = result.report.failures
    assert [one.route for one in failures] == ["direct_torchscript", "direct_torch_export"]
    for failure in failures:
        assert failure.reason.startswith("computes something else: off by ")
        assert [one.output for one in failure.comparisons] == ["output"]
        assert failure.comparisons[0].max_error > 0.1
    assert result.report.passed


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
    (failure,) = result.report.failures
    assert failure.reason.startswith(
        "torch.onnx (TorchScript) refuses: Exporting the operator 'aten::addcdiv' to ONNX opset version 17 "
        "is not supported (in the model's own forward, models.py:"
    )


def test_an_operator_that_no_route_takes_is_named_by_each(run, tmp_path):
    with pytest.raises(ConversionError) as caught:
        run("no_onnx_form")
    assert caught.value.exit_code == 4
    assert caught.value.message.startswith("no route leads to tflite/float32: ")
    assert "aten::erfinv" in caught.value.message
    reasons = {one.route: one.reason for one in caught.value.details["report"].failures}
    assert "(in module 1.1, models.py:" in reasons["direct_torchscript"]
    assert reasons["direct_torch_export"].startswith("torch.onnx (torch.export) refuses: ")
    assert "erf_inv" in reasons["direct_torch_export"]
    assert reasons["tf_converter"] == "no exporter made an ONNX graph of this model"
    assert not (tmp_path / "out").exists()


def test_the_place_of_a_refused_operator_comes_from_either_exporter(run):
    reasons = {one.route: one.reason for one in run("not_converted").report.failures}
    assert "(node /model/model.1/model.1.1/Mod in module 1.1, which" in reasons["direct_torchscript"]
    assert " in module 1.1, which" in reasons["direct_torch_export"]
