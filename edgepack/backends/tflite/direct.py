"""The quick converter: onnx2tf's flatbuffer writer, without TensorFlow."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
from pathlib import Path
from typing import Any

from edgepack.backends.tflite.finish import finish
from edgepack.backends.tflite.graph import place
from edgepack.backends.tflite.weights import mapped_weights
from edgepack.errors import ConversionError

_REFUSAL = re.compile(
    r"op=(?P<operator>\S+) node=(?P<node>.+?) reason_code=\S+ message=(?P<reason>.+)", re.DOTALL
)
_RECURRENT = frozenset({"LSTM", "GRU", "RNN"})
_STEM = "converted"


def convert_directly(graph: Path, file: Path) -> None:
    """Job: convert a graph that `tidy` made, replacing only what the converter gets silently wrong.

    Args:
        graph: The graph.
        file: Where the .tflite file goes, in float32.

    Raises:
        ConversionError: The converter refuses an operator; the message names it and its place.
        Exception: Whatever else the converter raises.
    """
    import onnx

    from edgepack.backends.passes import guard

    with mapped_weights(graph.parent):
        _write(guard(onnx.load(graph, load_external_data=False)).model, file)


def convert_prepared(graph: Path, file: Path) -> None:
    """Job: convert a graph that `tidy` made, after saying it in operators that the converter takes.

    Args:
        graph: The graph.
        file: Where the .tflite file goes, in float32.

    Raises:
        ConversionError: An operator has no other form, or the converter refuses one all the same.
        Exception: Whatever else the converter raises.
    """
    import onnx

    from edgepack.backends.passes import prepare

    with mapped_weights(graph.parent):
        prepared = prepare(onnx.load(graph, load_external_data=False))
        if prepared.added:
            raise ConversionError("the outputs do not depend on the inputs: there is nothing to convert")
        _write(prepared.model, file)


def _write(model: Any, file: Path) -> None:
    from onnx2tf.tflite_builder import export_tflite_model_flatbuffer_direct

    folder = file.parent.resolve() / "flatbuffer_direct"
    # A converter that gave up may have left one here.
    folder.mkdir(exist_ok=True)
    try:
        # Where onnxruntime cannot infer a shape, it leaves a file in the working folder, which is the user's.
        with contextlib.chdir(folder):
            export_tflite_model_flatbuffer_direct(
                onnx_graph=model,
                output_folder_path=str(folder),
                output_file_name=_STEM,
                # The fused LSTM operators keep their state from one run to the next; a model starts anew.
                # Where there is nothing to unroll, this would only copy all weights.
                enable_rnn_unroll=any(node.op_type in _RECURRENT for node in model.graph.node),
                flatbuffer_direct_show_progress=False,
            )
    except NotImplementedError as error:
        raise _refusal(str(error), model) from error
    made = folder / f"{_STEM}_float32.tflite"
    finish(made)
    os.replace(made, file)
    shutil.rmtree(folder)


def _refusal(message: str, model: Any) -> ConversionError:
    found = _REFUSAL.search(message)
    if found is None:
        return ConversionError(f"onnx2tf refuses the model: {message}")
    from edgepack.backends.passes.shape_inputs import binding_hint

    where = place(model, found["node"])
    return ConversionError(
        f"onnx2tf cannot convert operator {found['operator']} ({where}): {found['reason']}",
        hint=binding_hint(model) or "replace that operator in the model by simpler ones",
    )
