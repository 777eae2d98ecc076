"""The slow converter: onnx2tf builds a TensorFlow model, and TensorFlow converts that."""

from __future__ import annotations

import os
import shutil
from pathlib import Path


def convert_by_tensorflow(graph: Path, file: Path) -> None:
    """Job: convert a graph that `tidy` made.

    Args:
        graph: The graph.
        file: Where the .tflite file goes, in float32.

    Raises:
        RuntimeError: onnx2tf gave up; the job's log has its words.
        Exception: Whatever else it or TensorFlow raises.
    """
    import onnx
    import onnx2tf

    folder = file.parent / "tf_converter"
    folder.mkdir()
    # It writes helper files into the working folder.
    os.chdir(folder)
    try:
        onnx2tf.convert(
            onnx_graph=onnx.load(graph),
            output_folder_path=str(folder / "saved_model"),
            tflite_backend="tf_converter",
            # Both rewrite the graph by tools found through the shell; `tidy` did what is needed of it.
            not_use_onnxsim=True,
            not_use_opname_auto_generate=True,
            non_verbose=True,
        )
    except SystemExit as error:
        raise RuntimeError("onnx2tf gave up on the model") from error
    os.replace(folder / "saved_model" / "model_float32.tflite", file)
    shutil.rmtree(folder)
