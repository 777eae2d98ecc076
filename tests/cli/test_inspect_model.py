"""inspect on ONNX models: what they are, and what would become of them."""

import json

import onnx
import pytest


@pytest.fixture
def mixed(tmp_path):
    """A model with a node of every state, whose batch size is open."""
    model = onnx.parser.parse_model(
        """<ir_version: 8, opset_import: ["" : 18], producer_name: "maker", producer_version: "1.2">
        g (float[batch,4] x, int64[1] axes) => (float[batch,c] y) <float[4] w = {1, 2, 3, 4}> {
        xw = Mul(x, w)
        bent = Elu <alpha = 0.5> (xw)
        y = ReduceSum(bent, axes) }"""
    )
    onnx.save(model, tmp_path / "mixed.onnx")
    return "mixed.onnx"


def test_a_model_is_shown(edgepack, mixed):
    done = edgepack("inspect", mixed)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [
        "mixed.onnx",
        "  opset    ai.onnx 18",
        "  made by  maker 1.2",
        "  weights  4 numbers, 16 bytes",
        "  input    x:float32[batch,4]",
        "  input    axes:int64[1], decides shapes: fix it with --bind",
        "  output   y:float32[batch,c]",
        "",
        "operators, 3 nodes",
        "  Elu        1",
        "  Mul        1",
        "  ReduceSum  1",
    ]
    model = json.loads(edgepack("inspect", mixed, "--json").stdout)["model"]
    assert model["operators"] == {"Elu": 1, "Mul": 1, "ReduceSum": 1}
    assert model["inputs"][0] == {"name": "x", "dtype": "float32", "shape": ["batch", 4]}
    assert (model["shape_inputs"], model["opsets"], model["weight_bytes"]) == (["axes"], {"ai.onnx": 18}, 16)


def test_a_plan_names_what_is_refused_and_fails(edgepack, mixed):
    done = edgepack("inspect", mixed, "--plan", "--input", "x:float32[2,4]")
    assert done.returncode == 4
    assert "plan for tflite: not every node has a way to the phone" in done.stdout
    assert "  ReduceSum  y  its axes" not in done.stdout
    (refused,) = [line for line in done.stdout.splitlines() if line.startswith("  ReduceSum y")]
    assert refused.endswith("to a value: --bind axes=…)")


def test_a_plan_for_bound_inputs_names_the_passes(edgepack, mixed):
    arguments = ("inspect", mixed, "--plan", "--input", "x:float32[2,4]", "--bind", "axes=[1]")
    done = edgepack(*arguments)
    assert done.returncode == 0, done.stderr
    assert "plan for tflite: every node has a way to the phone" in done.stdout
    assert "  Elu bent  elu_alpha\n" in done.stdout
    assert "the converter ignores alpha" in done.stdout
    plan = json.loads(edgepack(*arguments, "--json").stdout)["plan"]
    assert plan["feasible"] is True
    assert [one["state"] for one in plan["nodes"]] == ["rewritten", "rewritten", "native"]
    assert plan["nodes"][1]["passes"] == ["elu_alpha"]


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["--plan"], 3, "leaves the shape of input x:float32[batch,4] open"),
        (["--plan", "--bind", "axs=[1]"], 3, "did you mean axes?"),
        (["--bind", "axes=[1]"], 2, "add --plan"),
        (["--against", "any"], 2, "--against compares a bundle, and this is a model"),
    ],
)
def test_slips_are_explained(edgepack, mixed, arguments, code, words):
    done = edgepack("inspect", mixed, *arguments)
    assert (done.returncode, words in done.stderr) == (code, True), done.stderr


def test_a_plan_of_something_else_and_a_missing_model_are_refused(edgepack):
    done = edgepack("inspect", "bundle", "--plan")
    assert (done.returncode, "--plan is for ONNX models, and bundle is none" in done.stderr) == (2, True)
    done = edgepack("inspect", "none.onnx")
    assert (done.returncode, "no such file: none.onnx" in done.stderr) == (3, True)
