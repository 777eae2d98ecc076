"""ONNX models: their inputs, damaged files, and what runs them."""

import shutil

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from edgepack.errors import SourceError
from edgepack.sources import find_kind, load_model
from edgepack.sources.onnx_fingerprint import fingerprint

FLOAT = TensorProto.FLOAT


def tensor(name, shape, kind=FLOAT):
    return helper.make_tensor_value_info(name, kind, shape)


def write(path, nodes, inputs, outputs, weights=(), **external):
    graph = helper.make_graph(
        nodes, "graph", inputs, outputs, [numpy_helper.from_array(a, n) for n, a in weights]
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    onnx.save(model, path, **external)
    return path


WEIGHTS = np.random.default_rng(0).standard_normal((4, 3)).astype(np.float32)


@pytest.fixture
def plain(tmp_path):
    """y = x @ w + bias, where the default of bias may be overridden, and the batch is left open."""
    nodes = [helper.make_node("MatMul", ["x", "w"], ["xw"]), helper.make_node("Add", ["xw", "bias"], ["y"])]
    weights = [("w", WEIGHTS), ("bias", np.ones(3, np.float32))]
    inputs = [tensor("x", ["batch", 4]), tensor("bias", [3])]
    return write(tmp_path / "plain.onnx", nodes, inputs, [tensor("y", ["batch", 3])], weights)


@pytest.fixture
def external(tmp_path):
    """The same with its weights in another file, and others in a constant of a nested graph."""
    (tmp_path / "ext").mkdir()
    then = helper.make_graph(
        [helper.make_node("Constant", [], ["c"], value=numpy_helper.from_array(WEIGHTS[0, :3], "nested"))],
        "then",
        [],
        [tensor("c", [3])],
    )
    other = helper.make_graph([helper.make_node("Identity", ["w3"], ["e"])], "else", [], [tensor("e", [3])])
    nodes = [
        helper.make_node("MatMul", ["x", "w"], ["xw"]),
        helper.make_node("If", ["flag"], ["chosen"], then_branch=then, else_branch=other),
        helper.make_node("Add", ["xw", "chosen"], ["y"]),
    ]
    weights = [("w", WEIGHTS), ("w3", WEIGHTS[1, :3])]
    inputs = [tensor("x", [2, 4]), tensor("flag", [1], TensorProto.BOOL)]
    options = {"save_as_external_data": True, "all_tensors_to_one_file": False, "size_threshold": 0}
    path = tmp_path / "ext/model.onnx"
    return write(path, nodes, inputs, [tensor("y", [2, 3])], weights, convert_attribute=True, **options)


def test_open_size_is_fixed_by_input(plain, request_for):
    with pytest.raises(SourceError, match=r"leaves the shape of input x:float32\[batch,4\] open") as caught:
        load_model(request_for(plain))
    assert caught.value.hint == "fix it with --input x:float32[1,4]"
    model = load_model(request_for(plain, "x:float32[2,4]=0..1"))
    x = np.random.default_rng(1).standard_normal((2, 4)).astype(np.float32)
    outputs = model([x])
    np.testing.assert_allclose(outputs["y"], x @ WEIGHTS + 1, rtol=1e-5)
    assert (model.framework, model.warnings, model.inputs[0].high) == ("onnx", (), 1)


def test_proto_has_fixed_shapes_and_no_defaults_among_its_inputs(plain, request_for):
    proto = load_model(request_for(plain, "x:float32[2,4]")).proto()
    onnx.checker.check_model(proto)
    assert [one.name for one in proto.graph.input] == ["x"]
    assert [one.dim_value for one in proto.graph.input[0].type.tensor_type.shape.dim] == [2, 4]


def test_external_data_are_found_also_in_nested_graphs(external, request_for):
    model = load_model(request_for(external))
    x = np.random.default_rng(1).standard_normal((2, 4)).astype(np.float32)
    for flag, row in [(True, 0), (False, 1)]:
        np.testing.assert_allclose(
            model([x, np.array([flag])])["y"], x @ WEIGHTS + WEIGHTS[row, :3], rtol=1e-5
        )
    assert model.proto().graph.initializer[0].raw_data == WEIGHTS.tobytes()


@pytest.mark.parametrize(
    ("given", "message", "hint"),
    [
        ("xx:float32[2,4]", "has no input 'xx'", "did you mean x? its inputs are x:float32[batch,4]"),
        ("image:float32[2,4]", "has no input 'image'", "its inputs are x:float32[batch,4]"),
        (
            "x:float32[2,1,4]",
            "input x:float32[batch,4] has other 2 dimensions than x:float32[2,1,4]",
            "--input x",
        ),
        (
            "x:float32[2,5]",
            "input x:float32[batch,4] has other shape than x:float32[2,5]",
            "--input x:float32[1,4]",
        ),
        ("x:float64[2,4]", "input 'x' is of dtype float32, not float64", "write --input x:float32[1,4]"),
    ],
)
def test_inputs_that_contradict_the_model_are_refused(plain, request_for, given, message, hint):
    with pytest.raises(SourceError) as caught:
        load_model(request_for(plain, given))
    assert message in caught.value.message
    assert hint in caught.value.hint
    assert caught.value.exit_code == 3


def lose(path):
    (path.parent / "w").unlink()


def lose_nested(path):
    (path.parent / "nested").rename(path.parent / "nestet")


def cut_weights(path):
    (path.parent / "w").write_bytes((path.parent / "w").read_bytes()[:-1])


def escape(path):
    path.write_bytes(path.read_bytes().replace(b"\x12\x06nested", b"\x12\x06../../"))


def cut(path):
    path.write_bytes(path.read_bytes()[:-40])


def flip(path):
    data = bytearray(path.read_bytes())
    data[data.index(b"MatMul") + 2] ^= 0x01
    path.write_bytes(data)


def text(path):
    path.write_text("this is not a model\n" * 10)


@pytest.mark.parametrize(
    ("damage", "message", "hint"),
    [
        (lose, "the file w, which holds the weights of 'w', is missing", "put it into"),
        (
            lose_nested,
            "the file nested, which holds the weights of 'nested', is missing",
            "did you mean nestet?",
        ),
        (cut_weights, "w is cut short: 'w' ends at byte 48 of a file of 47", "copy or download it again"),
        (
            escape,
            "the weights of 'nested' lie outside the model's folder, in '../../'",
            "save the model again",
        ),
        (cut, "is not an ONNX model, or is damaged: DecodeError", "copy or download it again"),
        (
            flip,
            "is not a valid ONNX model: ValidationError: No Op registered for MauMul",
            "copy or export it again",
        ),
        (text, "is not an ONNX model, or is damaged: DecodeError", "copy or download it again"),
    ],
)
def test_damaged_model_is_refused(external, request_for, damage, message, hint):
    damage(external)
    with pytest.raises(SourceError) as caught:
        load_model(request_for(external))
    assert message in caught.value.message
    assert hint in caught.value.hint
    assert caught.value.exit_code == 3


@pytest.mark.parametrize(
    ("nodes", "inputs", "outputs", "message", "hint"),
    [
        (
            [helper.make_node("Cast", ["x"], ["y"], to=FLOAT)],
            [tensor("x", [2], TensorProto.BFLOAT16)],
            [tensor("y", [2])],
            "input 'x' is of dtype bfloat16, which no edge format takes",
            "dtypes that work: float32",
        ),
        (
            [helper.make_node("Cast", ["x"], ["y"], to=TensorProto.UINT16)],
            [tensor("x", [2])],
            [tensor("y", [2], TensorProto.UINT16)],
            "output 'y' is of dtype uint16, which no edge format has",
            "Cast",
        ),
        (
            [helper.make_node("SequenceConstruct", ["x"], ["y"])],
            [tensor("x", [2])],
            [helper.make_tensor_sequence_value_info("y", FLOAT, [2])],
            "output 'y' is not a tensor but of the type sequence",
            "extract_model",
        ),
        (
            [helper.make_node("SequenceAt", ["x", "i"], ["y"])],
            [helper.make_tensor_sequence_value_info("x", FLOAT, [2]), tensor("i", [], TensorProto.INT64)],
            [tensor("y", [2])],
            "input 'x' is not a tensor but of the type sequence",
            "extract_model",
        ),
    ],
)
def test_unusable_inputs_and_outputs_are_refused(
    tmp_path, request_for, nodes, inputs, outputs, message, hint
):
    path = write(tmp_path / "odd.onnx", nodes, inputs, outputs)
    with pytest.raises(SourceError) as caught:
        load_model(request_for(path))
    assert message in caught.value.message
    assert hint in caught.value.hint


def test_what_onnxruntime_cannot_run_is_run_by_the_reference(tmp_path, request_for):
    # It has no cosine of float64.
    double = TensorProto.DOUBLE
    nodes = [helper.make_node("Cos", ["x"], ["y"])]
    path = write(tmp_path / "double.onnx", nodes, [tensor("x", [2], double)], [tensor("y", [2], double)])
    model = load_model(request_for(path))
    assert model([np.array([0.0, np.pi])])["y"].tolist() == [1, -1]
    assert len(model.warnings) == 1
    assert "because onnxruntime cannot run the model: NotImplemented:" in model.warnings[0]


def test_model_that_nothing_can_run_is_refused_with_both_reasons(tmp_path, request_for):
    nodes = [helper.make_node("Gather", ["w", "i"], ["y"])]
    inputs = [tensor("i", [1], TensorProto.INT64)]
    path = write(tmp_path / "gather.onnx", nodes, inputs, [tensor("y", [1, 3])], [("w", WEIGHTS)])
    model = load_model(request_for(path))
    with pytest.raises(SourceError, match=r"cannot be run on inputs i:int64\[1\]: InvalidArgument") as caught:
        model([np.array([9])])
    assert "=low..high" in caught.value.hint
    assert set(caught.value.details) == {"onnxruntime", "onnx.reference"}


def test_random_nodes_are_suspects(tmp_path, request_for):
    nodes = [
        helper.make_node("RandomNormalLike", ["x"], ["noise"], name="noise"),
        helper.make_node("Add", ["x", "noise"], ["y"]),
    ]
    model = load_model(request_for(write(tmp_path / "r.onnx", nodes, [tensor("x", [9])], [tensor("y", [9])])))
    assert model.suspects() == model.random_parts() == ["noise (RandomNormalLike)"]


@pytest.mark.parametrize(
    ("third", "expected"),
    [([], []), (["", "no"], []), (["", "off"], []), (["", ""], []), (["", "yes"], ["drop (Dropout)"])],
)
def test_dropout_is_random_only_when_told_to_train(tmp_path, request_for, third, expected):
    nodes = [
        helper.make_node("Constant", [], ["off"], value=numpy_helper.from_array(np.array(False))),
        helper.make_node("Dropout", ["x", *third], ["y"], name="drop"),
    ]
    switches = [("no", np.array(False)), ("yes", np.array(True))]
    path = write(tmp_path / "d.onnx", nodes, [tensor("x", [9])], [tensor("y", [9])], switches)
    assert load_model(request_for(path)).random_parts() == expected


def test_fingerprint_follows_every_file_that_decides_the_model(external, tmp_path, request_for):
    kind, before = find_kind(str(external)), fingerprint(external)
    copy = shutil.copytree(external.parent, tmp_path / "copy") / "model.onnx"
    assert kind.fingerprint(request_for(copy)) == before
    seen = {before}
    for name in ("w", "nested", "model.onnx"):
        changed = shutil.copytree(external.parent, tmp_path / f"changed {name}")
        data = bytearray((changed / name).read_bytes())
        data[-1] ^= 1
        (changed / name).write_bytes(data)
        seen.add(fingerprint(changed / "model.onnx"))
    (copy.parent / "w3").unlink()
    seen.add(fingerprint(copy))
    assert len(seen) == 5
    assert None not in seen


def test_fingerprint_is_none_when_a_location_cannot_be_read(external):
    external.write_bytes(external.read_bytes() + b"\x0a\x08location\x1a\x01w")
    assert fingerprint(external) is None


def test_digest_depends_on_files_and_shapes(plain, request_for):
    digests = [load_model(request_for(plain, f"x:float32[{n},4]")).digest() for n in (1, 1, 2)]
    assert len(set(digests)) == 2
