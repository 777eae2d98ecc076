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
from edgepack.backends.tflite.lean import lean_writer
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
        write_file(guard(onnx.load(graph, load_external_data=False)).model, file)


def convert_prepared(graph: Path, file: Path) -> None:
    """Job: convert a graph that `tidy` made, after saying it in operators that the converter takes.

    Args:
        graph: The graph.
        file: Where the .tflite file goes, in float32.

    Raises:
        ConversionError: An operator has no other form, or the converter refuses one all the same.
        Exception: Whatever else the converter raises.
    """
    _prepare_and_write(graph, file, move_inputs=True)


def convert_unmoved(graph: Path, file: Path) -> None:
    """Job: the same, and inputs keep the source's layout.

    The converter moves the channels of inputs last, which saves an image model a TRANSPOSE. Of other models
    it then loses track: it drops the input of a pool over three axes, and slices along the wrong axes.

    Args:
        graph: The graph.
        file: Where the .tflite file goes, in float32.

    Raises:
        ConversionError: See `convert_prepared`.
        Exception: Likewise.
    """
    _prepare_and_write(graph, file, move_inputs=False)


def _prepare_and_write(graph: Path, file: Path, *, move_inputs: bool) -> None:
    import onnx

    from edgepack.backends.passes import prepare

    with mapped_weights(graph.parent):
        model = onnx.load(graph, load_external_data=False)
        try:
            prepared = prepare(model)
        except ConversionError as error:
            raise _placed(error, model) from error
        if prepared.added:
            raise ConversionError("the outputs do not depend on the inputs: there is nothing to convert")
        write_file(prepared.model, file, move_inputs=move_inputs)


def write_file(model: Any, file: Path, *, move_inputs: bool = True) -> None:
    """Convert a graph as it is, and take needless operators out of the file.

    Args:
        model: An onnx.ModelProto with static shapes.
        file: Where the .tflite file goes, in float32.
        move_inputs: Whether the converter may put the channels of inputs last.

    Raises:
        ConversionError: The converter refuses an operator; the message names it and its place.
        Exception: Whatever else the converter raises.
    """
    from onnx2tf.tflite_builder import export_tflite_model_flatbuffer_direct

    folder = file.parent.resolve() / "flatbuffer_direct"
    # A converter that gave up may have left one here.
    folder.mkdir(exist_ok=True)
    try:
        # Where onnxruntime cannot infer a shape, it leaves a file in the working folder, which is the user's.
        with contextlib.chdir(folder), lean_writer():
            export_tflite_model_flatbuffer_direct(
                onnx_graph=model,
                output_folder_path=str(folder),
                output_file_name=_STEM,
                # The fused LSTM operators keep their state from one run to the next; a model starts anew.
                # Where there is nothing to unroll, this would only copy all weights.
                keep_shape_absolutely_input_names=None
                if move_inputs
                else [i.name for i in model.graph.input],
                enable_rnn_unroll=any(node.op_type in _RECURRENT for node in model.graph.node),
                flatbuffer_direct_show_progress=False,
            )
    except NotImplementedError as error:
        raise _refusal(str(error), model) from error
    made = folder / f"{_STEM}_float32.tflite"
    finish(made)
    os.replace(made, file)
    shutil.rmtree(folder)


def _placed(error: ConversionError, model: Any) -> ConversionError:
    """Say of a refused node where it stands in the user's model."""
    if "node" not in error.details:
        return error
    from edgepack.backends.passes.refusing import placed

    return placed(error, place(model, str(error.details["node"])))


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
