"""The quick converter by itself."""

from pathlib import Path

import onnx
import onnx2tf.tflite_builder
from onnx import TensorProto, helper

from edgepack.backends.tflite.direct import convert_directly


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
