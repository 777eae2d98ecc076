"""The quick converter on one small model, and the file run at once: for tests of single operators."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from edgepack.backends.tflite.routes import DIRECT_MODULES

MODULES = (*DIRECT_MODULES, "ai_edge_litert.interpreter", "edgepack.backends.tflite.direct")
"""What a worker imports ahead of these jobs."""


def convert_and_run(model: Any, feeds: Mapping[str, np.ndarray], folder: Path) -> list[np.ndarray]:
    """Convert a model as a build does, and run the file on inputs by name; outputs in the model's order.

    Args:
        model: The onnx.ModelProto.
        feeds: By name.
        folder: Where the file is made.
    """
    from edgepack.backends.tflite.direct import write_file

    path = folder / "model.tflite"
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        # Inputs that keep their layout can be fed without looking for it.
        write_file(model, path, move_inputs=False)
    return _run(path, [i.name for i in model.graph.input], feeds, [o.name for o in model.graph.output])


def _run(
    path: Path, names: list[str], feeds: Mapping[str, np.ndarray], outputs: list[str]
) -> list[np.ndarray]:
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(str(path))
    interpreter.allocate_tensors()
    details = interpreter.get_input_details()
    by_name = {_plain(d["name"]): d for d in details}
    for position, name in enumerate(names):
        detail = by_name.get(name) or (details[position] if len(details) == len(names) else None)
        if detail is None:  # the graph does not use it
            continue
        value = feeds.get(name, np.zeros(detail["shape"], detail["dtype"])).astype(detail["dtype"])
        interpreter.set_tensor(detail["index"], value.reshape(detail["shape"]) if value.ndim == 0 else value)
    interpreter.invoke()
    found = interpreter.get_output_details()
    named = {_plain(d["name"]): d for d in found}
    ordered = [named[o] for o in outputs] if set(outputs) <= named.keys() else found
    return [interpreter.get_tensor(detail["index"]) for detail in ordered]


def _plain(name: str) -> str:
    return name.removeprefix("serving_default_").split(":")[0]
