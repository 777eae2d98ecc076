"""ONNX's own test cases: inputs, expected outputs and tolerances as the suite has them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from edgepack.compare import Array

Cases = Mapping[str, "Case"]

DATA_FOLDERS = ("pytorch-converted", "pytorch-operator", "simple")


@dataclass(frozen=True, slots=True)
class Case:
    """One test of the suite."""

    name: str
    operator: str
    model: Any
    inputs: tuple[Array, ...]
    outputs: tuple[Array, ...]
    rtol: float
    atol: float


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


def _tensors(folder: Path, what: str) -> tuple[Array, ...]:
    import onnx
    from onnx import numpy_helper

    files = sorted(folder.glob(f"{what}_*.pb"), key=lambda path: int(path.stem.split("_")[-1]))
    return tuple(numpy_helper.to_array(onnx.TensorProto.FromString(path.read_bytes())) for path in files)


def judge(case: Case, got: Sequence[Array]) -> str:
    """What is wrong with the outputs, by the suite's tolerances; empty when nothing is.

    Args:
        case: What is expected.
        got: In the order and the axes of the model's outputs.
    """
    if len(got) != len(case.outputs):
        return f"{len(got)} outputs instead of {len(case.outputs)}"
    for k, (value, expected) in enumerate(zip(got, case.outputs, strict=True)):
        if problem := _difference(value, expected, case):
            return f"output {k} {problem}"
    return ""


def _difference(value: Array, expected: Array, case: Case) -> str:
    if expected.dtype.kind in "OUS" or value.dtype.kind in "OUS":
        return "holds strings"
    if value.shape != expected.shape and not (expected.ndim == 0 and value.size == 1):
        return f"has shape {value.shape} instead of {expected.shape}"
    number, wanted = value.reshape(expected.shape).astype(np.float64), expected.astype(np.float64)
    if np.allclose(number, wanted, case.rtol, case.atol, equal_nan=True):
        return ""
    return f"differs by up to {np.nanmax(np.abs(number - wanted), initial=0.0):.3g}"
