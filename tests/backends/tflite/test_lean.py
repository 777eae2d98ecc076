"""What the writer would do for nothing: still there in this release, and left out."""

import copy
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from edgepack.backends.tflite.direct import write_file
from edgepack.backends.tflite.lean import lean_writer


@pytest.fixture
def model():
    """A layer that nothing can be taken out of, and two TRANSPOSEs, for which the writer takes a copy."""
    weights = np.random.default_rng(0).standard_normal((4, 3, 3, 3)).astype(np.float32)
    graph = helper.make_graph(
        [
            helper.make_node("Conv", ["x", "w"], ["c"], name="layer"),
            helper.make_node("Transpose", ["c"], ["t"], name="there", perm=[0, 2, 3, 1]),
            helper.make_node("Transpose", ["t"], ["y"], name="back", perm=[0, 3, 1, 2]),
        ],
        "graph",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 3, 6, 5])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 4, 4, 3])],
        [numpy_helper.from_array(weights, "w")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    return onnx.shape_inference.infer_shapes(model)


def test_the_file_is_the_writer_s_own(model, tmp_path):
    from onnx2tf import tflite_builder

    tflite_builder.export_tflite_model_flatbuffer_direct(
        onnx_graph=model,
        output_folder_path=str(tmp_path),
        output_file_name="converted",
        flatbuffer_direct_show_progress=False,
    )
    # Nothing is to be taken out of this file, so it is written once.
    write_file(model, tmp_path / "lean.tflite")
    assert (tmp_path / "lean.tflite").read_bytes() == (tmp_path / "converted_float32.tflite").read_bytes()


def test_no_float16_file_is_written(model, tmp_path):
    from onnx2tf import tflite_builder

    with lean_writer():
        tflite_builder.export_tflite_model_flatbuffer_direct(
            onnx_graph=model,
            output_folder_path=str(tmp_path),
            output_file_name="lean",
            flatbuffer_direct_show_progress=False,
        )
    assert (tmp_path / "lean_float32.tflite").exists()
    assert not (tmp_path / "lean_float16.tflite").exists()
    assert not (tmp_path / "schema_generated.py").exists()


def test_only_arrays_that_cannot_change_are_shared_by_copies():
    fixed, open_one = np.arange(3.0), np.arange(3.0)
    fixed.flags.writeable = False
    with lean_writer():
        copies = copy.deepcopy({"fixed": fixed, "open": open_one})
    assert copies["fixed"] is fixed
    assert not np.shares_memory(copies["open"], open_one)
    assert copy.deepcopy(fixed) is not fixed


def test_the_writer_does_not_copy_what_it_made_read_only(model, tmp_path, monkeypatch):
    from onnx2tf.tflite_builder.core import model_ir_pass_state

    shared = []
    snapshot = model_ir_pass_state.ModelIRPassState.snapshot

    def watched(state):
        taken = snapshot(state)
        pairs = [(one.data, taken.tensors[name].data) for name, one in state.model_ir.tensors.items()]
        arrays = [pair for pair in pairs if isinstance(pair[0], np.ndarray)]
        shared.append([before is after for before, after in arrays if not before.flags.writeable])
        return taken

    monkeypatch.setattr(model_ir_pass_state.ModelIRPassState, "snapshot", watched)
    write_file(model, tmp_path / "lean.tflite")
    assert any(shared)
    assert all(all(one) for one in shared)


def test_names_are_put_back_when_the_writer_fails():
    from onnx2tf import tflite_builder

    before = (tflite_builder.clone_model_ir_with_float16, tflite_builder.load_schema_module)
    with pytest.raises(NotImplementedError), lean_writer():
        raise NotImplementedError
    assert (tflite_builder.clone_model_ir_with_float16, tflite_builder.load_schema_module) == before


def test_litert_s_schema_is_the_writer_s():
    from ai_edge_litert import schema_py_generated as litert
    from onnx2tf.utils import onnx_litert_runtime

    bundled = Path(onnx_litert_runtime._BUNDLED_SCHEMA_PY_PATH)
    # The two have their imports in another order, and an empty line between them.
    lines = [sorted(filter(None, path.read_text().splitlines())) for path in (bundled, Path(litert.__file__))]
    assert lines[0] == lines[1]
