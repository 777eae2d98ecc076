"""Models of all sorts in 8 bits, through every route, and what becomes of a collapse."""

from dataclasses import replace

import pytest
from lite_site import MODELS, Site, names, snr

from edgepack.backends.torch_lite.routes import ROUTES
from edgepack.config import build_options
from edgepack.errors import ConversionError
from edgepack.pipeline import build
from edgepack.runners.static_gate import check_statically
from edgepack.workers import Workers

ANDROID = "org.pytorch:pytorch_android_lite:1.12.2"


@pytest.mark.parametrize(
    ("model", "operator"),
    [
        ("image", "quantized::conv2d_relu.new"),
        ("lstm", "aten::quantized_lstm.input"),
        ("gru", "aten::quantized_gru.input"),
        ("two_headed", "quantized::linear"),
        ("encoder", "quantized::linear"),
        ("clamps", "quantized::add"),
        ("attention", "quantized::linear"),
    ],
)
def test_integers_go_through_every_kind_of_layer(site, model, operator):
    attempt = site.prove(model, "int8")
    assert (attempt.route, attempt.failures) == ("static-trace", ())
    assert operator in attempt.candidate.operators
    assert min(snr(attempt)) >= 30
    plain = site.prove(model).candidate
    assert (attempt.candidate.inputs, attempt.candidate.outputs) == (plain.inputs, plain.outputs)
    assert attempt.candidate.layers
    assert check_statically(attempt.id, attempt.candidate, ANDROID) == ()


def test_routes_of_each_precision_agree_where_nothing_is_special(site):
    context = site.load("encoder", calibration="golden")
    for precision in ("int8", "dynamic"):
        for route in ROUTES[precision]:
            if not route.recipe.scripted:  # which TransformerEncoderLayer refuses, once it is quantised
                assert site.check(context, site.make(context, route), precision).passed, route.name


def test_scripting_keeps_both_branches_in_integers(site):
    for precision in ("int8", "dynamic"):
        attempt = site.prove("branching", precision, cases=8, script=True)
        assert attempt.route == f"{'static' if precision == 'int8' else 'dynamic'}-script"
        assert min(snr(attempt)) >= 30


def test_weights_that_are_computed_stay_float(site):
    attempt = site.prove("computed_weights", "int8")
    assert names(attempt.candidate.layers) == ["1"]
    (failure,) = attempt.failures
    assert names(failure.layers) == ["1"], "it was prepacking that went wrong"


def test_a_collapse_is_refused_with_the_culprit_named_and_the_search_saves_it(site):
    attempt = site.prove("loud", "int8")
    assert attempt.failed
    assert attempt.reason == "computes something else"
    assert attempt.worst_layers.startswith("layers.1")
    assert "--keep-float auto" in attempt.hint
    saved = site.prove("loud", "int8", keep_float=["auto"])
    assert saved.route == "static-trace"
    assert saved.candidate.kept_float == ("layers.1", "layers.2")


@pytest.mark.parametrize("bytecode", [7, 5])
@pytest.mark.parametrize("precision", ["int8", "dynamic"])
def test_backported_file_is_what_is_proven(site, precision, bytecode):
    attempt = site.prove("lstm", precision, bytecode=bytecode)
    assert attempt.candidate.requires == {"bytecode": str(bytecode)}
    assert min(snr(attempt)) >= 30


def test_bytes_are_the_same_in_another_process(site, tmp_path):
    def make(site, source):
        return {
            precision: site.prove(source, precision).candidate.path.read_bytes()
            for precision in ("int8", "dynamic")
        }

    first = make(site, "encoder")
    with Workers(tmp_path / "logs") as workers:
        assert make(Site(workers, tmp_path), "encoder_after_others") == first
    assert all(bytes(MODELS.parent) not in made for made in first.values())


def test_no_route_changes_what_the_worker_of_the_model_holds(site):
    """Quantising replaces layers, in forks."""
    context = site.load("encoder", calibration="golden")
    before = site.make(context, ROUTES["float32"][0]).read_bytes()
    site.make(context, ROUTES["int8"][0])
    assert site.make(context, ROUTES["float32"][0]).read_bytes() == before


def test_a_build_leaves_out_what_the_model_cannot_have(tmp_path):
    options = build_options(
        f"{MODELS}:image", {"output": str(tmp_path / "out"), "formats": ["torch_lite"], "cache": False}
    )
    result = build(replace(options, precisions=("float32", "dynamic")))
    (gap,) = result.bundle.manifest.gaps
    assert (gap.id, gap.by_nature) == ("torch_lite/dynamic", True)
    assert result.report.passed
    with pytest.raises(ConversionError) as caught:
        build(replace(options, precisions=("dynamic",), output=tmp_path / "none"))
    assert caught.value.message.startswith("nothing to make: the model has no float32 Linear")
    assert caught.value.hint == "choose another --format or --precision"


def test_relu6_of_a_real_network_costs_no_more_than_rounding(site):
    """With clamps as torch.ao leaves them, the signal drowns: 2 dB."""
    attempt = site.prove("mobilenet_v2", "int8")
    assert (attempt.route, attempt.failures) == ("static-trace", ())
    assert "aten::hardtanh" not in attempt.candidate.operators
    assert min(snr(attempt)) >= 20
