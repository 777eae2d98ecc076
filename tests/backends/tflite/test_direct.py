"""The quick converter by itself."""

from pathlib import Path

import onnx
import onnx2tf.tflite_builder
import pytest
from onnx import TensorProto, helper

from edgepack.backends.tflite.direct import convert_directly, convert_prepared
from edgepack.errors import ConversionError


def test_what_the_converter_drops_in_its_working_folder_is_gone(tmp_path, monkeypatch):
    """onnxruntime's shape inference, which it calls, writes a file there when it does not come to an end."""
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 4]) for name in "xy"]
    graph = helper.make_graph([helper.make_node("Relu", ["x"], ["y"])], "graph", ends[:1], ends[1:])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.save(model, tmp_path / "graph.onnx")
    (tmp_path / "made" / "flatbuffer_direct").mkdir(parents=True)  # left by a converter that gave up
    (tmp_path / "users").mkdir()
    monkeypatch.chdir(tmp_path / "users")
    export = onnx2tf.tflite_builder.export_tflite_model_flatbuffer_direct

    def dropping(**arguments):
        Path("sym_shape_infer_temp.onnx").write_bytes(b"")
        return export(**arguments)

    monkeypatch.setattr(onnx2tf.tflite_builder, "export_tflite_model_flatbuffer_direct", dropping)
    convert_directly(tmp_path / "graph.onnx", tmp_path / "made" / "model.tflite")
    assert [path.name for path in (tmp_path / "made").iterdir()] == ["model.tflite"]
    assert list((tmp_path / "users").iterdir()) == []


def test_what_has_no_other_form_is_refused_with_its_place_in_the_model(tmp_path):
    """The same words as where the converter itself refuses: operator, node, module, reason."""
    node = helper.make_node("ImageDecoder", ["x"], ["y"], name="/model/decoder/ImageDecoder")
    ends = [
        helper.make_tensor_value_info(name, TensorProto.UINT8, shape)
        for name, shape in (("x", [9]), ("y", [4, 4, 3]))
    ]
    graph = helper.make_graph([node], "graph", ends[:1], ends[1:])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)]), tmp_path / "graph.onnx")
    with pytest.raises(ConversionError) as caught:
        convert_prepared(tmp_path / "graph.onnx", tmp_path / "model.tflite")
    assert caught.value.message == (
        "ImageDecoder (node /model/decoder/ImageDecoder in module decoder, which computes 'y'): "
        "neither the converter nor a pass has a form of it"
    )
    assert caught.value.hint.startswith("replace that operator in the model by simpler ones")
