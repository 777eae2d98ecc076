"""Weights that are looked at where they lie, not copied."""

import subprocess
import sys

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from edgepack.backends.tflite.weights import mapped_weights

PLAIN = """
import sys, onnx
from pathlib import Path
from onnx2tf.tflite_builder import export_tflite_model_flatbuffer_direct
from edgepack.backends.tflite.finish import finish
export_tflite_model_flatbuffer_direct(
    onnx_graph=onnx.load(sys.argv[1]), output_folder_path=sys.argv[2], output_file_name="converted"
)
finish(Path(sys.argv[2], "converted_float32.tflite"))
"""


def test_views_hold_what_copies_hold_and_the_graph_stays_light(tmp_path):
    rng = np.random.default_rng(0)
    arrays = [
        rng.normal(size=(3, 5)).astype(np.float32),
        rng.integers(-9, 9, 7),
        np.array(2.5, np.float16),
        rng.normal(size=(2, 2)),
    ]
    tensors = [numpy_helper.from_array(array, f"weight{index}") for index, array in enumerate(arrays)]
    output = helper.make_tensor_value_info("y", TensorProto.FLOAT, None)
    graph = helper.make_graph(
        [helper.make_node("Identity", ["weight0"], ["y"])], "graph", [], [output], tensors
    )
    path = tmp_path / "graph.onnx"
    onnx.save(
        helper.make_model(graph), path, save_as_external_data=True, location="weights", size_threshold=40
    )
    light = onnx.load(path, load_external_data=False)
    before = numpy_helper.to_array
    with mapped_weights(tmp_path):
        views = [numpy_helper.to_array(tensor) for tensor in light.graph.initializer]
    assert numpy_helper.to_array is before
    outside = [tensor for tensor in light.graph.initializer if tensor.data_location == TensorProto.EXTERNAL]
    assert [tensor.name for tensor in outside] == ["weight0", "weight1", "weight3"]
    assert not any(tensor.raw_data for tensor in outside)
    for view, array in zip(views, arrays, strict=True):
        np.testing.assert_array_equal(view, array, strict=True)
        assert not view.flags.writeable


def test_a_file_from_mapped_weights_is_the_one_that_the_converter_makes_by_itself(load, make, tmp_path):
    context = load("wide")
    candidate = make(context)
    (weights,) = context.shared.rglob("weights.bin")
    assert weights.stat().st_size == 600 * 600 * 4
    graph = weights.with_name("graph.onnx")
    subprocess.run([sys.executable, "-c", PLAIN, graph, tmp_path], check=True, capture_output=True)
    assert candidate.path.read_bytes() == (tmp_path / "converted_float32.tflite").read_bytes()
