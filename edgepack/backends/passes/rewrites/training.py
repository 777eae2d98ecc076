"""One step of an optimiser (ai.onnx.preview.training), as formulas."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from edgepack.backends.passes.dtypes import FLOAT32
from edgepack.backends.passes.forms import as_float, reshape, where
from edgepack.backends.passes.node import Node
from edgepack.backends.passes.registry import rewrite
from edgepack.backends.passes.values import Tensor, constant, op

_DOMAIN = "ai.onnx.preview.training"


def _each(
    node: Node, states: int, step: Callable[[Tensor, Tensor, list[Tensor]], list[Tensor]]
) -> list[Tensor]:
    """Run a step for each parameter: inputs are rate, count, then all parameters, gradients, states."""
    count = (len(node.inputs) - 2) // (2 + states)
    columns: list[list[Tensor]] = []
    for k in range(count):
        values = [node.tensor(2 + k + row * count) for row in range(2 + states)]
        gradient = values[0] * node.real("norm_coefficient") + values[1]
        columns.append(step(values[0], gradient, values[2:]))
    return [column[row] for row in range(1 + states) for column in columns]


@rewrite("Momentum", domain=_DOMAIN)
def momentum(node: Node) -> list[Tensor]:
    """Momentum: v = alpha v + beta g, beta being 1 in round 0; x = x - r v, or with Nesterov's term."""
    rate, rounds = node.tensor(0), as_float(node.tensor(1))
    alpha, beta = node.real("alpha"), node.real("beta")
    factor = where(rounds > 0.0, constant(beta, rounds), constant(1.0, rounds))

    def step(value: Tensor, gradient: Tensor, states: list[Tensor]) -> list[Tensor]:
        velocity = states[0] * alpha + gradient * factor
        change = gradient + velocity * alpha if node.text("mode") == "nesterov" else velocity
        return [value - rate * change, velocity]

    return _each(node, 1, step)


@rewrite("Adagrad", domain=_DOMAIN)
def adagrad(node: Node) -> list[Tensor]:
    """Adagrad: h = h + g**2; x = x - r / (1 + T decay) g / (sqrt h + epsilon)."""
    rate = node.tensor(0) / (as_float(node.tensor(1)) * node.real("decay_factor") + 1.0)

    def step(value: Tensor, gradient: Tensor, states: list[Tensor]) -> list[Tensor]:
        total = states[0] + gradient * gradient
        scaled = rate * gradient / (op("Sqrt", total) + node.real("epsilon", 1e-6))
        return [value - scaled, total]

    return _each(node, 1, step)


@rewrite("Adam", domain=_DOMAIN)
def adam(node: Node) -> list[Tensor]:
    """Adam with bias correction from round 1 on (Kingma and Ba, https://arxiv.org/abs/1412.6980)."""
    rate, rounds = node.tensor(0), reshape(as_float(node.tensor(1)), (1,))
    alpha, beta = node.real("alpha", 0.9), node.real("beta", 0.999)

    def power(base: float) -> Tensor:
        return op("Pow", constant(np.full(1, base), rounds, FLOAT32), rounds)

    corrected = rate * op("Sqrt", 1.0 - power(beta)) / (1.0 - power(alpha))
    rate = where(rounds > 0.0, reshape(corrected, (1,)), reshape(rate, (1,)))

    def step(value: Tensor, gradient: Tensor, states: list[Tensor]) -> list[Tensor]:
        first = states[0] * alpha + gradient * (1 - alpha)
        second = states[1] * beta + gradient * gradient * (1 - beta)
        moved = value - rate * first / (op("Sqrt", second) + node.real("epsilon", 1e-6))
        return [moved * (1 - node.real("norm_coefficient_post")), first, second]

    return _each(node, 2, step)
