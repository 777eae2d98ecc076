"""Models in 8 bits: right, with layers left in float where that is asked for, or refused for a reason."""

from math import inf

import pytest
import torch
from lite_site import MODELS, model_in_this_process, names, snr
from torch.ao.quantization import get_default_qconfig_mapping
from torch.ao.quantization.quantize_fx import convert_fx, prepare_fx

from edgepack.errors import UsageError
from edgepack.runners.static_gate import check_statically

ANDROID = "org.pytorch:pytorch_android_lite:1.12.2"


@pytest.mark.parametrize(
    ("model", "layers"),
    [
        ("lstm", ["recurrent", "head"]),
        ("gru", ["recurrent", "head"]),
        ("attention", ["mixed", "head"]),
        (
            "encoder",
            [
                "layers.layers.0.linear1",
                "layers.layers.0.linear2",
                "layers.layers.1.linear1",
                "layers.layers.1.linear2",
                "head",
            ],
        ),
    ],
)
def test_dynamic_takes_the_layers_with_large_weights(site, model, layers):
    attempt = site.prove(model, "dynamic")
    assert (attempt.route, attempt.failures) == ("dynamic-trace", ())
    assert names(attempt.candidate.layers) == layers
    assert min(snr(attempt)) >= 35
    assert check_statically(attempt.id, attempt.candidate, ANDROID) == ()


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning")
def test_bare_recipe_gets_every_clamp_wrong():
    """Which is why clamps are taken out, or given their values in order."""
    model, image = model_in_this_process("clamps"), torch.rand(1, 3, 12, 9) * 4 - 2
    torch.backends.quantized.engine = "qnnpack"
    with torch.no_grad():
        observed = prepare_fx(model, get_default_qconfig_mapping("qnnpack"), (image,))
        expected = observed(image)[0]
        error = convert_fx(observed)(image)[0] - expected
    assert error.square().sum() > 0.1 * expected.square().sum()


def test_what_torch_fx_cannot_follow_is_named_and_the_layers_inside_are_quantised(site):
    candidate = site.prove("branching", "int8").candidate
    line = 1 + MODELS.read_text().splitlines().index("        if bool(values.sum() > 0):")
    assert candidate.warnings == (
        "torch.fx cannot follow all, so only layers in it are quantised: the model (Branching): TraceError: "
        f"symbolically traced variables cannot be used as inputs to control flow (lite_models.py:{line})",
    )
    assert "quantized::linear" in candidate.operators


def test_compiled_parts_stay_float_between_quantised_ones(site):
    candidate = site.prove("half_scripted", "int8").candidate
    assert names(candidate.layers) == ["0", "2"]
    assert "1 (MaskedBias): it is TorchScript" in candidate.warnings[0]


@pytest.mark.parametrize(
    ("model", "precision", "reason"),
    [
        ("image", "dynamic", "the model has no float32 Linear, LSTM or GRU layer for 8-bit weights"),
        ("precise", "dynamic", "the model has no float32 Linear, LSTM or GRU layer for 8-bit weights"),
        ("precise", "int8", "the model has no float32 convolution or Linear layer to quantise"),
        ("masked_bias", "int8", "the model has no float32 convolution or Linear layer to quantise"),
    ],
)
def test_a_model_without_such_layers_cannot_have_it_by_nature(site, model, precision, reason):
    attempt = site.prove(model, precision)
    assert (attempt.candidate, attempt.failures, attempt.failed) == (None, (), False)
    assert attempt.reason == reason


@pytest.mark.parametrize("precision", ["int8", "dynamic"])
def test_files_without_layers_cannot_be_quantised_and_say_what_to_do(site, tmp_path, precision):
    module, inputs = model_in_this_process("two_headed"), ("x:float32[2,6]",)
    torch.jit.save(torch.jit.script(module.left), tmp_path / "model.pt")
    torch.export.save(torch.export.export(module.left, (torch.rand(2, 6),)), tmp_path / "model.pt2")
    script = site.prove(str(tmp_path / "model.pt"), precision, inputs=inputs)
    exported = site.prove(str(tmp_path / "model.pt2"), precision)
    what = "has no layers that torch.ao can quantise; build from the Python module that it was made of"
    assert script.unsuitable == f"TorchScript {what}"
    assert exported.unsuitable == f"an exported program {what}"


@pytest.mark.parametrize("precision", ["int8", "dynamic"])
def test_named_layers_stay_float(site, precision):
    attempt = site.prove("encoder", precision, keep_float=["layers.1.linear", "head"])
    assert attempt.candidate.kept_float == ("head", "layers.layers.1.linear1", "layers.layers.1.linear2")
    ratios = {one.name: one.snr_db for one in attempt.candidate.layers}
    assert ratios["layers.layers.1.linear1"] == inf > ratios["layers.layers.0.linear1"]
    with pytest.raises(UsageError) as caught:
        site.prove("encoder", precision, keep_float=["tail"])
    assert caught.value.message == "--keep-float tail: no layer of the .ptl file fits"
    assert "layers.layers.0.linear1" in caught.value.hint
    assert caught.value.exit_code == 2


def test_a_layer_before_a_clamp_can_stay_float(site):
    attempt = site.prove("clamps", "int8", keep_float=["first.0", "add"])
    assert attempt.route == "static-trace"
    assert set(attempt.candidate.kept_float) == {"first.0", "add", "add_1"}
    assert min(snr(attempt)) >= 30
