"""Random small graphs: what is prepared, and what is converted, computes what onnxruntime does."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator, Mapping
from itertools import permutations
from pathlib import Path

import numpy as np
import onnx
import pytest
from hypothesis import HealthCheck, given, settings
from random_graphs import graphs, jumps

from edgepack.backends.passes import guard, prepare
from edgepack.errors import ConversionError
from edgepack.workers import JobFailed, Limits, Workers

HELPERS = Path(__file__).resolve().parents[3] / "backends" / "passes"
SETTINGS = {
    "deadline": None,
    "derandomize": True,
    "database": None,
    "suppress_health_check": list(HealthCheck),
}
type Feeds = Mapping[str, np.ndarray]


def _expected(model: onnx.ModelProto, feeds: Feeds) -> np.ndarray:
    """What onnxruntime gives, or onnx's reference evaluator for integers that it has no kernels of."""
    import onnxruntime
    from onnx.reference import ReferenceEvaluator

    onnxruntime.set_default_logger_severity(4)
    try:
        session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    except onnxruntime.capi.onnxruntime_pybind11_state.NotImplemented:
        return np.asarray(ReferenceEvaluator(model).run(None, dict(feeds))[0])
    return np.asarray(session.run(None, dict(feeds))[0])


def _stored(model: onnx.ModelProto, feeds: Feeds) -> dict[str, np.ndarray]:
    """Feeds in the dtypes of a prepared model's inputs."""
    dtypes = {
        i.name: onnx.helper.tensor_dtype_to_np_dtype(i.type.tensor_type.elem_type) for i in model.graph.input
    }
    return {name: feeds[name].astype(dtype) for name, dtype in dtypes.items()}


def _near(got: np.ndarray, expected: np.ndarray) -> bool:
    if expected.dtype.kind != "f":
        return np.array_equal(got.astype(np.int64), expected.astype(np.int64))
    return np.allclose(got, expected, 1e-3, 1e-4 * float(np.abs(expected).max(initial=1e-3)))


def _right(got: np.ndarray, expected: np.ndarray) -> bool:
    """Equal up to the order of the axes, which the converter may change and a bundle's manifest records."""
    orders = (got.transpose(order) for order in permutations(range(got.ndim)))
    return any(one.shape == expected.shape and _near(one, expected) for one in orders)


@settings(max_examples=2000, **SETTINGS)
@given(graphs())
def test_prepared_graphs_compute_the_same(drawn: tuple[onnx.ModelProto, Feeds]) -> None:
    model, feeds = drawn
    expected = _expected(model, feeds)
    prepared = prepare(model).model
    got = _expected(prepared, _stored(prepared, feeds))
    assert got.shape == expected.shape
    assert _near(got, expected)


@pytest.fixture(scope="module")
def convert() -> Iterator[Callable[[onnx.ModelProto, Feeds], np.ndarray]]:
    with pytest.MonkeyPatch.context() as patch, tempfile.TemporaryDirectory() as folder:
        patch.syspath_prepend(str(HELPERS))
        paths = (str(HELPERS), os.environ.get("PYTHONPATH", ""))
        patch.setenv("PYTHONPATH", os.pathsep.join(filter(None, paths)))
        from quick_converter import MODULES, convert_and_run

        with Workers(Path(folder) / "logs", Limits(seconds=120)) as workers:
            worker = workers.start(*MODULES)
            yield lambda model, feeds: worker.run(
                convert_and_run, model, feeds, Path(tempfile.mkdtemp(dir=folder)), name="convert"
            )[0]


@settings(max_examples=2000, **SETTINGS)
@given(graphs().filter(lambda drawn: not jumps(drawn[0])))
def test_some_route_converts_and_is_right(
    convert: Callable[[onnx.ModelProto, Feeds], np.ndarray], drawn: tuple[onnx.ModelProto, Feeds]
) -> None:
    model, feeds = drawn
    expected = _expected(model, feeds)
    problems = []
    for route in (guard, prepare):
        try:
            prepared = route(model).model
            if _right(convert(prepared, _stored(prepared, feeds)), expected):
                return
            problems.append("wrong")
        except (JobFailed, ConversionError) as failure:
            problems.append(str(failure))
    pytest.fail(f"{problems}\n{onnx.printer.to_text(model)}")
