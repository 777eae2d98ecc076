"""If, Loop and Scan, resolved while converting: branches chosen, loops unrolled."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from edgepack.backends.passes import hints
from edgepack.backends.passes.dtypes import BOOL, Refusal
from edgepack.backends.passes.forms import concat, expand, index_axis, reshape, where
from edgepack.backends.passes.node import Node
from edgepack.backends.passes.registry import rewrite
from edgepack.backends.passes.values import Tensor, Value, array_constant

_MAX_ROUNDS = 10_000


@rewrite("If", dynamic=True, structural=(0,))
def if_resolved(node: Node) -> list[Value]:
    """If with a known condition is the branch; otherwise both branches run and Where chooses."""
    condition = node.tensor(0)
    if condition.constant is not None:
        taken = "then_branch" if bool(condition.constant.reshape(-1)[0]) else "else_branch"
        return node.body(node.attributes[taken], [])
    branches = [node.body(node.attributes[name], []) for name in ("then_branch", "else_branch")]
    return [_chosen(condition, yes, no) for yes, no in zip(*branches, strict=True)]


def _chosen(condition: Tensor, yes: Value, no: Value) -> Tensor:
    if not (isinstance(yes, Tensor) and isinstance(no, Tensor)) or yes.shape != no.shape:
        raise Refusal("its condition is computed and its branches give unlike shapes", hints.BIND)
    return where(expand(reshape(condition, [1] * yes.rank), yes.shape), yes, no)


@rewrite("Loop", dynamic=True, structural=(0, 1))
def loop_unrolled(node: Node) -> list[Value]:
    """Loop with a known trip count or condition is its body, again and again (ONNX Loop-16)."""
    limit = node.ints(0, "trip count")[0] if node.has(0) else _MAX_ROUNDS
    like = next(v for v in node.inputs if isinstance(v, Tensor))
    condition: Value = node.optional(1) or array_constant(np.array(1, BOOL), like)
    state = list(node.inputs[2:])
    scans: list[list[Tensor]] = [[] for _ in range(node.outputs - len(state))]
    for round_ in range(min(limit, _MAX_ROUNDS + 1)):
        if not _holds(condition):
            break
        if round_ == _MAX_ROUNDS:
            raise Refusal(f"it runs more than {_MAX_ROUNDS} rounds", hints.ENDLESS)
        number = array_constant(np.array(round_, np.int64), like)
        condition, *results = node.body(node.attributes["body"], [number, condition, *state])
        state, rest = results[: len(state)], results[len(state) :]
        _collect(scans, rest)
    return [*state, *(_stacked(found, 0) for found in scans)]


def _holds(condition: Value) -> bool:
    if not isinstance(condition, Tensor) or condition.constant is None:
        raise Refusal("its condition is computed, so the number of rounds depends on data", hints.BIND)
    return bool(condition.constant.reshape(-1)[0])


def _collect(scans: list[list[Tensor]], values: Sequence[Value]) -> None:
    for found, value in zip(scans, values, strict=True):
        if not isinstance(value, Tensor):
            raise Refusal("its body gives something else than a tensor in each round")
        found.append(value)


def _stacked(values: Sequence[Tensor], axis: int) -> Tensor:
    if not values:
        raise Refusal("it runs no round, so what it collects has no shape")
    axis %= values[0].rank + 1
    return concat([reshape(v, (*v.shape[:axis], 1, *v.shape[axis:])) for v in values], axis)


@rewrite("Scan", when=lambda node: node.opset < 9)
def scan_batched(node: Node) -> list[Value]:
    """Scan of opset 8 has a batch axis in front, which must be of size 1, and optional lengths."""
    if node.has(0):
        raise Refusal("its sequences have lengths of their own")
    inputs = [node.tensor(k) for k in range(1, len(node.inputs))]
    if any(tensor.shape[0] != 1 for tensor in inputs):
        raise Refusal("it runs over a batch of more than one")
    results = _scan(node, [reshape(tensor, tensor.shape[1:]) for tensor in inputs])
    return [reshape(r, (1, *r.shape)) if isinstance(r, Tensor) else r for r in results]


@rewrite("Scan")
def scan_unrolled(node: Node) -> list[Value]:
    """Scan is its body, once for each slice along the scanned axes (ONNX Scan-16)."""
    return _scan(node, [node.tensor(k) for k in range(len(node.inputs))])


def _scan(node: Node, inputs: list[Tensor]) -> list[Value]:
    count = node.integer("num_scan_inputs")
    state: list[Value] = [*inputs[: len(inputs) - count]]
    scanned = inputs[len(inputs) - count :]
    axes = [a % t.rank for a, t in zip(node.integers("scan_input_axes", [0] * count), scanned, strict=True)]
    names = ("scan_input_directions", "directions")
    backwards = next((node.integers(n) for n in names if n in node.given), [0] * count)
    length = scanned[0].shape[axes[0]]
    scans: list[list[Tensor]] = [[] for _ in range(node.outputs - len(state))]
    for step in range(length):
        rows = zip(scanned, axes, backwards, strict=True)
        slices = [index_axis(t, a, length - 1 - step if back else step) for t, a, back in rows]
        results = node.body(node.attributes["body"], [*state, *slices])
        state, rest = results[: len(state)], results[len(state) :]
        _collect(scans, rest)
    out_axes = node.integers("scan_output_axes", [0] * len(scans))
    out_backwards = node.integers("scan_output_directions", [0] * len(scans))
    rows_out = zip(scans, out_axes, out_backwards, strict=True)
    return [*state, *(_stacked(found[::-1] if back else found, axis) for found, axis, back in rows_out)]
