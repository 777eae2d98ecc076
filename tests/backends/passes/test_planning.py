"""The plan tells what a preparation would do, for every node, also behind one that is refused."""

import onnx
import pytest
from onnx import parser

from edgepack.backends.passes import prepare
from edgepack.backends.passes.planning import plan_graph
from edgepack.errors import ConversionError

HEAD = '<ir_version: 8, opset_import: ["" : 18, "ai.onnx.ml" : 3]>'


def parsed(text):
    return parser.parse_model(f"{HEAD} {text}")


def states(plan):
    return [(one.operator, one.state, one.passes) for one in plan.nodes]


def test_each_node_is_native_or_rewritten():
    model = parsed(
        """g (float[1,3,8,8] x, float[1,3,8,8] z) => (float[a,b] y) {
        r = Relu(x)
        e = Elu <alpha = 0.5> (r)
        s = Shape(e)
        m = Max(e, z)
        l = ReduceLogSum <keepdims = 0> (m)
        f = Flatten(m)
        y = Mul(f, l) }"""
    )
    plan = plan_graph(model)
    assert plan.feasible
    assert states(plan) == [
        ("Relu", "native", ()),
        ("Elu", "rewritten", ("elu_alpha",)),
        ("Shape", "rewritten", ("shape",)),
        ("Max", "native", ()),
        ("ReduceLogSum", "rewritten", ("reduction",)),
        ("Flatten", "rewritten", ("flatten",)),
        ("Mul", "native", ()),
    ]
    assert plan.passes["elu_alpha"].endswith("A guard: onnx2tf 2.6.9 gets it silently wrong.")
    assert all(plan.passes[name] for one in plan.nodes for name in one.passes)
    assert [name for _, name in prepare(model).applied] == [name for one in plan.nodes for name in one.passes]


def test_all_that_is_refused_is_found_at_once():
    model = parsed(
        """g (float[2,3] x, int64[2] s, int64[1] axes) => (float[a,b] y) {
        d = Bernoulli(x)
        n = Neg(d)
        r = Reshape(n, s)
        e = Elu <alpha = 0.5> (d)
        y = ReduceSum(e, axes) }"""
    )
    plan = plan_graph(model)
    assert not plan.feasible
    assert [(one.operator, one.state) for one in plan.nodes] == [
        ("Bernoulli", "refused"),
        ("Neg", "native"),
        ("Reshape", "refused"),
        ("Elu", "rewritten"),
        ("ReduceSum", "refused"),
    ]
    assert plan.nodes[0].reason.endswith("so no file can be checked against the model")
    assert plan.nodes[2].hint.endswith("to a value: --bind s=… --bind axes=…")
    with pytest.raises(ConversionError) as caught:
        prepare(model)
    assert plan.nodes[0].reason == caught.value.details["reason"]


def test_operators_of_other_domains_are_told_apart():
    model = parsed("g (float[2,3] x) => (float[2,3] y) { y = ai.onnx.ml.Binarizer <threshold = 0.5> (x) }")
    assert states(plan_graph(model))[0][:2] == ("ai.onnx.ml.Binarizer", "rewritten")


def test_what_is_wrong_with_inputs_and_outputs_is_a_problem():
    strings = onnx.helper.make_tensor_value_info("x", onnx.TensorProto.STRING, [2])
    model = parsed("g (float[2] x) => (float[2] y) { y = Identity(x) }")
    model.graph.input[0].CopyFrom(strings)
    assert plan_graph(model).problems == ("the model's inputs: strings have no counterpart on the phone",)
    model = parsed("g (float[2] x) => (float[2] y) { z = Neg(x) y = SequenceConstruct(z) }")
    plan = plan_graph(model)
    assert plan.problems == ("the model's output y is a sequence, which a TFLite file cannot give",)
    assert not plan.feasible
