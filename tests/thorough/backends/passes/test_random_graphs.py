"""Random small graphs: what is prepared computes what onnxruntime does, before and after conversion."""

from __future__ import annotations

import os
import tempfile
from itertools import permutations
from pathlib import Path

import numpy as np
import onnx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from onnx import helper, numpy_helper

from edgepack.backends.passes import guard, prepare
from edgepack.workers import JobFailed, Limits, Workers

SCRIPTS = Path(__file__).resolve().parents[4] / "scripts"
SETTINGS = {
    "deadline": None,
    "derandomize": True,
    "database": None,
    "suppress_health_check": list(HealthCheck),
}

UNARY = [
    *(("Relu", {}), ("Sigmoid", {}), ("Tanh", {}), ("Neg", {}), ("Abs", {}), ("Softplus", {}), ("Erf", {})),
    *(("Elu", {"alpha": 0.5}), ("LeakyRelu", {"alpha": 0.2}), ("HardSigmoid", {}), ("Floor", {})),
    *(("Gelu", {"approximate": "tanh"}), ("Celu", {"alpha": 2.0}), ("Selu", {}), ("Softsign", {})),
]
BINARY = ["Add", "Sub", "Mul", "Max", "Min", "Div"]
REDUCTIONS = ["Sum", "Mean", "Max", "Min", "L1", "L2", "SumSquare", "LogSumExp"]


class Graph:
    """A graph that grows: one current float tensor, and everything that made it."""

    def __init__(self, draw: st.DrawFn) -> None:
        self.draw = draw
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []
        self.random = np.random.default_rng(draw(st.integers(0, 2**16)))
        self.shape = tuple(draw(st.lists(st.integers(1, 4), min_size=1, max_size=4)))
        self.value = self.random.standard_normal(self.shape).astype(np.float32)
        self.feeds = {"x": self.value}
        self.current = "x"

    def constant(self, value: np.ndarray) -> str:
        name = f"c{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.ascontiguousarray(value), name))
        return name

    def add(self, op_type: str, *inputs: str, **attributes: object) -> str:
        name = f"v{len(self.nodes)}"
        self.nodes.append(helper.make_node(op_type, inputs, [name], name=f"n{len(self.nodes)}", **attributes))
        return name

    def axis(self) -> int:
        return self.draw(st.integers(-len(self.shape), len(self.shape) - 1))

    def model(self) -> onnx.ModelProto:
        graph = helper.make_graph(
            self.nodes or [helper.make_node("Neg", ["x"], ["v0"])],
            "random",
            [helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, self.feeds["x"].shape)],
            [
                helper.make_tensor_value_info(
                    self.current if self.nodes else "v0", onnx.TensorProto.FLOAT, None
                )
            ],
            self.constants,
        )
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=9)
        return onnx.shape_inference.infer_shapes(model, data_prop=True)


def _unary(g: Graph) -> None:
    op_type, attributes = g.draw(st.sampled_from(UNARY))
    g.current = g.add(op_type, g.current, **attributes)


def _binary(g: Graph) -> None:
    sizes = [g.draw(st.sampled_from([1, size])) for size in g.shape][g.draw(st.integers(0, len(g.shape))) :]
    other = g.random.uniform(0.5, 2, sizes).astype(np.float32)
    g.current = g.add(g.draw(st.sampled_from(BINARY)), g.current, g.constant(other))


def _choose(g: Graph) -> None:
    condition = g.add("Greater", g.current, g.constant(np.float32(0.1).reshape(())))
    g.current = g.add("Where", condition, g.current, g.constant(np.float32(-3).reshape(())))


def _transpose(g: Graph) -> None:
    order = g.draw(st.permutations(range(len(g.shape))))
    g.shape = tuple(g.shape[k] for k in order)
    g.current = g.add("Transpose", g.current, perm=list(order))


def _flatten(g: Graph) -> None:
    size = int(np.prod(g.shape))
    g.shape = g.draw(st.sampled_from([(size,), (1, size), (size, 1)]))
    g.current = g.add("Reshape", g.current, g.constant(np.array(g.shape)))


def _slice(g: Graph) -> None:
    axis = g.axis()
    size = g.shape[axis]
    step = g.draw(st.sampled_from([1, 2, -1]))
    start, stop = (0, size) if step > 0 else (-1, -size - 1)
    bounds = [g.constant(np.array([v])) for v in (start, stop, axis, step)]
    shape = list(g.shape)
    shape[axis] = len(range(size)[:: abs(step)])
    g.shape = tuple(shape)
    g.current = g.add("Slice", g.current, *bounds)


def _reduce(g: Graph) -> None:
    axis, keep = g.axis(), g.draw(st.integers(0, 1)) if len(g.shape) > 1 else 1
    kind = g.draw(st.sampled_from(REDUCTIONS))
    g.current = g.add(f"Reduce{kind}", g.current, g.constant(np.array([axis])), keepdims=keep)
    shape = list(g.shape)
    shape[axis] = 1
    if not keep:
        del shape[axis]
    g.shape = tuple(shape)


def _softmax(g: Graph) -> None:
    g.current = g.add(g.draw(st.sampled_from(["Softmax", "LogSoftmax", "Hardmax"])), g.current, axis=g.axis())


def _double(g: Graph) -> None:
    axis = g.axis()
    g.shape = tuple(2 * s if k == axis % len(g.shape) else s for k, s in enumerate(g.shape))
    g.current = g.add("Concat", g.current, g.current, axis=axis)


def _pad(g: Graph) -> None:
    rank = len(g.shape)
    pads = [g.draw(st.integers(0, 2)) for _ in range(2 * rank)]
    g.shape = tuple(s + pads[k] + pads[k + rank] for k, s in enumerate(g.shape))
    g.current = g.add("Pad", g.current, g.constant(np.array(pads)), g.constant(np.float32(1.5).reshape(())))


def _gather(g: Graph) -> None:
    axis = g.axis() % len(g.shape)
    chosen = [g.draw(st.integers(-g.shape[axis], g.shape[axis] - 1)) for _ in range(2)]
    g.shape = (*g.shape[:axis], 2, *g.shape[axis + 1 :])
    g.current = g.add("Gather", g.current, g.constant(np.array(chosen)), axis=axis)


def _matmul(g: Graph) -> None:
    weights = g.random.standard_normal((g.shape[-1], 3)).astype(np.float32)
    g.current = g.add("MatMul", g.current, g.constant(weights))
    g.shape = (*g.shape[:-1], 3)


def _sum_up(g: Graph) -> None:
    g.current = g.add("CumSum", g.current, g.constant(np.array(g.axis())), reverse=g.draw(st.integers(0, 1)))


def _largest(g: Graph) -> None:
    index = g.add("ArgMax", g.current, axis=g.axis(), select_last_index=g.draw(st.integers(0, 1)))
    g.current = g.add("Add", g.current, g.add("Cast", index, to=onnx.TensorProto.FLOAT))


def _bytes(g: Graph) -> None:
    # Half steps apart from integers, so that no rounding error moves a cast to the next one.
    scaled = g.add("Round", g.add("Mul", g.add("Tanh", g.current), g.constant(np.float32(90).reshape(()))))
    narrow = g.add("Cast", g.add("Cast", scaled, to=onnx.TensorProto.INT32), to=onnx.TensorProto.INT8)
    g.current = g.add("Cast", g.add("Add", narrow, narrow), to=onnx.TensorProto.FLOAT)


STEPS = [
    *(_unary, _unary, _binary, _binary, _choose, _transpose, _flatten, _slice, _reduce, _softmax),
    *(_double, _pad, _gather, _matmul, _sum_up, _largest, _bytes),
]
# These jump where their input barely changes, so rounding alone may show; they come last or not at all.
JUMPING = {_largest, _bytes}


@st.composite
def graphs(draw: st.DrawFn) -> tuple[onnx.ModelProto, dict[str, np.ndarray]]:
    graph = Graph(draw)
    for step in draw(
        st.lists(st.sampled_from([s for s in STEPS if s not in JUMPING]), min_size=1, max_size=5)
    ):
        if int(np.prod(graph.shape)) < 2000:
            step(graph)
    if draw(st.booleans()):
        draw(st.sampled_from(sorted(JUMPING, key=lambda s: s.__name__)))(graph)
    return graph.model(), graph.feeds


def _expected(model: onnx.ModelProto, feeds: dict[str, np.ndarray]) -> np.ndarray:
    import onnxruntime

    onnxruntime.set_default_logger_severity(4)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return np.asarray(session.run(None, feeds)[0])


def _close(got: np.ndarray, expected: np.ndarray) -> bool:
    """Equal up to the order of the axes, which the converter may change and a bundle's manifest records."""
    scale = float(np.abs(expected).max(initial=1e-3))
    orders = (got.transpose(order) for order in permutations(range(got.ndim)))
    return any(o.shape == expected.shape and np.allclose(o, expected, 1e-3, 1e-4 * scale) for o in orders)


def _jumps(model: onnx.ModelProto) -> bool:
    return any(node.op_type in ("Floor", "Round", "ArgMax", "Hardmax") for node in model.graph.node)


@settings(max_examples=2000, **SETTINGS)
@given(graphs())
def test_prepared_graphs_compute_the_same(drawn):
    model, feeds = drawn
    expected = _expected(model, feeds)
    got = _expected(prepare(model).model, feeds)
    assert got.shape == expected.shape
    assert np.allclose(got, expected, 1e-3, 1e-4 * np.abs(expected).max(initial=1e-3))


@pytest.fixture(scope="module")
def convert():
    with pytest.MonkeyPatch.context() as patch, tempfile.TemporaryDirectory() as folder:
        patch.syspath_prepend(str(SCRIPTS))
        paths = (str(SCRIPTS), os.environ.get("PYTHONPATH", ""))
        patch.setenv("PYTHONPATH", os.pathsep.join(filter(None, paths)))
        from quick_converter import convert_and_run

        with Workers(Path(folder) / "logs", Limits(seconds=120)) as workers:
            worker = workers.start("onnx2tf.tflite_builder", "ai_edge_litert.interpreter")
            yield lambda model, feeds: worker.run(
                convert_and_run, model, feeds, Path(tempfile.mkdtemp(dir=folder)), name="convert"
            )[0]


@settings(max_examples=150, **SETTINGS)
@given(graphs().filter(lambda drawn: not _jumps(drawn[0])))
def test_some_route_converts_and_is_right(convert, drawn):
    model, feeds = drawn
    expected = _expected(model, feeds)
    problems = []
    for prepared in (guard(model), prepare(model)):
        try:
            if _close(convert(prepared.model, feeds), expected):
                return
            problems.append("wrong")
        except JobFailed as failure:
            problems.append(failure.reason)
    pytest.fail(f"{problems}\n{onnx.printer.to_text(model)}")
