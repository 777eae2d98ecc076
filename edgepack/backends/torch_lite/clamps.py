"""Clamps (ReLU6, Hardtanh) in quantised graphs.

QNNPACK's clamp gives the values in the wrong order when they lie channel by channel, as they do after every
convolution (pytorch's qclamp.cpp makes the output without the input's memory format; measured in 1.12.2 to
2.9.1). It is not needed where the range of the integers that come in ends where the clamp does.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import fx, nn
from torch.ao.quantization import HistogramObserver
from torch.nn import functional

_RELU6 = (0.0, 6.0)
_FUNCTIONS = (functional.hardtanh, functional.hardtanh_, torch.clamp, torch.clip)
_METHODS = ("clamp", "clamp_", "clip", "clip_")


class Saturating(HistogramObserver):  # type: ignore[misc]  # torch is untyped here
    """Finds the range of a tensor that only a clamp reads: beyond the clamp's bounds it needs no integers."""

    def __init__(self, low: float, high: float, **settings: Any) -> None:
        """Observe as `HistogramObserver` does.

        Args:
            low: Smallest value after the clamp.
            high: Largest.
            **settings: Of `HistogramObserver`.
        """
        super().__init__(**settings)
        self.low = low
        self.high = high

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        """Note the values and give them as the integers will."""
        observed: torch.Tensor = super().forward(values.clamp(self.low, self.high))
        return observed


def end_ranges_at_clamps(observed: fx.GraphModule) -> None:
    """Let the integers of tensors that only a clamp reads end where the clamp does.

    Args:
        observed: A graph with observers that have seen nothing yet.
    """
    for node in observed.graph.nodes:
        borders = _borders(node, observed)
        if borders is None or not borders[0] <= 0 <= borders[1]:
            continue
        reader = node.all_input_nodes[0]
        observer = observed.get_submodule(reader.target) if reader.op == "call_module" else None
        if type(observer) is not HistogramObserver or len(reader.users) != 1:
            continue
        source = reader.all_input_nodes[0]
        # What a clamp gives, or another layer that only picks values, has the observer of what it is given.
        same = [
            one
            for one in observed.graph.nodes
            if one.op == "call_module" and observed.get_submodule(one.target) is observer
        ]
        if len(source.users) == 1 and all(one.all_input_nodes[0] in {source, node} for one in same):
            ending = Saturating(*borders, reduce_range=False)
            for one in same:
                observed.set_submodule(one.target, ending)


def mend_clamps(converted: fx.GraphModule, values: Mapping[str, Any]) -> bool:
    """Take out the clamps of integers that change nothing, and order the values for the others.

    Args:
        converted: A quantised graph.
        values: What each of its nodes gave in one run.

    Returns:
        Whether there were any.
    """
    mended = False
    for node in list(converted.graph.nodes):
        borders = _borders(node, converted)
        if borders is None:
            continue
        source = node.all_input_nodes[0]
        value = values.get(source.name)
        if not isinstance(value, torch.Tensor) or not value.is_quantized:
            continue
        scale, zero_point = value.q_scale(), value.q_zero_point()
        low, high = -zero_point * scale, (255 - zero_point) * scale
        if low >= borders[0] - scale / 2 and high <= borders[1] + scale / 2:
            node.replace_all_uses_with(source)
            converted.graph.erase_node(node)
        else:
            with converted.graph.inserting_before(node):
                ordered = converted.graph.call_method("contiguous", (source,))
            node.replace_input_with(source, ordered)
        mended = True
    converted.recompile()
    return mended


def _borders(node: fx.Node, module: nn.Module) -> tuple[float, float] | None:
    """Say between which values a node holds its input; None where it does not, or not by fixed ones."""
    if node.op == "call_module":
        layer = module.get_submodule(node.target)
        return (layer.min_val, layer.max_val) if isinstance(layer, nn.Hardtanh) else None
    if node.op == "call_function" and node.target is functional.relu6:
        return _RELU6
    method = node.op == "call_method" and node.target in _METHODS
    if not method and not (node.op == "call_function" and node.target in _FUNCTIONS):
        return None
    hardtanh = node.target in {functional.hardtanh, functional.hardtanh_}
    defaults = (-1.0, 1.0) if hardtanh else (None, None)
    names = ("min_val", "max_val") if hardtanh else ("min", "max")
    given = dict(zip(names, node.args[1:], strict=False)) | node.kwargs
    low, high = (given.get(name, one) for name, one in zip(names, defaults, strict=True))
    numbers = isinstance(low, int | float) and isinstance(high, int | float)
    return (float(low), float(high)) if numbers else None
