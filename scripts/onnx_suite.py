"""ONNX's own test cases against the TFLite converter: cases, one case's run, the verdict.

Expected outputs and tolerances are the suite's own. Everything here runs inside a worker's forks, because the
converter and the runtime crash on some cases.
"""

from __future__ import annotations

import contextlib
import io
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

Cases = Mapping[str, "Case"]

DATA_FOLDERS = ("pytorch-converted", "pytorch-operator", "simple")
# Inputs that hold shapes or axes in the suite are bound where a pass says that it needs them.
MODES = ("native", "guarded", "prepared", "free", "routes")


@dataclass(frozen=True, slots=True)
class Case:
    """One test of the suite."""

    name: str
    operator: str
    model: Any
    inputs: tuple[np.ndarray, ...]
    outputs: tuple[np.ndarray, ...]
    rtol: float
    atol: float


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a case: pass, refused, failed, wrong, crash or timeout."""

    status: str
    detail: str = ""
    seconds: float = 0.0
    passes: tuple[str, ...] = ()


def load_cases() -> Cases:
    """All cases whose inputs and outputs are arrays: the node suite's, then the model folders'."""
    import warnings

    from edgepack.backends.passes.registry import rewrites

    warnings.simplefilter("ignore")
    rewrites()  # loads the passes here, once, rather than in the fork of each case
    return {case.name: case for case in (*_node_cases(), *_model_cases())}


def _node_cases() -> list[Case]:
    from onnx.backend.test.case.node import collect_testcases

    cases = []
    for test in collect_testcases(None):
        inputs, outputs = test.data_sets[0]
        if not all(isinstance(a, np.ndarray) for a in (*inputs, *outputs)):
            continue
        cases.append(
            Case(
                f"node/{test.name}",
                _operator(test),
                test.model,
                tuple(inputs),
                tuple(outputs),
                test.rtol,
                test.atol,
            )
        )
    return sorted(cases, key=lambda case: case.name)


def _operator(test: Any) -> str:
    """The operator that a node case is about; an expanded one is named for what was expanded."""
    nodes = test.model.graph.node
    if "_expanded" not in test.name and nodes:
        return str(nodes[-1].op_type if len(nodes) == 1 else nodes[0].op_type)
    return f"{_expanded_operator(test)} (expanded)"


def _expanded_operator(test: Any) -> str:
    # The expander names every value OPERATOR_CASE_function_VALUE.
    prefix = "_test_"
    for node in test.model.graph.node:
        for value in node.output:
            if prefix in value:
                return str(value.split(prefix)[0])
    return "several"


def _model_cases() -> list[Case]:
    import onnx

    root = Path(onnx.__file__).parent / "backend" / "test" / "data"
    cases = []
    for kind in DATA_FOLDERS:
        for folder in sorted((root / kind).iterdir()):
            try:
                inputs, outputs = (_tensors(folder / "test_data_set_0", what) for what in ("input", "output"))
            except (ValueError, TypeError, OSError):  # not all of it is arrays
                continue
            model = onnx.load(folder / "model.onnx")
            constants = {t.name for t in model.graph.initializer}
            stay = [i for i in model.graph.input if i.name not in constants]
            del model.graph.input[:]
            model.graph.input.extend(stay)
            for proto, array in zip(model.graph.input, inputs, strict=False):
                _fix_shape(proto, array.shape)
            cases.append(Case(f"{kind}/{folder.name}", kind, model, inputs, outputs, 1e-3, 1e-7))
    return cases


def _fix_shape(proto: Any, shape: tuple[int, ...]) -> None:
    """Make an input's shape static, as a build does before it converts."""
    dims = proto.type.tensor_type.shape.dim
    del dims[:]
    for size in shape:
        dims.add().dim_value = size


def _tensors(folder: Path, what: str) -> tuple[np.ndarray, ...]:
    import onnx
    from onnx import numpy_helper

    files = sorted(folder.glob(f"{what}_*.pb"), key=lambda path: int(path.stem.split("_")[-1]))
    return tuple(numpy_helper.to_array(onnx.TensorProto.FromString(path.read_bytes())) for path in files)


def run_case(cases: Cases, name: str, mode: str) -> Outcome:
    """Prepare, convert, run and judge one case in one of `MODES`."""
    started = time.monotonic()
    if mode == "routes":
        outcome = _attempt(cases[name], "guarded")
        if outcome.status != "pass":
            outcome = _attempt(cases[name], "prepared")
    else:
        outcome = _attempt(cases[name], mode)
    return Outcome(outcome.status, outcome.detail, round(time.monotonic() - started, 2), outcome.passes)


def _attempt(case: Case, mode: str) -> Outcome:
    from edgepack.errors import ConversionError

    try:
        prepared = _prepared(case, mode)
    except ConversionError as error:
        return Outcome("refused", error.message)
    passes = tuple(dict.fromkeys(name for _, name in prepared.applied))
    try:
        with tempfile.TemporaryDirectory() as folder:
            got = convert_and_run(prepared.model, _feeds(case), Path(folder), finished=mode != "native")
    except (Exception, SystemExit) as error:  # noqa: BLE001  the converter raises anything
        return Outcome("failed", f"{type(error).__name__}: {error}"[:300], passes=passes)
    problem = judge(case, got)
    return Outcome("wrong" if problem else "pass", problem, passes=passes)


def _prepared(case: Case, mode: str) -> Any:
    from edgepack.backends.passes import Prepared, guard, prepare
    from edgepack.backends.passes.shape_inputs import shape_inputs

    if mode == "native":
        return Prepared(case.model)
    if mode == "guarded":
        return guard(case.model)
    feeds = _feeds(case)
    bound = shape_inputs(case.model) if mode == "prepared" else ()
    return prepare(case.model, {name: feeds[name] for name in bound if name in feeds})


def _feeds(case: Case) -> dict[str, np.ndarray]:
    names = [i.name for i in case.model.graph.input]
    return dict(zip(names, case.inputs, strict=False))


def convert_and_run(
    model: Any, feeds: Mapping[str, np.ndarray], folder: Path, *, finished: bool = True
) -> list[np.ndarray]:
    """Convert a model and run the file on inputs by name; outputs in the model's order.

    Args:
        model: The onnx.ModelProto.
        feeds: By name.
        folder: Where the file is made.
        finished: Whether needless operators are taken out, as a build does.
    """
    from onnx2tf.tflite_builder import export_tflite_model_flatbuffer_direct

    from edgepack.backends.tflite.finish import finish

    names = [i.name for i in model.graph.input]
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        export_tflite_model_flatbuffer_direct(
            onnx_graph=model,
            output_folder_path=str(folder),
            output_file_name="case",
            keep_shape_absolutely_input_names=names,
        )
    if finished:
        finish(folder / "case_float32.tflite")
    return _run(folder / "case_float32.tflite", names, feeds, [o.name for o in model.graph.output])


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


def judge(case: Case, got: list[np.ndarray]) -> str:
    """What is wrong with the outputs, by the suite's tolerances; empty when nothing is.

    The converter leaves images in channels-last order; a bundle's manifest records such axes, so an output
    in exactly that order counts as right.
    """
    if len(got) != len(case.outputs):
        return f"{len(got)} outputs instead of {len(case.outputs)}"
    for k, (value, expected) in enumerate(zip(got, case.outputs, strict=True)):
        problem = _difference(value, expected, case)
        if problem and value.ndim >= 3 and not _difference(np.moveaxis(value, -1, 1), expected, case):
            problem = ""
        if problem:
            return f"output {k} {problem}"
    return ""


def _difference(value: np.ndarray, expected: np.ndarray, case: Case) -> str:
    if expected.dtype.kind in "OUS" or value.dtype.kind in "OUS":
        return "holds strings"
    if value.shape != expected.shape and not (expected.ndim == 0 and value.size == 1):
        return f"has shape {value.shape} instead of {expected.shape}"
    number, wanted = value.reshape(expected.shape).astype(np.float64), expected.astype(np.float64)
    if np.allclose(number, wanted, case.rtol, case.atol, equal_nan=True):
        return ""
    return f"differs by up to {np.nanmax(np.abs(number - wanted), initial=0.0):.3g}"
