"""One case of ONNX's suite on its way through edgepack's own code, from a model to a verdict.

What makes files and what judges them are workers of their own, as in a build, for converter and runtime crash
on some cases.
"""

from __future__ import annotations

import contextlib
import shutil
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from onnx_suite import Case, Cases, judge, load_cases

from edgepack.backends.tflite.routes import DIRECT_MODULES, RUN_MODULES
from edgepack.compare import Array
from edgepack.errors import ConversionError, EdgepackError, SourceError, VerificationFailed
from edgepack.golden import GoldenSet
from edgepack.model import DTYPES, ModelSpec, TensorSpec
from edgepack.precision import PRECISIONS, Tolerance
from edgepack.workers import JobFailed, Limits, Workers

LIMITS = Limits(seconds=120, memory=4 * 2**30)

MODES = {
    "native": ("alone",),
    "guarded": ("guarded",),
    "prepared": ("prepared",),
    "free": ("guarded", "prepared", "unmoved"),
    "routes": ("guarded", "prepared", "unmoved"),
}
"""How a case may be converted: the attempts that are made until one is right."""
_FREE = ("native", "free")
"""Modes that bind no input; in the others those that decide shapes are bound."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a case.

    Attributes:
        status: "pass", "refused", "failed", "caught", "disputed", "wrong", "crash" or "timeout".
        detail: Why it did not pass.
        seconds: All attempts together.
        passes: Names of the passes that made it.
        permuted: Whether a tensor of the file has its axes in another order than the model's.
    """

    status: str
    detail: str = ""
    seconds: float = 0.0
    passes: tuple[str, ...] = ()
    permuted: bool = False


class Suite:
    """The suite's cases, held by two workers: one converts, one runs files and judges."""

    def __init__(self, workers: Workers, folder: Path) -> None:
        self._folder = folder
        self._makers = workers.start(*DIRECT_MODULES, "edgepack.backends.passes.preparing").branch(
            load_cases, name="cases"
        )
        self._judges = workers.start(*RUN_MODULES, "onnxruntime").branch(load_cases, name="cases")

    def run(self, name: str, mode: str) -> Outcome:
        """Prepare, convert, run and judge one case in one of `MODES`."""
        started = time.monotonic()
        outcome = Outcome("failed", "no attempt was made")
        for attempt in MODES[mode]:
            place = Path(tempfile.mkdtemp(dir=self._folder))
            outcome = self._attempt(name, attempt, mode, place)
            shutil.rmtree(place)
            if outcome.status == "pass":
                break
        return Outcome(
            outcome.status,
            outcome.detail,
            round(time.monotonic() - started, 2),
            outcome.passes,
            outcome.permuted,
        )

    def _attempt(self, name: str, attempt: str, mode: str, place: Path) -> Outcome:
        try:
            passes, added = self._makers.run(make, name, attempt, mode, place, name=f"make {name}")
        except EdgepackError as error:
            return Outcome("refused", error.message)
        except JobFailed as failure:
            return _failed(failure)
        try:
            outcome = self._judges.run(check, name, place, added, name=f"judge {name}")
        except SourceError as error:  # a value that the file's dtype cannot hold
            return Outcome("refused", error.message, passes=passes)
        except EdgepackError as error:
            return Outcome("failed", error.message, passes=passes)
        except JobFailed as failure:
            return _failed(failure, passes)
        return Outcome(outcome.status, outcome.detail, 0.0, passes, outcome.permuted)


def _failed(failure: JobFailed, passes: tuple[str, ...] = ()) -> Outcome:
    ends = {"limit": "timeout", "crashed": "crash"}
    status = next((status for word, status in ends.items() if word in failure.reason), "failed")
    return Outcome(status, failure.reason, passes=passes)


def make(
    cases: Cases, name: str, attempt: str, mode: str, place: Path
) -> tuple[tuple[str, ...], tuple[TensorSpec, ...]]:
    """Job: convert a case to `place`/case.tflite by the code of a build.

    Returns:
        Names of the passes, and inputs that the model has not.

    Raises:
        ConversionError: The model is refused.
        Exception: Whatever the converter raises.
    """
    import onnx

    from edgepack.backends.passes import guard, prepare
    from edgepack.backends.passes.dtypes import is_string
    from edgepack.backends.tflite.direct import write_file
    from edgepack.backends.tflite.graph import tidy

    case = cases[name]
    if any(is_string(array.dtype) for array in (*case.inputs, *case.outputs)):
        raise ConversionError("strings have no counterpart on the phone")
    onnx.save(case.model if mode in _FREE else _bound(case), place / "case.onnx")
    if attempt == "alone":
        _convert_alone(case.model, place)
        return (), ()
    graph = place / "graph" / "graph.onnx"
    tidy(place / "case.onnx", graph, _specs(case)[0])
    model = onnx.load(graph)
    prepared = guard(model) if attempt == "guarded" else prepare(model)
    write_file(prepared.model, place / "case.tflite", move_inputs=attempt != "unmoved")
    passes = tuple(dict.fromkeys(name for _, name in prepared.applied))
    return passes, tuple(TensorSpec(one, "float32", (1,)) for one in prepared.added)


def _convert_alone(model: Any, place: Path) -> None:
    """The converter as it comes, with nothing done before or after."""
    from onnx2tf.tflite_builder import export_tflite_model_flatbuffer_direct

    from edgepack.backends.tflite.lean import lean_writer

    with contextlib.chdir(place), lean_writer():
        export_tflite_model_flatbuffer_direct(
            onnx_graph=model,
            output_folder_path=str(place),
            output_file_name="case",
            flatbuffer_direct_show_progress=False,
        )
    (place / "case_float32.tflite").rename(place / "case.tflite")


def _bound(case: Case) -> Any:
    """The model with the inputs that decide its shapes fixed to the case's values, as `--bind` does."""
    import onnx

    from edgepack.backends.passes.shape_inputs import shape_inputs

    wanted = set(shape_inputs(case.model))
    model = onnx.ModelProto()
    model.CopyFrom(case.model)
    feeds = zip(case.model.graph.input, case.inputs, strict=False)
    values = {proto.name: array for proto, array in feeds if proto.name in wanted}
    kept = [proto for proto in model.graph.input if proto.name not in values]
    del model.graph.input[:]
    model.graph.input.extend(kept)
    model.graph.initializer.extend(onnx.numpy_helper.from_array(a, name) for name, a in values.items())
    return model


def _specs(case: Case) -> tuple[tuple[TensorSpec, ...], tuple[TensorSpec, ...]]:
    """Inputs and outputs as a manifest would tell them; dtypes that none can hold are float32 there."""

    def spec(name: str, array: Array) -> TensorSpec:
        plain = array.dtype.name in DTYPES or array.dtype.kind == "u"
        return TensorSpec(name, array.dtype.name if plain else "float32", array.shape)

    graph = case.model.graph
    return (
        tuple(spec(i.name, array) for i, array in zip(graph.input, case.inputs, strict=False)),
        tuple(spec(o.name, array) for o, array in zip(graph.output, case.outputs, strict=False)),
    )


def check(cases: Cases, name: str, place: Path, added: tuple[TensorSpec, ...]) -> Outcome:
    """Job: run `place`/case.tflite and judge what it gives, in the axes of the model.

    The axes are those that a bundle's manifest would tell, found by the code of a build.
    """
    case = cases[name]
    outputs = [array.astype(spec.dtype) for array, spec in zip(case.outputs, _specs(case)[1], strict=False)]
    try:
        got, permuted = _run(case, place, added, outputs, _tolerance(case, outputs))
    except VerificationFailed as error:
        return Outcome(_why_not(case, place, added), error.message)
    problem = judge(case, got)
    return Outcome(_why_not(case, place, added) if problem else "pass", problem, permuted=permuted)


def _tolerance(case: Case, outputs: Sequence[Array]) -> Tolerance:
    """The suite's tolerance for the search of axes, where an absolute one is capped in a build's judge."""
    largest = [np.abs(a[np.isfinite(a)]).max(initial=0.0) for a in outputs if a.dtype.kind == "f"]
    absolute = max((case.atol / value for value in largest if value), default=0.0)
    return Tolerance(case.atol, case.rtol + absolute, "the suite's own")


def _run(
    case: Case,
    place: Path,
    added: tuple[TensorSpec, ...],
    references: Sequence[Array],
    tolerance: Tolerance,
) -> tuple[list[Array], bool]:
    """Find out which of the file's tensors is which, and give its outputs as the model has them.

    Raises:
        VerificationFailed: Whatever is which, the outputs are not the references.
    """
    from edgepack.backends.tflite.contracts import find_contracts
    from edgepack.backends.tflite.interpreter import open_file
    from edgepack.contract import to_file, to_source

    inputs, feeds = _open_inputs(case, place / "case.onnx")
    outputs = _specs(case)[1]
    feeds.update({spec.name: np.zeros(spec.shape, spec.dtype) for spec in added})
    golden = _golden(place, ModelSpec((*inputs, *added), outputs), feeds, references)
    given, taken = find_contracts(place / "case.tflite", golden, tolerance)
    results = open_file(place / "case.tflite").run([to_file(feeds[one.name], one) for one in given])
    by_name = {one.name: (results[one.index], one) for one in taken}
    moved = any(_moves(one.axes, one.shape) for one in (*given, *taken))
    return [to_source(*by_name[spec.name], spec) for spec in outputs], moved


def _moves(axes: tuple[int, ...], shape: tuple[int, ...]) -> bool:
    return len(axes) == len(shape) and list(axes) != sorted(axes)


def _golden(place: Path, model: ModelSpec, feeds: dict[str, Array], references: Sequence[Array]) -> GoldenSet:
    from edgepack.bundle.manifest import GoldenCase
    from edgepack.golden_files import write_array

    def write(kind: str, arrays: dict[str, Array]) -> dict[str, Any]:
        return {n: write_array(place, f"{kind}/{k}.bin", a) for k, (n, a) in enumerate(arrays.items())}

    names = [spec.name for spec in model.outputs]
    outputs = write("outputs", dict(zip(names, references, strict=True)))
    return GoldenSet(place, model, (GoldenCase(write("inputs", feeds), outputs),))


def _why_not(case: Case, place: Path, added: tuple[TensorSpec, ...]) -> str:
    """Say what a build would have made of outputs that are not the suite's: it compares with the model.

    "caught" when its comparison fails, too. Else the file computes what the model does where it is run:
    "disputed" when that is not what the suite expects, and "wrong" when it is.
    """
    references = _references(case, place / "case.onnx")
    if references is None:
        return "wrong"
    try:
        _run(case, place, added, references, PRECISIONS["float32"].tolerance)
    except EdgepackError:
        return "caught"
    return "disputed" if judge(case, references) else "wrong"


def _references(case: Case, path: Path) -> list[Array] | None:
    """What the model itself gives, run as a build does; None where nothing can run it."""
    from edgepack.model import InputSpec
    from edgepack.sources.onnx_model import OnnxModel

    inputs, feeds = _open_inputs(case, path)
    outputs = _specs(case)[1]
    model = OnnxModel(path, tuple(map(InputSpec, inputs)), tuple(spec.name for spec in outputs))
    try:
        found = model([feeds[spec.name] for spec in inputs])
    except EdgepackError:
        return None
    return [found[spec.name].astype(spec.dtype) for spec in outputs]


def _open_inputs(case: Case, path: Path) -> tuple[tuple[TensorSpec, ...], dict[str, Array]]:
    """The inputs that are not bound in the case's model on disk, and their values."""
    import onnx

    names = {proto.name for proto in onnx.load(path).graph.input}
    pairs = [pair for pair in zip(_specs(case)[0], case.inputs, strict=True) if pair[0].name in names]
    return tuple(spec for spec, _ in pairs), {spec.name: array.astype(spec.dtype) for spec, array in pairs}
