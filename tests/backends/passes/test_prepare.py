"""What holds for a whole model: dtypes, inputs that decide shapes, functions, subgraphs, refusals."""

from __future__ import annotations

import ml_dtypes
import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper

from edgepack.backends.passes import guard, prepare
from edgepack.backends.passes.shape_inputs import shape_inputs
from edgepack.errors import ConversionError

_random = np.random.default_rng(5)
X = _random.standard_normal((2, 3)).astype(np.float32)


def parsed(body: str, opset: int = 20) -> onnx.ModelProto:
    model = onnx.parser.parse_model(f'<ir_version: 9, opset_import: ["": {opset}]>\n{body}')
    return onnx.shape_inference.infer_shapes(model)


def test_a_model_that_needs_nothing_is_given_back():
    model = parsed("g (float[2,3] x) => (float[2,3] y) { a = Relu(x) y = Sigmoid(a) }")
    assert prepare(model).model is model
    assert guard(model).model is model


def test_every_value_has_a_static_type():
    model = parsed(
        """g (float[2,3] x, float[3,4] w) => (float[2,4] y) {
            a = MatMul(x, w) b = Elu<alpha=2.0>(a) y = Neg(b) }"""
    )
    made = prepare(model).model
    typed = {info.name for info in (*made.graph.value_info, *made.graph.input, *made.graph.output)}
    typed |= {tensor.name for tensor in made.graph.initializer}
    assert {name for node in made.graph.node for name in (*node.input, *node.output)} <= typed


def test_wide_and_narrow_dtypes_are_stored_as_the_phone_has_them(prepared_run):
    model = parsed(
        "g (double[2,3] x, int64[3] n) => (double[2,3] y, int64[3] m) { y = Add(x, x) m = Add(n, n) }"
    )
    prepared = prepare(model)
    expected = dict.fromkeys("xy", ("float64", "float32")) | dict.fromkeys("nm", ("int64", "int32"))
    assert prepared.dtypes == expected
    assert prepared.applied == ()
    y, m = prepared_run(prepared.model, {"x": X, "n": np.array([1, 2, 3])})
    assert y.dtype == np.float32
    np.testing.assert_array_equal(m, [2, 4, 6])


@pytest.mark.parametrize(
    ("dtype", "left", "right", "expected"),
    [("uint8", 200, 100, 44), ("int8", 100, 100, -56), ("int16", 32767, 1, -32768)],
)
def test_narrow_arithmetic_wraps_as_the_source_does(prepared_run, dtype, left, right, expected):
    model = parsed(f"g ({dtype}[1] a, {dtype}[1] b) => ({dtype}[1] y) {{ y = Add(a, b) }}")
    (result,) = prepared_run(prepare(model).model, {"a": np.array([left]), "b": np.array([right])})
    assert result.tolist() == [expected]


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (
            "int64[2] x) => (int64[2] y) <int64 c = {3000000000}> { y = Add(x, c) }",
            "3000000000 does not fit in int32",
        ),
        (
            "double[2] x) => (double[2] y) <double c = {1e300}> { y = Mul(x, c) }",
            "1e+300 does not fit in float32",
        ),
        ("float[2] x) => (float[2] y) { r = RandomNormalLike(x) y = Add(x, r) }", "it draws random numbers"),
        ("float[2] x) => (string[2] y) { y = Cast<to=8>(x) }", "strings have no counterpart"),
        ("float[2] x) => (float8e4m3fn[2] y) { y = Cast<to=17>(x) }", "rounding to float8_e4m3fn"),
        ("float[6] x, int64[2] s) => (float[a,b] y) { y = Reshape(x, s) }", "its shape is not a constant"),
        (
            "float[4,4] x) => (float[4,4] y) { y = Swirl(x) }",
            "neither the converter nor a pass has a form of it",
        ),
    ],
)
def test_refusals_name_operator_node_and_reason(body, reason):
    model = onnx.parser.parse_model(f'<ir_version: 9, opset_import: ["": 20]> g ({body}')
    node = model.graph.node[-1] if "Random" not in body else model.graph.node[0]
    node.name = "culprit"
    with pytest.raises(ConversionError) as caught:
        prepare(model)
    assert caught.value.exit_code == 4
    assert caught.value.message.startswith(f"{node.op_type} (node culprit): ")
    assert not caught.value.message.endswith(".")
    assert reason in caught.value.message
    assert caught.value.details["operator"] == node.op_type


def test_the_refusal_of_a_free_shape_says_how_to_bind_it():
    model = parsed("g (float[6] x, int64[2] s) => (float[a,b] y) { y = Reshape(x, s) }")
    with pytest.raises(ConversionError) as caught:
        prepare(model)
    assert caught.value.hint.endswith("fix what decides them to a value: --bind s=…")


def test_bound_inputs_are_gone(prepared_run):
    model = parsed("g (float[6] x, int64[2] s) => (float[a,b] y) { y = Reshape(x, s) }")
    assert shape_inputs(model) == ("s",)
    prepared = prepare(model, {"s": np.array([2, -1])})
    assert prepared.bound == ("s",)
    assert [i.name for i in prepared.model.graph.input] == ["x"]
    (y,) = prepared_run(prepared.model, {"x": np.arange(6.0, dtype=np.float32)})
    assert y.shape == (2, 3)


@pytest.mark.parametrize(
    ("bind", "message"),
    [
        ({"axes": np.array([1])}, "axes is to be bound but is none of s, x"),
        ({"s": np.array([1, 2, 3])}, r"s is bound to a value of shape \(3,\) instead of \(2,\)"),
        ({"s": np.array([1.5, 4])}, r"s is bound to \[1.5, 4.0\], which int64 cannot hold"),
    ],
)
def test_bindings_that_do_not_fit_are_refused(bind, message):
    model = parsed("g (float[6] x, int64[2] s) => (float[a,b] y) { y = Reshape(x, s) }")
    with pytest.raises(ConversionError, match=message):
        prepare(model, bind)


def test_inputs_that_are_data_as_well_are_not_taken_for_shapes():
    model = parsed(
        "g (float[6] x, int64[2] s) => (float[a,b] y, int64[2] z) { y = Reshape(x, s) z = Neg(s) }"
    )
    assert shape_inputs(model) == ()


def test_shapes_computed_in_the_graph_are_folded(prepared_run):
    model = parsed(
        """g (float[2,3,4] x) => (float[a,b] y) <int64[1] zero = {0}, int64[1] rest = {-1}> {
            s = Shape(x) first = Gather(s, zero) target = Concat<axis=0>(first, rest)
            y = Reshape(x, target) }"""
    )
    prepared = prepare(model)
    assert [node.op_type for node in prepared.model.graph.node] == ["Reshape"]
    x = _random.standard_normal((2, 3, 4)).astype(np.float32)
    np.testing.assert_array_equal(prepared_run(prepared.model, {"x": x})[0], x.reshape(2, 12))


def test_functions_are_inlined_with_their_attributes(prepared_run):
    model = onnx.parser.parse_model(
        """<ir_version: 9, opset_import: ["": 20, "own": 1]>
        g (float[2,3] x) => (float[2,3] y) { y = own.Scaled<slope=0.5>(x) }
        <domain: "own", opset_import: ["": 20]>
        Scaled<slope>(a) => (b) { b = LeakyRelu<alpha: float = @slope>(a) }"""
    )
    (y,) = prepared_run(prepare(model).model, {"x": X})
    np.testing.assert_allclose(y, np.where(X > 0, X, 0.5 * X), rtol=1e-6)


def test_composite_operators_are_said_in_simpler_ones(prepared_run, reference):
    model = parsed("g (float[2,4] x, float[4] s) => (float[2,4] y) { y = RMSNormalization(x, s) }", opset=23)
    feeds = {"x": _random.standard_normal((2, 4)).astype(np.float32), "s": np.ones(4, np.float32) * 2}
    prepared = prepare(model)
    assert ("y", "inline") in prepared.applied
    np.testing.assert_allclose(prepared_run(prepared.model, feeds)[0], reference(model, feeds)[0], rtol=1e-5)


def test_loops_with_known_rounds_are_unrolled(prepared_run):
    model = parsed(
        """g (float[2,3] x) => (float[2,3] y, float[3,2,3] all) <int64 rounds = {3}, bool go = {1}> {
            y, all = Loop(rounds, go, x) <
                body = step (int64 i, bool c, float[2,3] a) => (bool d, float[2,3] b, float[2,3] shown) {
                    d = Identity(c) b = Add(a, x) shown = Mul(b, a) }> }"""
    )
    y, every = prepared_run(prepare(model).model, {"x": X})
    np.testing.assert_allclose(y, 4 * X, rtol=1e-6)
    np.testing.assert_allclose(every, np.stack([2 * X * X, 6 * X * X, 12 * X * X]), rtol=1e-5)


@pytest.mark.parametrize("taken", [True, False])
def test_a_branch_chosen_by_data_runs_both(prepared_run, taken):
    model = parsed(
        """g (bool c, float[2,3] x) => (float[2,3] y) {
            y = If(c) <then_branch = yes () => (float[2,3] a) { a = Exp(x) },
                       else_branch = no () => (float[2,3] b) { b = Neg(x) }> }"""
    )
    (y,) = prepared_run(prepare(model).model, {"c": np.array(taken), "x": X})
    np.testing.assert_allclose(y, np.exp(X) if taken else -X, rtol=1e-6)


def test_sequences_are_resolved(prepared_run):
    model = parsed(
        """g (float[2,3] x) => (float[2,2] y) <int64 one = {1}, int64[2] parts = {1, 2}> {
            s = SplitToSequence<axis=1>(x, parts) y = SequenceAt(s, one) }"""
    )
    np.testing.assert_array_equal(prepared_run(prepare(model).model, {"x": X})[0], X[:, 1:])


@pytest.mark.parametrize(
    "body", ["float[2] x) => (float[3] y) { y = Constant<value_floats=[1.0,2.0,3.0]>() }"]
)
def test_a_constant_model_keeps_an_input(prepared_run, body):
    model = parsed(f"g ({body}")
    prepared = prepare(model)
    np.testing.assert_array_equal(prepared_run(prepared.model, {"x": np.ones(2)})[0], [1, 2, 3])
    assert any("x" in node.input for node in prepared.model.graph.node)


def test_nothing_of_a_matrix_without_rows_stays(prepared_run):
    model = parsed("g (int64[3,0,5] e, int64 k) => (int64[3,0,5] y) { y = Trilu<upper=0>(e, k) }")
    prepared = prepare(model)
    assert ("y", "trilu") in prepared.applied
    feeds = {"e": np.zeros((3, 0, 5)), "k": np.array(1)}
    assert prepared_run(prepared.model, feeds)[0].shape == (3, 0, 5)


def test_broadcast_by_axis_of_old_opsets(prepared_run):
    model = parsed(
        "g (float[2,3,4] x, float[3] b) => (float[2,3,4] y) { y = Add<broadcast=1, axis=1>(x, b) }", opset=6
    )
    x, b = (_random.standard_normal(shape).astype(np.float32) for shape in ((2, 3, 4), (3,)))
    prepared = prepare(model)
    assert prepared.applied == (("y", "broadcast_by_axis"),)
    np.testing.assert_array_equal(prepared_run(prepared.model, {"x": x, "b": b})[0], x + b[:, None])


def test_half_precision_weights_become_float32():
    weights = np.array([[1.5, -2.0]], ml_dtypes.bfloat16)
    node = helper.make_node("Add", ["x", "w"], ["y"])
    types = [helper.make_tensor_value_info(n, onnx.TensorProto.BFLOAT16, (1, 2)) for n in "xy"]
    graph = helper.make_graph([node], "g", types[:1], types[1:], [numpy_helper.from_array(weights, "w")])
    prepared = prepare(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)]))
    (stored,) = prepared.model.graph.initializer
    np.testing.assert_array_equal(numpy_helper.to_array(stored), np.array([[1.5, -2.0]], np.float32))


def test_a_table_that_would_grow_quadratically_is_refused():
    model = parsed(
        """g (float[5000] x, int64[5000] i, float[5000] u) => (float[5000] y) {
            y = ScatterElements<axis=0, reduction="add">(x, i, u) }"""
    )
    with pytest.raises(ConversionError, match="a table of 25000000 elements, above the limit"):
        prepare(model)


@pytest.mark.parametrize(
    ("attributes", "expected"),
    [("", [[2, 6, 24]]), ("<exclusive=1>", [[1, 2, 6]]), ("<reverse=1>", [[24, 12, 4]])],
)
def test_products_accumulate(prepared_run, attributes, expected):
    # Neither onnxruntime nor the reference evaluator has CumProd.
    model = onnx.parser.parse_model(
        f"""<ir_version: 13, opset_import: ["": 26]>
        g (float[1,3] x) => (float[1,3] y) <int64 axis = {{1}}> {{ y = CumProd{attributes}(x, axis) }}"""
    )
    prepared = prepare(model)
    assert prepared.applied == (("y", "cumulative_product"),)
    (y,) = prepared_run(prepared.model, {"x": np.array([[2, 3, 4]])})
    np.testing.assert_array_equal(y, expected)


def test_optionals_and_mapped_sequences_are_resolved(prepared_run):
    model = onnx.parser.parse_model(
        """<ir_version: 9, opset_import: ["": 20]>
        g (float[2,3] x) => (float[2,3] y) <int64 one = {1}> {
            there = Optional(x) a = OptionalGetElement(there) b = Neg(a) s = SequenceConstruct(a, b)
            t = SequenceMap(s) <body = each (float[2,3] v) => (float[2,3] w) { w = Exp(v) }>
            y = SequenceAt(t, one) }"""
    )
    prepared = prepare(model)
    assert {"optional", "sequence_map"} <= {name for _, name in prepared.applied}
    np.testing.assert_allclose(prepared_run(prepared.model, {"x": X})[0], np.exp(-X), rtol=1e-6)


def test_nodes_lead_back_to_the_source():
    model = parsed("g (float[2,3] x) => (float[2,3] y) { a = Relu(x) y = Elu<alpha=2.0>(a) }")
    for node, name in zip(model.graph.node, ("/model/first/Relu", "/model/second/Elu"), strict=True):
        node.name = name
        node.metadata_props.add(key="scope", value=name)
    nodes = prepare(model).model.graph.node
    assert [node.name for node in nodes[:2]] == ["/model/first/Relu", "/model/second/Elu"]
    assert all(node.name.startswith("/model/second/Elu:") for node in nodes[2:])
    assert {entry.value for node in nodes for entry in node.metadata_props} == {n.name for n in nodes[:2]}


def test_large_weights_stay_where_they_are(tmp_path):
    weights = _random.standard_normal((64, 64)).astype(np.float32)
    source = parsed(
        "g (float[1,64] x, float[64,64] w) => (float[1,64] y) { a = MatMul(x, w) y = Elu<alpha=2.0>(a) }"
    )
    del source.graph.input[1]
    source.graph.initializer.append(numpy_helper.from_array(weights, "w"))
    onnx.save(source, tmp_path / "m.onnx", save_as_external_data=True, location="w.bin", size_threshold=1)
    model = onnx.load(tmp_path / "m.onnx", load_external_data=False)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path)
        prepared = prepare(model)
    (stored,) = [t for t in prepared.model.graph.initializer if t.name == "w"]
    assert stored.data_location == onnx.TensorProto.EXTERNAL
    assert not stored.raw_data
