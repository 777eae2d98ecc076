"""Inputs of ONNX models that are fixed to a value."""

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, parser
from onnx.reference import ReferenceEvaluator

from edgepack.backends.tflite.export import locate_onnx
from edgepack.errors import SourceError, UsageError
from edgepack.sources import load_model

WEIGHTS = np.random.default_rng(0).standard_normal((2, 3, 4)).astype(np.float32)


@pytest.fixture
def sums(tmp_path):
    """y = k times the sum of x over axes; which axes there are is left open."""
    model = parser.parse_model(
        """<ir_version: 8, opset_import: ["" : 18]>
        g (float[2,3,4] x, int64[n] axes, float k, bool flag) => (float[a,b,c] y) {
            s = ReduceSum(x, axes) neg = Neg(s) chosen = Where(flag, s, neg) y = Mul(chosen, k) }"""
    )
    onnx.save(model, tmp_path / "sums.onnx")
    return tmp_path / "sums.onnx"


def test_a_bound_input_is_a_constant_of_the_model(sums, request_for, tmp_path):
    model = load_model(request_for(sums, bind=["axes=[0,2]", "flag=false", "k=2"]))
    assert [str(one.tensor) for one in model.inputs] == ["x:float32[2,3,4]"]
    expected = -2 * WEIGHTS.sum((0, 2), keepdims=True)
    np.testing.assert_allclose(model([WEIGHTS])["y"], expected, rtol=1e-5)
    assert model.warnings[0] == "input axes is fixed to [0, 2]: for another value, build again"
    graph = onnx.load(locate_onnx(model, tmp_path / "raw.onnx", ["y"]))
    onnx.checker.check_model(graph)
    assert [one.name for one in graph.graph.input] == ["x"]
    (got,) = ReferenceEvaluator(graph).run(None, {"x": WEIGHTS})
    np.testing.assert_allclose(got, expected, rtol=1e-5)


def test_another_value_is_another_model(sums, request_for):
    first, second = (
        load_model(request_for(sums, bind=["flag=true", "k=1", f"axes={axes}"])) for axes in ("[0]", "[1]")
    )
    assert first.digest() != second.digest()


@pytest.mark.parametrize(
    ("bind", "message", "hint"),
    [
        (
            ["axs=[0]"],
            "has no input 'axs'",
            "did you mean axes? its inputs are x:float32[2,3,4], axes:int64[n]",
        ),
        (["axes=[0]", "axes=[1]"], "input 'axes' is bound twice", "bind each input once"),
        (["axes=[0.5]"], "axes=[0.5] does not fit input axes:int64[n]: it is a whole number from -92", ""),
        (["axes=[true]"], "axes=[true] does not fit input axes:int64[n]: it is a whole number", ""),
        (["axes=[99999999999999999999]"], "does not fit input axes:int64[n]: it is a whole number", ""),
        (["axes=2"], "input axes:int64[n] cannot be bound to one number", "write --bind axes=[0]"),
        (["k=[1]"], "input k:float32[] cannot be bound to shape [1]", "write --bind k=0"),
        (["k=1e39"], "k=1e+39 does not fit input k:float32[]: it is a number within float32", ""),
        (["flag=1"], "flag=1 does not fit input flag:bool[]: it is true or false", ""),
        (["x=[[0]]"], "cannot be bound to shape [1,1]", "write --bind x=[[[0,0,0,0],[0,0,0,0],[0,0,0,0]],"),
    ],
)
def test_bindings_that_do_not_fit_are_refused(sums, request_for, bind, message, hint):
    with pytest.raises(SourceError) as caught:
        load_model(request_for(sums, bind=bind))
    assert message in caught.value.message
    assert caught.value.hint.startswith(hint)
    assert caught.value.exit_code == 3


def test_an_input_is_bound_or_given(sums, request_for):
    with pytest.raises(SourceError, match="input 'axes' is bound, and given by --input too"):
        load_model(request_for(sums, "axes:int64[1]", bind=["axes=[0]"]))


def test_something_must_be_left_to_feed(tmp_path, request_for):
    graph = helper.make_graph(
        [helper.make_node("Neg", ["x"], ["y"])],
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1])],
    )
    onnx.save(helper.make_model(graph, ir_version=8), tmp_path / "neg.onnx")
    with pytest.raises(SourceError, match="all inputs are bound, so that there is nothing left to compute"):
        load_model(request_for(tmp_path / "neg.onnx", bind=["x=[1]"]))


def test_what_cannot_run_for_lack_of_a_binding_says_so(sums, request_for):
    model = load_model(request_for(sums, "axes:int64[1]"))
    with pytest.raises(SourceError) as caught:
        model([WEIGHTS, np.array([7]), np.float32(1), np.array(True)])
    assert caught.value.hint == ("an app has fixed shapes; fix what decides them to a value: --bind axes=…")


def test_a_pytorch_model_has_no_inputs_to_bind(request_for):
    with pytest.raises(UsageError) as caught:
        load_model(request_for("nets:Net", bind=["k=5"]))
    assert caught.value.message == "--bind k=5 fixes an input of an ONNX model; nets:Net is a PyTorch model"
    assert caught.value.hint.startswith("in PyTorch write the value into forward")
    assert caught.value.exit_code == 2
