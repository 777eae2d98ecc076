"""RNN, GRU and LSTM step by step, where the converter's own form does not take them."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from edgepack.backends.passes.dtypes import Refusal
from edgepack.backends.passes.forms import (
    as_float,
    clip,
    concat,
    elu,
    full,
    index_axis,
    maximum,
    minimum,
    reshape,
    slice_axis,
    split,
    transpose,
    where,
)
from edgepack.backends.passes.node import Node
from edgepack.backends.passes.registry import rewrite
from edgepack.backends.passes.values import Tensor, op

type Activation = Callable[[Tensor], Tensor]

# Gates per operator, and its activations when none are named (ONNX RNN-22, GRU-22, LSTM-22).
_GATES = {"RNN": 1, "GRU": 3, "LSTM": 4}
_DEFAULTS = {"RNN": ["Tanh"], "GRU": ["Sigmoid", "Tanh"], "LSTM": ["Sigmoid", "Tanh", "Tanh"]}
# Default alpha and beta of the activations that have them (ONNX RNN-22).
_ALPHA = {
    "LeakyRelu": 0.01,
    "ThresholdedRelu": 1.0,
    "HardSigmoid": 0.2,
    "Elu": 1.0,
    "Affine": 1.0,
    "ScaledTanh": 1.0,
}
_BETA = {"HardSigmoid": 0.5, "Affine": 0.0, "ScaledTanh": 1.0}


def _native(node: Node) -> bool:
    """Constant weights, the usual activations, whole sequences and time in front.

    Unrolling costs the converter time that grows faster than the graph, so these stay.
    """
    plain = not node.given & {"clip", "input_forget"} and not node.integer("layout")
    named = [str(name) for name in node.attributes.get("activations") or []]
    usual = not named or (node.op_type == "RNN" and set(named) in ({"Tanh"}, {"Relu"}))
    fixed = all(node.known(k) for k in (1, 2)) and (node.known(3) or not node.has(3))
    return usual and plain and fixed and not node.has(4) and not node.has(7)


@rewrite("RNN", "GRU", "LSTM", when=lambda node: not _native(node), structural=(4,))
def unrolled(node: Node) -> list[Tensor]:
    """A recurrent layer as one set of matrix products for each step (ONNX RNN-22, GRU-22, LSTM-22)."""
    batch_first = bool(node.integer("layout"))
    sequence = transpose(node.tensor(0), [1, 0, 2]) if batch_first else node.tensor(0)
    directions = [_Direction(node, sequence, d) for d in range(node.tensor(1).shape[0])]
    runs = [direction.run() for direction in directions]
    outputs = [concat([run[k] for run in runs], 1 if k == 0 else 0) for k in range(len(runs[0]))]
    if batch_first:
        outputs = [transpose(t, [2, 0, 1, 3] if k == 0 else [1, 0, 2]) for k, t in enumerate(outputs)]
    return outputs[: node.outputs]


class _Direction:
    """One direction of a layer: its weights, its activations and its steps."""

    def __init__(self, node: Node, sequence: Tensor, index: int) -> None:
        self.node, self.sequence, self.index = node, sequence, index
        self.gates = _GATES[node.op_type]
        self.hidden = node.tensor(2).shape[2]
        self.weights = transpose(index_axis(node.tensor(1), 0, index), [1, 0])
        self.recurrence = transpose(index_axis(node.tensor(2), 0, index), [1, 0])
        bias = node.optional(3)
        width = self.gates * self.hidden
        zero = full((1, width), 0.0, sequence)
        self.bias, self.recurrent_bias = zero, zero
        if bias is not None:
            row = slice_axis(bias, 0, index, index + 1)
            self.bias, self.recurrent_bias = split(row, 1, [width, width])
        peepholes = node.optional(7)
        self.peepholes = None if peepholes is None else slice_axis(peepholes, 0, index, index + 1)
        each = len(_DEFAULTS[node.op_type])
        self.activations = list(_activations(node))[index * each : (index + 1) * each]
        reverse = node.text("direction", "forward") == "reverse" or index == 1
        steps = range(sequence.shape[0])
        self.steps = steps[::-1] if reverse else steps

    def run(self) -> list[Tensor]:
        """All outputs of this direction: (T, 1, N, H), (1, N, H) and for LSTM the cell (1, N, H)."""
        steps, batch, width = self.sequence.shape
        flat = reshape(self.sequence, (steps * batch, width)) @ self.weights + self.bias
        prepared = reshape(flat, (steps, batch, self.gates * self.hidden))
        state, cell = self._initial(5), self._initial(6)
        outputs: dict[int, Tensor] = {}
        for step in self.steps:
            new, new_cell = self._step(index_axis(prepared, 0, step), state, cell)
            shown = new
            if (alive := self._alive(step)) is not None:
                shown = new * alive
                new = shown + state * (1.0 - alive)
                new_cell = new_cell * alive + cell * (1.0 - alive)
            state, cell = new, new_cell
            outputs[step] = reshape(shown, (1, 1, batch, self.hidden))
        last = [reshape(t, (1, batch, self.hidden)) for t in (state, cell)]
        ordered = concat([outputs[k] for k in range(steps)], 0)
        return [ordered, *last] if self.node.op_type == "LSTM" else [ordered, last[0]]

    def _initial(self, slot: int) -> Tensor:
        """The first state, given or zero."""
        if not self.node.has(slot) or (slot == 6 and self.node.op_type != "LSTM"):
            return full((self.sequence.shape[1], self.hidden), 0.0, self.sequence)
        given = self.node.tensor(slot)
        given = transpose(given, [1, 0, 2]) if self.node.integer("layout") else given
        return index_axis(given, 0, self.index)

    def _alive(self, step: int) -> Tensor | None:
        """1 for sequences that reach this step, 0 for those that ended; None when all reach the end."""
        lengths = self.node.optional(4)
        if lengths is None:
            return None
        if lengths.constant is not None and (lengths.constant >= self.sequence.shape[0]).all():
            return None
        return as_float(reshape(lengths, (-1, 1)) > step)

    def _step(self, inputs: Tensor, state: Tensor, cell: Tensor) -> tuple[Tensor, Tensor]:
        if self.node.op_type == "GRU":
            return self._gru(inputs, state), cell
        total = inputs + state @ self.recurrence + self.recurrent_bias
        if self.node.op_type == "RNN":
            return self.activations[0](total), cell
        return self._lstm(total, cell)

    def _gru(self, inputs: Tensor, state: Tensor) -> Tensor:
        """z, r = f(…); h' = g(x W + r (h R)) or g(x W + (r h) R); the state is (1 - z) h' + z h."""
        sizes = [2 * self.hidden, self.hidden]
        gates_in, hidden_in = split(inputs, 1, sizes)
        gates_weights, hidden_weights = split(self.recurrence, 1, sizes)
        gates_bias, hidden_bias = split(self.recurrent_bias, 1, sizes)
        gates = gates_in + state @ gates_weights + gates_bias
        update, reset = (self.activations[0](part) for part in split(gates, 1, [self.hidden] * 2))
        if self.node.integer("linear_before_reset"):
            candidate = hidden_in + reset * (state @ hidden_weights + hidden_bias)
        else:
            candidate = hidden_in + (reset * state) @ hidden_weights + hidden_bias
        return (1.0 - update) * self.activations[1](candidate) + update * state

    def _lstm(self, total: Tensor, cell: Tensor) -> tuple[Tensor, Tensor]:
        """i, f = f(…); c = f c + i g(…); o = f(…); the state is o h(c), with peepholes to c."""
        sizes = [self.hidden] * 4
        gate_in, gate_out, gate_forget, candidate = split(total, 1, sizes)
        peep_in, peep_out, peep_forget = (
            (None, None, None) if self.peepholes is None else split(self.peepholes, 1, sizes[:3])
        )
        keep, squash, show = self.activations
        gate_in = keep(gate_in if peep_in is None else gate_in + peep_in * cell)
        if self.node.integer("input_forget"):
            gate_forget = 1.0 - gate_in
        else:
            gate_forget = keep(gate_forget if peep_forget is None else gate_forget + peep_forget * cell)
        cell = gate_forget * cell + gate_in * squash(candidate)
        gate_out = keep(gate_out if peep_out is None else gate_out + peep_out * cell)
        return gate_out * show(cell), cell


def _activations(node: Node) -> Iterator[Activation]:
    """The activations of all directions, in order; alpha and beta go to those that have them."""
    directions = node.tensor(1).shape[0]
    names = [str(n) for n in node.attributes.get("activations") or _DEFAULTS[node.op_type] * directions]
    alphas = iter(node.attributes.get("activation_alpha") or [])
    betas = iter(node.attributes.get("activation_beta") or [])
    limit = node.real("clip") if "clip" in node.given else None
    for name in names:
        title = next((known for known in (*_ALPHA, *_PLAIN) if known.lower() == name.lower()), name)
        alpha = next(alphas, _ALPHA[title]) if title in _ALPHA else 0.0
        beta = next(betas, _BETA[title]) if title in _BETA else 0.0
        yield _limited(title, float(alpha), float(beta), limit)


def _limited(name: str, alpha: float, beta: float, limit: float | None) -> Activation:
    function = _activation(name, alpha, beta)
    return function if limit is None else lambda x: function(clip(x, -limit, limit))


_PLAIN = ("Relu", "Tanh", "Sigmoid", "Softplus", "Softsign")


def _activation(name: str, alpha: float, beta: float) -> Activation:
    if name in _PLAIN:
        return lambda x: op(name, x)
    formulas: dict[str, Activation] = {
        "Affine": lambda x: x * alpha + beta,
        "LeakyRelu": lambda x: maximum(x, 0.0) + minimum(x, 0.0) * alpha,
        "ThresholdedRelu": lambda x: where(x > alpha, x, 0.0),
        "ScaledTanh": lambda x: op("Tanh", x * beta) * alpha,
        "HardSigmoid": lambda x: clip(x * alpha + beta, 0.0, 1.0),
        "Elu": lambda x: elu(x, alpha),
    }
    if name not in formulas:
        raise Refusal(f"its activation {name} is unknown")
    return formulas[name]
