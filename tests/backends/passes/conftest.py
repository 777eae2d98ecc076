"""Small models for the passes, run by onnxruntime or, converted, by LiteRT in a worker."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper

from edgepack.workers import Limits, Workers

HERE = Path(__file__).resolve().parent


def make_model(
    op_type: str,
    feeds: Mapping[str, np.ndarray],
    constants: Sequence[np.ndarray | None] = (),
    outputs: int = 1,
    opset: int = 20,
    **attributes: Any,
) -> onnx.ModelProto:
    """A model of one node: the feeds are its first inputs, the constants its further ones."""
    names = [f"c{k}" if c is not None else "" for k, c in enumerate(constants)]
    node = helper.make_node(
        op_type, [*feeds, *names], [f"y{k}" for k in range(outputs)], name="the_node", **attributes
    )
    graph = helper.make_graph(
        [node],
        "one_node",
        [
            helper.make_tensor_value_info(n, helper.np_dtype_to_tensor_dtype(a.dtype), a.shape)
            for n, a in feeds.items()
        ],
        [helper.make_tensor_value_info(f"y{k}", onnx.TensorProto.UNDEFINED, None) for k in range(outputs)],
        [numpy_helper.from_array(c, n) for n, c in zip(names, constants, strict=True) if c is not None],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=9)
    return onnx.shape_inference.infer_shapes(model, data_prop=True)


def expected_of(model: onnx.ModelProto, feeds: Mapping[str, np.ndarray]) -> list[np.ndarray]:
    """What onnxruntime gives, or for operators and dtypes that it lacks onnx's reference evaluator."""
    import onnxruntime
    from onnx.reference import ReferenceEvaluator

    onnxruntime.set_default_logger_severity(4)
    try:
        session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    except Exception:  # noqa: BLE001  onnxruntime's own classes for this are not public
        return [np.asarray(value) for value in ReferenceEvaluator(model).run(None, dict(feeds))]
    return [np.asarray(value) for value in session.run(None, dict(feeds))]


def run_prepared(model: onnx.ModelProto, feeds: Mapping[str, np.ndarray]) -> list[np.ndarray]:
    """Run a prepared model, whose inputs hold the phone's dtypes."""
    import onnxruntime

    onnxruntime.set_default_logger_severity(4)
    onnx.checker.check_model(model)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    dtypes = {"tensor(float)": np.float32, "tensor(int32)": np.int32, "tensor(bool)": np.bool_}
    given = {i.name: feeds[i.name].astype(dtypes[i.type]) for i in session.get_inputs()}
    return [np.asarray(value) for value in session.run(None, given)]


@pytest.fixture(scope="session")
def convert_and_run() -> Iterator[Callable[..., list[np.ndarray]]]:
    """Convert a model and run the file in a fork that may crash; raises JobFailed when it does."""
    with pytest.MonkeyPatch.context() as patch, tempfile.TemporaryDirectory() as folder:
        patch.syspath_prepend(str(HERE))
        paths = (str(HERE), os.environ.get("PYTHONPATH", ""))
        patch.setenv("PYTHONPATH", os.pathsep.join(filter(None, paths)))
        from quick_converter import MODULES
        from quick_converter import convert_and_run as job

        root = Path(folder)
        with Workers(root / "logs", Limits(seconds=120)) as workers:
            worker = workers.start(*MODULES)

            def run(model: onnx.ModelProto, feeds: Mapping[str, np.ndarray]) -> list[np.ndarray]:
                out = Path(tempfile.mkdtemp(dir=root))
                result = worker.run(job, model, dict(feeds), out, name="convert")
                assert isinstance(result, list)
                return result

            yield run


@pytest.fixture
def one_node() -> Callable[..., onnx.ModelProto]:
    return make_model


@pytest.fixture
def reference() -> Callable[..., list[np.ndarray]]:
    return expected_of


@pytest.fixture
def prepared_run() -> Callable[..., list[np.ndarray]]:
    return run_prepared
