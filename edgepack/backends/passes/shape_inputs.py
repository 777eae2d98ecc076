"""Which of a model's inputs decide shapes or the structure of the graph, so that they must be bound."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

_RECURRENT = dict.fromkeys(("RNN", "LSTM", "GRU"), (4,))
_REDUCTIONS = ("Sum", "Mean", "Max", "Min", "Prod", "L1", "L2", "LogSum", "LogSumExp", "SumSquare")

# Per operator the inputs that must be known while converting.
_SLOTS: dict[str, tuple[int, ...]] = {
    "AffineGrid": (1,),
    "BlackmanWindow": (0,),
    "CenterCropPad": (1,),
    "Col2Im": (1, 2),
    "Compress": (1,),
    "ConstantOfShape": (0,),
    "CumProd": (1,),
    "CumSum": (1,),
    "DFT": (1, 2),
    "Dropout": (1, 2),
    "Expand": (1,),
    "HammingWindow": (0,),
    "HannWindow": (0,),
    "If": (0,),
    "Loop": (0, 1),
    "MaxUnpool": (2,),
    "MelWeightMatrix": (0, 1, 2, 3, 4),
    "NonMaxSuppression": (2, 3, 4),
    "OneHot": (1,),
    "Pad": (1, 3),
    "Range": (0, 1, 2),
    "Reshape": (1,),
    "Resize": (1, 2, 3),
    "ReverseSequence": (1,),
    "STFT": (1, 3),
    "SequenceAt": (1,),
    "SequenceErase": (1,),
    "SequenceInsert": (2,),
    "Slice": (1, 2, 3, 4),
    "Split": (1,),
    "SplitToSequence": (1,),
    "Squeeze": (1,),
    "Tile": (1,),
    "TopK": (1,),
    "Trilu": (1,),
    "Unsqueeze": (1,),
    "Upsample": (1,),
    **_RECURRENT,
    **{f"Reduce{kind}": (1,) for kind in _REDUCTIONS},
}


def shape_inputs(model: Any) -> tuple[str, ...]:
    """Names of inputs that only decide shapes, axes or structure, directly or through other nodes.

    Walks backwards from the inputs of operators that must be constant while converting. An input that is also
    used as data is left out.

    Args:
        model: An onnx.ModelProto.
    """
    nodes = list(_nodes(model.graph))
    structural: set[str] = set()
    for node in reversed(nodes):
        structural.update(n for k, n in enumerate(node.input) if n and k in _SLOTS.get(node.op_type, ()))
        if node.op_type not in ("Shape", "Size") and structural.intersection(node.output):
            structural.update(n for n in node.input if n)
            structural.update(output.name for graph in _subgraphs(node) for output in graph.output)
    as_data: set[str] = set()
    for node in nodes:
        if node.op_type in ("Shape", "Size") or structural.intersection(node.output):
            continue
        as_data.update(n for k, n in enumerate(node.input) if k not in _SLOTS.get(node.op_type, ()))
    constants = {tensor.name for tensor in model.graph.initializer}
    inputs = [i.name for i in model.graph.input if i.name not in constants]
    return tuple(name for name in inputs if name in structural and name not in as_data)


def binding_hint(model: Any) -> str:
    """Say which `--bind` fixes the inputs that decide a model's shapes; nothing when there are none.

    Args:
        model: An onnx.ModelProto.
    """
    options = " ".join(f"--bind {name}=…" for name in shape_inputs(model))
    return f"an app has fixed shapes; fix what decides them to a value: {options}" if options else ""


def _nodes(graph: Any) -> Iterator[Any]:
    for node in graph.node:
        for inner in _subgraphs(node):
            yield from _nodes(inner)
        yield node


def _subgraphs(node: Any) -> Iterator[Any]:
    for attribute in node.attribute:
        if attribute.HasField("g"):
            yield attribute.g
        yield from attribute.graphs
