"""Models of all sorts become .ptl files that compute the same; what does not compute the same is caught."""

import shutil
from dataclasses import replace

import numpy as np
import pytest
import torch
from lite_site import MODELS, Site, bare_recipe, model_in_this_process
from torch.jit.mobile import _get_model_bytecode_version

from edgepack.backends.torch_lite import backend
from edgepack.backends.torch_lite.export import export_lite
from edgepack.backends.torch_lite.routes import ROUTES
from edgepack.errors import UsageError
from edgepack.runners.base import Subject
from edgepack.workers import JobFailed, Workers


def show(contracts):
    return [
        f"{one.index} {one.name}:{one.dtype}{list(one.shape)} {list(one.axes)}".replace(", ", ",")
        for one in contracts
    ]


@pytest.mark.parametrize(
    ("model", "outputs"),
    [
        ("image", ["0 output:float32[1,4,8,5] [0,1,2,3]"]),
        (
            "lstm",
            [
                "0 output_0:float32[1,3] [0,1]",
                "1 output_1.0:float32[4,1,5] [0,1,2]",
                "2 output_1.1:float32[4,1,5] [0,1,2]",
            ],
        ),
        ("gru", ["0 output_0:float32[2,3] [0,1]", "1 output_1:float32[4,2,5] [0,1,2]"]),
        (
            "two_headed",
            [
                "0 sum.0:float32[2,4] [0,1]",
                "1 sum.1:int64[3] [0]",
                "2 far.0:float32[2,4] [0,1]",
                "3 far.1:int64[3] [0]",
            ],
        ),
        ("encoder", ["0 output:float32[1,3] [0,1]"]),
    ],
)
def test_first_route_is_right(site, model, outputs):
    attempt = site.prove(model)
    assert (attempt.route, attempt.failures) == ("trace", ())
    assert show(attempt.candidate.outputs) == outputs
    assert attempt.candidate.requires == {"bytecode": "8"}
    assert attempt.candidate.operators == tuple(sorted(attempt.candidate.operators)) != ()


def test_inputs_stand_in_the_order_of_forward(site):
    assert show(site.prove("two_headed").candidate.inputs) == [
        "0 near:float32[2,6] [0,1]",
        "1 far:float32[2,6] [0,1]",
        "2 count:int64[3] [0]",
    ]


def test_traced_transformer_uses_the_fused_operator_but_on_android_whose_runtime_has_another(site):
    candidate = site.prove("encoder").candidate
    assert "aten::_transformer_encoder_layer_fwd" in candidate.operators
    assert not [name for name in candidate.operators if "scaled_dot_product" in name]
    assert candidate.places["aten::_transformer_encoder_layer_fwd"].startswith(
        "layers.layers.0, transformer.py:"
    )
    attempt = site.prove("encoder", target="android")
    assert attempt.route == "trace-plain-attention"
    assert "does something else: it fails where there is a mask" in attempt.failures[0].reason
    assert "aten::softmax.int" in attempt.candidate.operators


def test_attention_of_torch_2_is_said_in_what_androids_runtime_has(site):
    attempt = site.prove("attention", target="android")
    assert attempt.route == "trace-plain-attention"
    assert "aten::scaled_dot_product_attention" in attempt.failures[0].reason
    assert site.prove("attention").route == "trace"


@pytest.mark.parametrize("script", [False, True])
def test_division_that_rounds_down_does_so_in_androids_runtime_too(site, script):
    attempt = site.prove("two_headed", target="android", script=script)
    assert attempt.failures == ()
    assert not [name for name in attempt.candidate.operators if "floor_divide" in name]
    assert [name for name in attempt.candidate.operators if name.startswith("aten::div.")]


def test_bare_recipe_fails_the_judge(site, tmp_path):
    context = site.load("image")
    bare_recipe(model_in_this_process("image"), torch.rand(1, 3, 12, 9), tmp_path / "bare.ptl")
    result = site.check(context, tmp_path / "bare.ptl")
    assert not result.passed
    assert result.needed_relative > 0.05, "BatchNorm is folded into wrong weights"


def test_next_route_is_right_where_prepacking_is_wrong(site):
    attempt = site.prove("masked_bias")
    assert attempt.route == "trace-no-prepack"
    (failure,) = attempt.failures
    assert failure.route == "trace"
    assert max(one.needed_relative for one in failure.comparisons) > 0.01


def test_float64_keeps_its_dtype_where_prepacking_refuses_it(site):
    attempt = site.prove("precise")
    assert (attempt.route, [failure.route for failure in attempt.failures]) == ("trace-no-prepack", ["trace"])
    assert show(attempt.candidate.outputs) == ["0 output:float64[3,2] [0,1]"]


def test_every_route_is_right_where_nothing_is_special(site):
    context = site.load("image")
    for route in ROUTES["float32"]:
        assert site.check(context, site.make(context, route)).passed, route.name


def test_trace_of_a_branch_fails_and_scripting_keeps_both(site):
    attempt = site.prove("branching", cases=8)
    assert attempt.route == "script"
    assert {failure.route.partition("-")[0] for failure in attempt.failures} == {"trace"}
    alone = site.prove("branching", cases=8, script=True)
    assert (alone.route, alone.failures) == ("script", ())


@pytest.mark.parametrize("model", ["image", "lstm", "two_headed", "encoder"])
def test_scripted_file_takes_and_gives_what_the_traced_one_does(site, model):
    attempt = site.prove(model, script=True)
    assert (attempt.route, attempt.failures) == ("script", ())


def test_frozen_torchscript_goes_through_every_route(site, tmp_path):
    module = torch.jit.freeze(torch.jit.script(model_in_this_process("image")))
    torch.jit.save(module, tmp_path / "image.pt")
    inputs = ("image:float32[1,3,12,9]",)
    assert site.prove(str(tmp_path / "image.pt"), inputs=inputs).route == "trace"
    assert site.prove(str(tmp_path / "image.pt"), inputs=inputs, script=True).route == "script"


def test_operator_of_the_users_own_package_is_named_with_its_place(site):
    attempt = site.prove("own_operator")
    assert attempt.candidate is None
    line = 1 + MODELS.read_text().splitlines().index("        return doubled(values) + 1")
    assert attempt.failures[0].reason == (
        f"the lite interpreter has no operator edgepack_tests::doubled (in inner, lite_models.py:{line})"
    )
    assert attempt.hint == "express it in the model with torch's own operators"


def test_operators_of_the_users_own_packages_are_not_there_when_a_file_is_run(site, tmp_path):
    context = site.load("own_operator")
    path = tmp_path / "model.ptl"
    made = context.model.run(export_lite, ROUTES["float32"][0].recipe, path, None, name="make")
    assert "edgepack_tests::doubled" in made.operators
    with pytest.raises(JobFailed) as caught:
        site.check(context, path)
    assert "Following ops cannot be found: [edgepack_tests::doubled" in caught.value.reason


@pytest.mark.parametrize("bytecode", [7, 4])
@pytest.mark.parametrize("model", ["image", "lstm"])
def test_backported_file_is_what_is_proven(site, model, bytecode):
    attempt = site.prove(model, bytecode=bytecode)
    assert attempt.route == "trace"
    assert attempt.candidate.requires == {"bytecode": str(bytecode)}
    assert _get_model_bytecode_version(str(attempt.candidate.path)) == bytecode


@pytest.mark.parametrize("bytecode", [3, 9])
def test_impossible_bytecode_names_what_is_possible(site, bytecode):
    context = site.load("image")
    with pytest.raises(UsageError) as caught:
        backend.routes("float32", context.info, replace(context.options, bytecode=bytecode))
    assert caught.value.message == f"bytecode version {bytecode} cannot be written"
    assert caught.value.hint == "torch writes 4, 5, 6, 7, 8"
    assert caught.value.exit_code == 2


def make_all(site, source):
    """Make the model by the shortest and the longest route, as torch writes it and backported."""
    contexts = {bytecode: site.load(source, bytecode=bytecode) for bytecode in (None, 7)}
    return {
        (route.name, bytecode): site.make(context, route).read_bytes()
        for bytecode, context in contexts.items()
        for route in (ROUTES["float32"][0], ROUTES["float32"][-1])
    }


def test_bytes_are_the_same_in_another_process_and_name_no_place(site, tmp_path):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    copy = shutil.copy(MODELS, elsewhere)
    shutil.copy(MODELS.with_name("randomised.py"), elsewhere)
    first = make_all(site, "encoder")
    with Workers(tmp_path / "logs") as workers:
        second = make_all(Site(workers, elsewhere), f"{copy}:encoder_after_others")
    assert [key for key in first if first[key] != second[key]] == []
    for made in first.values():
        assert b"site-packages" not in made
        assert bytes(MODELS.parent) not in made


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (
            lambda data: data[: len(data) // 2],
            "model.ptl is damaged or not a .ptl file: File is not a zip file",
        ),
        (
            lambda data: flipped(data, b"aten::"),
            "model.ptl is damaged: the checksum of model/bytecode.pkl is wrong",
        ),
        (lambda data: b"", "model.ptl is damaged or not a .ptl file: File is not a zip file"),
    ],
    ids=["truncated", "one bit", "empty"],
)
def test_damaged_file_is_refused_in_plain_words(site, damage, reason):
    attempt = site.prove("lstm")
    candidate = attempt.candidate
    candidate.path.write_bytes(damage(candidate.path.read_bytes()))
    subject = Subject(attempt.id, "torch_lite", candidate.path, candidate.inputs, candidate.outputs)
    with pytest.raises(JobFailed) as caught:
        site.runner.run(subject, None, {"tokens": np.zeros((1, 7), np.int64)})
    assert caught.value.reason == f"BadZipFile: {reason}"


def flipped(data, marker):
    at = data.index(marker)
    return data[:at] + bytes([data[at] ^ 4]) + data[at + 1 :]
