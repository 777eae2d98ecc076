"""How far the layers of a quantised model are from the float ones, on the same inputs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import fx
from torch.ao.quantization import ObserverBase

from edgepack.backends.noise import decibels, noise
from edgepack.backends.torch_lite.clamps import Saturating
from edgepack.backends.torch_lite.held import Layer
from edgepack.verdict import LayerError

_IMAGE_AXES = 4
"""With so many axes or more, torch's layers have the channels on the second; with fewer, on the last."""
_BETWEEN = {torch.quantize_per_tensor, "dequantize", "contiguous"}


@dataclass(frozen=True, slots=True)
class _Step:
    """A node of a graph, as it was before the graph was changed.

    Attributes:
        name: Its own.
        target: What it calls.
        inputs: The names of the nodes it reads.
        shown: The name of the node that gives what others see of it: its observer's, if it has one.
        between: Whether it stands between layers.
    """

    name: str
    target: str
    inputs: tuple[str, ...]
    shown: str
    between: bool


class Recorder(fx.Interpreter):  # type: ignore[misc]  # torch is untyped here
    """Runs a graph and keeps what each node gives; observers pass on what they get and note nothing.

    Attributes:
        steps: The graph's nodes.
        values: What they gave, by name.
    """

    def __init__(self, module: fx.GraphModule) -> None:
        super().__init__(module)
        self.steps = [self._step(node) for node in module.graph.nodes]
        self.values: dict[str, Any] = {}

    def run_node(self, n: fx.Node) -> Any:
        """Keep a copy, for later nodes may write into what this one gives."""
        value = super().run_node(n)
        self.values[n.name] = value.clone() if isinstance(value, torch.Tensor) else value
        return value

    def call_module(self, target: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Call a module, unless it is an observer."""
        module = self.fetch_attr(target)
        if isinstance(module, Saturating):
            return args[0].clamp(module.low, module.high)
        return args[0] if isinstance(module, ObserverBase) else super().call_module(target, args, kwargs)

    def _step(self, node: fx.Node) -> _Step:
        observers = [reader.name for reader in node.users if self._is_observer(reader)]
        return _Step(
            node.name,
            getattr(node.target, "__name__", str(node.target)),
            tuple(one.name for one in node.all_input_nodes),
            observers[0] if observers else node.name,
            node.op == "get_attr" or node.target in _BETWEEN or self._is_observer(node),
        )

    def _is_observer(self, node: fx.Node) -> bool:
        return node.op == "call_module" and isinstance(self.fetch_attr(node.target), ObserverBase)


def compare_graphs(before: Recorder, after: Recorder, layers: Mapping[str, Layer]) -> Iterator[LayerError]:
    """Compare what the layers of a graph gave before and after it was quantised.

    Args:
        before: Has run the graph with observers.
        after: Has run the quantised one on the same inputs.
        layers: Those to compare, by the name of their node in the former.
    """
    lost: dict[str, float] = {}
    partners = dict(_partners(before.steps, after.steps))
    for step in before.steps:
        inherited = max((lost[name] for name in step.inputs), default=0.0)
        lost[step.name] = inherited
        if step.name not in layers or step.name not in partners:
            continue
        ref, got = before.values[step.shown], after.values[partners[step.name]]
        if (found := compare_values(layers[step.name], ref, got, inherited)) is not None:
            error, lost[step.name] = found
            yield error


def compare_values(layer: Layer, ref: Any, got: Any, before: float = 0.0) -> tuple[LayerError, float] | None:
    """Compare what a layer gave, or the first tensor of it; None where there is nothing to compare.

    Args:
        layer: Which it is.
        ref: From the float layer.
        got: From the quantised one.
        before: What share of the signal its inputs had lost.

    Returns:
        The comparison, and the share of the signal that is lost in what it gave.
    """
    right, wrong = _real(ref), _real(got)
    if right is None or wrong is None or right.shape != wrong.shape or not right.size:
        return None
    ratio, share = noise(right, wrong, channels=1 if right.ndim >= _IMAGE_AXES else -1)
    return LayerError(layer.name, layer.operator, decibels(ratio), max(0.0, share - before)), share


def _partners(before: Sequence[_Step], after: Sequence[_Step]) -> Iterator[tuple[str, str]]:
    """Pair the names of the nodes of two graphs that give the same.

    torch.ao keeps the nodes' order and the names of all but functions, of which it makes new ones: they take
    their turn. Of a sum or product and the ReLU after it, it makes one function.
    """
    before = [step for step in before if not step.between]
    places = {step.name: place for place, step in enumerate(before)}
    place = 0
    for step in after:
        if step.between:
            continue
        place = places.get(step.name, place)
        if step.name not in places and step.target.endswith("relu"):
            place += 1
        if place < len(before):
            yield before[place].name, step.name
        place += 1


def _real(value: Any) -> npt.NDArray[np.float64] | None:
    """Give a tensor, or the first of several, as real numbers; None for what holds none."""
    while isinstance(value, Sequence) and value:
        value = value[0]
    if not isinstance(value, torch.Tensor) or not (value.is_quantized or value.is_floating_point()):
        return None
    real: npt.NDArray[np.float64] = (value.dequantize() if value.is_quantized else value).double().numpy()
    return real
