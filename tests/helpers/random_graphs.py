"""Random small graphs over the operators, shapes and dtypes that files can hold."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import onnx
from hypothesis import strategies as st
from onnx import helper, numpy_helper

UNARY = [
    *(("Relu", {}), ("Sigmoid", {}), ("Tanh", {}), ("Neg", {}), ("Abs", {}), ("Softplus", {}), ("Erf", {})),
    *(("Elu", {"alpha": 0.5}), ("LeakyRelu", {"alpha": 0.2}), ("HardSigmoid", {}), ("Floor", {})),
    *(("Gelu", {"approximate": "tanh"}), ("Celu", {"alpha": 2.0}), ("Selu", {}), ("Softsign", {})),
]
BINARY = ["Add", "Sub", "Mul", "Max", "Min", "Div"]
WHOLE_BINARY = ["Add", "Sub", "Mul", "Max", "Min"]
REDUCTIONS = ["Sum", "Mean", "Max", "Min", "L1", "L2", "SumSquare", "LogSumExp"]
# By bytes of an integer: ONNX defines no others.
WHOLE_REDUCTIONS = {1: ["Max", "Min"], 4: ["Max", "Min", "Sum"], 8: ["Max", "Min", "Sum"]}
COMPARISONS = ["Greater", "Less", "GreaterOrEqual", "LessOrEqual", "Equal"]
MOST_ELEMENTS = 2000

type Step = Callable[["Graph"], None]


class Graph:
    """A graph that grows: one current tensor, and everything that made it."""

    def __init__(self, draw: st.DrawFn) -> None:
        self.draw = draw
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []
        self.random = np.random.default_rng(draw(st.integers(0, 2**16)))
        self.shape = tuple(draw(st.lists(st.integers(1, 4), min_size=1, max_size=4)))
        self.dtype = np.dtype(draw(st.sampled_from(["float32"] * 4 + ["int32", "int64", "int8", "uint8"])))
        self.feeds = {"x": self.values(self.shape)}
        self.current = "x"

    @property
    def real(self) -> bool:
        """Whether the current tensor holds floats."""
        return self.dtype.kind == "f"

    def values(self, shape: tuple[int, ...], low: float = -2, high: float = 2) -> np.ndarray:
        """Random numbers of the current dtype; whole ones are small, so that few steps leave 8 bits."""
        if self.real:
            return self.random.uniform(low, high, shape).astype(self.dtype)
        return self.random.integers(0 if self.dtype.kind == "u" else -5, 6, shape).astype(self.dtype)

    def constant(self, value: np.ndarray) -> str:
        name = f"c{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.ascontiguousarray(value), name))
        return name

    def scalar(self, value: float) -> str:
        """A number of the current dtype."""
        return self.constant(np.array(value, self.dtype))

    def add(self, op_type: str, *inputs: str, **attributes: object) -> str:
        name = f"v{len(self.nodes)}"
        self.nodes.append(helper.make_node(op_type, inputs, [name], name=f"n{len(self.nodes)}", **attributes))
        return name

    def cast(self, dtype: str) -> None:
        """Make the current tensor one of another dtype."""
        self.dtype = np.dtype(dtype)
        self.current = self.add("Cast", self.current, to=helper.np_dtype_to_tensor_dtype(self.dtype))

    def axis(self) -> int:
        return self.draw(st.integers(-len(self.shape), len(self.shape) - 1))

    def model(self) -> onnx.ModelProto:
        if not self.nodes:
            self.current = self.add("Identity", "x")
        kinds = (helper.np_dtype_to_tensor_dtype(one) for one in (self.feeds["x"].dtype, self.dtype))
        graph = helper.make_graph(
            self.nodes,
            "random",
            [helper.make_tensor_value_info("x", next(kinds), self.feeds["x"].shape)],
            [helper.make_tensor_value_info(self.current, next(kinds), None)],
            self.constants,
        )
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=9)
        return onnx.shape_inference.infer_shapes(model, data_prop=True)


def _unary(g: Graph) -> None:
    op_type, attributes = g.draw(st.sampled_from(UNARY))
    g.current = g.add(op_type, g.current, **attributes)


def _binary(g: Graph) -> None:
    sizes = [g.draw(st.sampled_from([1, size])) for size in g.shape][g.draw(st.integers(0, len(g.shape))) :]
    other = g.values(tuple(sizes), 0.5)
    g.current = g.add(
        g.draw(st.sampled_from(BINARY if g.real else WHOLE_BINARY)), g.current, g.constant(other)
    )


def _choose(g: Graph) -> None:
    condition = g.add(g.draw(st.sampled_from(COMPARISONS)), g.current, g.scalar(1))
    if g.draw(st.booleans()):
        condition = g.add("Not", condition)
    g.current = g.add("Where", condition, g.current, g.scalar(3))


def _remainder(g: Graph) -> None:
    g.current = g.add("Mod", g.current, g.scalar(g.draw(st.integers(2, 5))))


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
    kinds = REDUCTIONS if g.real else WHOLE_REDUCTIONS.get(g.dtype.itemsize)
    if not kinds:
        return
    axis, keep = g.axis(), g.draw(st.integers(0, 1)) if len(g.shape) > 1 else 1
    kind = g.draw(st.sampled_from(kinds))
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
    g.current = g.add("Pad", g.current, g.constant(np.array(pads)), g.scalar(1.5 if g.real else 2))


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


def _round_to_bytes(g: Graph) -> None:
    scaled = g.add("Round", g.add("Mul", g.add("Tanh", g.current), g.constant(np.float32(90).reshape(()))))
    narrow = g.add("Cast", g.add("Cast", scaled, to=onnx.TensorProto.INT32), to=onnx.TensorProto.INT8)
    g.current = g.add("Cast", g.add("Add", narrow, narrow), to=onnx.TensorProto.FLOAT)


def _to_floats(g: Graph) -> None:
    g.cast("float32")


def _to_other_integers(g: Graph) -> None:
    """Whole numbers of another width; what does not fit there wraps."""
    g.cast(g.draw(st.sampled_from(["int32", "int64", "int8", "uint8", "int16"])))


_ANY = (*(_binary, _binary, _choose, _transpose, _flatten, _slice, _reduce), *(_double, _pad, _gather))
_REAL = (*_ANY, _unary, _unary, _softmax, _matmul, _sum_up)
_WHOLE = (*_ANY, _remainder, _to_other_integers, _to_floats)
# These jump where their input barely changes, so rounding alone may show; they come last or not at all.
_JUMPING = (_largest, _round_to_bytes)


@st.composite
def graphs(draw: st.DrawFn) -> tuple[onnx.ModelProto, dict[str, np.ndarray]]:
    """A model, and what it is fed."""
    graph = Graph(draw)
    for _ in range(draw(st.integers(1, 5))):
        step: Step = draw(st.sampled_from(_REAL if graph.real else _WHOLE))
        if int(np.prod(graph.shape)) < MOST_ELEMENTS:
            step(graph)
    if graph.real and draw(st.booleans()):
        draw(st.sampled_from(_JUMPING))(graph)
    return graph.model(), graph.feeds


def jumps(model: onnx.ModelProto) -> bool:
    """Whether rounding alone may change what a model gives."""
    return any(node.op_type in ("Floor", "Round", "ArgMax", "Hardmax") for node in model.graph.node)
