"""A graph between exporter and converter: complete, named, and light."""

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from edgepack.backends.tflite.folding import known_shapes
from edgepack.backends.tflite.graph import place, tidy
from edgepack.errors import ConversionError
from edgepack.model import TensorSpec


def write(path, nodes, *, weights=(), shape=("batch", 4), output=None):
    graph = helper.make_graph(
        nodes,
        "graph",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, output)],
        list(weights),
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)
    return path


def test_open_sizes_are_fixed_and_what_follows_from_them_is_written_down(tmp_path):
    # The second dimension of y is computed by the graph itself, from the shape of x.
    axes = numpy_helper.from_array(np.array([1]), "axes")
    nodes = [
        helper.make_node("Shape", ["x"], ["size"]),
        helper.make_node("ReduceProd", ["size"], ["total"], keepdims=1),
        helper.make_node("Reshape", ["x", "total"], ["flat"]),
        helper.make_node("Unsqueeze", ["flat", "axes"], ["y"]),
    ]
    source = write(tmp_path / "source.onnx", nodes, weights=[axes])
    graph = tmp_path / "tidied" / "graph.onnx"
    tidy(source, graph, [TensorSpec("x", "float32", (3, 4))])
    tidied = onnx.load(graph)
    assert [path.name for path in graph.parent.iterdir()] == ["graph.onnx"]
    assert [one.dim_value for one in tidied.graph.input[0].type.tensor_type.shape.dim] == [3, 4]
    assert [one.dim_value for one in tidied.graph.output[0].type.tensor_type.shape.dim] == [12, 1]
    assert all(node.name for node in tidied.graph.node)


def test_what_follows_from_shapes_is_computed_round_by_round(tmp_path):
    """The second shape is not known before the first has been used."""
    nodes = [
        helper.make_node("Constant", [], ["rows"], value_ints=[0, -1]),
        helper.make_node("Shape", ["x"], ["size"]),
        helper.make_node("ReduceProd", ["size"], ["total"], keepdims=1),
        helper.make_node("Reshape", ["x", "total"], ["flat"]),
        helper.make_node("Shape", ["flat"], ["long"]),
        helper.make_node("Expand", ["x", "size"], ["same"]),
        helper.make_node("Reshape", ["same", "rows"], ["back"]),
        helper.make_node("Shape", ["rows"], ["two"]),
        helper.make_node("Mul", ["long", "two"], ["twice"]),
        helper.make_node("Div", ["twice", "two"], ["once"]),
        helper.make_node("Reshape", ["back", "once"], ["y"]),
    ]
    graph = tmp_path / "tidied" / "graph.onnx"
    tidy(write(tmp_path / "source.onnx", nodes), graph, [TensorSpec("x", "float32", (3, 4))])
    tidied = onnx.load(graph)
    onnx.checker.check_model(tidied, full_check=True)
    assert [node.op_type for node in tidied.graph.node] == ["Expand", "Reshape", "Reshape"]
    assert [one.dim_value for one in tidied.graph.output[0].type.tensor_type.shape.dim] == [12]


def test_an_input_that_may_be_absent_stays_one(tmp_path):
    kind = helper.make_optional_type_proto(helper.make_tensor_type_proto(TensorProto.FLOAT, ["n"]))
    graph = helper.make_graph(
        [helper.make_node("OptionalGetElement", ["x"], ["y"])],
        "graph",
        [helper.make_value_info("x", kind)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n"])],
    )
    source = tmp_path / "source.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8), source)
    tidy(source, tmp_path / "tidied" / "graph.onnx", [TensorSpec("x", "float32", (3,))])
    (value,) = onnx.load(tmp_path / "tidied" / "graph.onnx").graph.input
    assert value.type.optional_type.elem_type.tensor_type.elem_type == TensorProto.FLOAT
    assert [one.dim_value for one in value.type.optional_type.elem_type.tensor_type.shape.dim] == [3]


def test_joining_a_single_tensor_is_passing_it_on(tmp_path):
    nodes = [
        helper.make_node("Concat", ["x"], ["same"], axis=1, name="one"),
        helper.make_node("Concat", ["same", "x"], ["y"], axis=1, name="two"),
    ]
    graph = tmp_path / "tidied" / "graph.onnx"
    tidy(write(tmp_path / "source.onnx", nodes), graph, [TensorSpec("x", "float32", (3, 4))])
    tidied = onnx.load(graph)
    onnx.checker.check_model(tidied, full_check=True)
    assert [(node.name, node.op_type) for node in tidied.graph.node] == [
        ("one", "Identity"),
        ("two", "Concat"),
    ]


def test_shapes_that_an_exporter_left_open_give_way_to_those_of_what_was_computed(tmp_path):
    """As in swin's masks: small parts are computed, and what is made of them is too large for that."""
    rows = numpy_helper.from_array(np.arange(256, dtype=np.float32), "rows")
    nodes = [
        helper.make_node("Constant", [], ["column"], value_ints=[-1, 1]),
        helper.make_node("Reshape", ["rows", "column"], ["standing"]),
        helper.make_node("Sub", ["rows", "standing"], ["table"]),
        helper.make_node("Add", ["x", "table"], ["y"]),
    ]
    source = write(tmp_path / "source.onnx", nodes, weights=[rows], shape=(256, 256))
    model = onnx.load(source)
    model.graph.value_info.append(helper.make_tensor_value_info("standing", TensorProto.FLOAT, ["left", 1]))
    onnx.save(model, source)
    tidy(source, tmp_path / "tidied" / "graph.onnx", [TensorSpec("x", "float32", (256, 256))])
    tidied = onnx.load(tmp_path / "tidied" / "graph.onnx")
    assert [node.op_type for node in tidied.graph.node] == ["Sub", "Add"]
    assert known_shapes(tidied.graph)["table"] == (256, 256)


def test_small_nodes_that_depend_on_no_input_are_computed(tmp_path):
    token = numpy_helper.from_array(np.arange(4, dtype=np.float32).reshape(1, 4), "token")
    large = numpy_helper.from_array(np.ones((1 << 15, 1), np.float32), "large")
    nodes = [
        helper.make_node("Constant", [], ["three"], value_ints=[3]),
        helper.make_node("Constant", [], ["one"], value=numpy_helper.from_array(np.array([1]))),
        helper.make_node("Concat", ["three", "one"], ["rows"], axis=0),
        helper.make_node("Expand", ["token", "rows"], ["tokens"]),
        helper.make_node("Neg", ["large"], ["stays"]),
        helper.make_node("RandomNormal", [], ["drawn"], shape=[3, 4]),
        helper.make_node("Add", ["x", "tokens"], ["moved"]),
        helper.make_node("Add", ["moved", "drawn"], ["noisy"]),
        helper.make_node("ReduceMax", ["stays"], ["top"], keepdims=0),
        helper.make_node("Add", ["noisy", "top"], ["y"]),
    ]
    graph = tmp_path / "tidied" / "graph.onnx"
    source = write(tmp_path / "source.onnx", nodes, weights=[token, large], shape=(3, 4))
    tidy(source, graph, [TensorSpec("x", "float32", (3, 4))])
    tidied = onnx.load(graph)
    onnx.checker.check_model(tidied, full_check=True)
    assert [node.op_type for node in tidied.graph.node] == [
        *("Neg", "RandomNormal", "Add", "Add", "ReduceMax", "Add"),
    ]
    (tokens,) = [one for one in tidied.graph.initializer if one.name == "tokens"]
    np.testing.assert_array_equal(numpy_helper.to_array(tokens), np.tile(np.arange(4.0), (3, 1)))
    assert "token" not in [one.name for one in tidied.graph.initializer]


def test_large_weights_go_into_a_file_beside_the_graph(tmp_path):
    matrix = np.random.default_rng(0).normal(size=(4, 1 << 17)).astype(np.float32)
    bias = np.ones(1 << 17, np.float32)[: 1 << 10]
    weights = [numpy_helper.from_array(matrix, "matrix"), numpy_helper.from_array(bias, "bias")]
    source = write(
        tmp_path / "source.onnx", [helper.make_node("MatMul", ["x", "matrix"], ["y"])], weights=weights
    )
    graph = tmp_path / "tidied" / "graph.onnx"
    tidy(source, graph, [TensorSpec("x", "float32", (1, 4))])
    assert (graph.parent / "weights.bin").stat().st_size == matrix.nbytes
    assert graph.stat().st_size < 10_000
    np.testing.assert_array_equal(numpy_helper.to_array(onnx.load(graph).graph.initializer[0]), matrix)


def test_weights_beyond_what_the_format_can_hold_are_refused_before_they_are_read(tmp_path):
    matrix = TensorProto(name="matrix", data_type=TensorProto.FLOAT, dims=[4, 1 << 27])
    matrix.data_location = TensorProto.EXTERNAL
    matrix.external_data.add(key="location", value="missing.bin")
    source = write(
        tmp_path / "source.onnx", [helper.make_node("MatMul", ["x", "matrix"], ["y"])], weights=[matrix]
    )
    with pytest.raises(ConversionError) as caught:
        tidy(source, tmp_path / "tidied" / "graph.onnx", [])
    assert caught.value.message == "the model has 2.0 GiB of weights, and a .tflite file ends at 2 GiB"
    assert caught.value.hint == "split the model, or give it fewer parameters"
    assert caught.value.exit_code == 4
    assert not (tmp_path / "tidied").exists()


@pytest.mark.parametrize(
    ("name", "scopes", "expected"),
    [
        (
            "/model/layers.0/norm/Div",
            None,
            "node /model/layers.0/norm/Div in module layers.0.norm, which computes 'y'",
        ),
        (
            "/model/model.1/model.1.1/Mod",
            None,
            "node /model/model.1/model.1.1/Mod in module 1.1, which computes 'y'",
        ),
        ("/model/Add", None, "node /model/Add, which computes 'y'"),
        ("node_fmod", "['', 'model', 'model.1', 'fmod']", "node node_fmod in module 1, which computes 'y'"),
        ("Conv_7", None, "node Conv_7, which computes 'y'"),
    ],
)
def test_a_nodes_place_is_the_users_module(name, scopes, expected):
    node = helper.make_node("Relu", ["x"], ["y"], name=name)
    if scopes:
        node.metadata_props.add(key="pkg.torch.onnx.name_scopes", value=scopes)
    model = helper.make_model(helper.make_graph([node], "graph", [], []))
    assert place(model, name) == expected
    assert place(model, "made_up") == "node made_up"
