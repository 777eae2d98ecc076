"""Jobs that tell what an ONNX model is, and what would become of it, without running or converting it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING

from edgepack.sources.base import SourceRequest
from edgepack.sources.input_choice import FileInput

if TYPE_CHECKING:
    from edgepack.backends.passes.plan import Plan


@dataclass(frozen=True, slots=True)
class ModelSummary:
    """What an ONNX file holds.

    Attributes:
        producer: Name and release of what wrote it.
        opsets: Domain to version; ONNX's own domain is "ai.onnx".
        inputs: Names, dtypes and shapes; sizes that the file leaves open are names.
        outputs: Likewise.
        shape_inputs: Inputs that only decide shapes, axes or structure, and can be bound.
        weights: How many numbers its initializers hold.
        weight_bytes: How many bytes those take.
        operators: How many nodes of each type, the most frequent first; nested graphs count.
    """

    producer: str
    opsets: Mapping[str, int]
    inputs: tuple[FileInput, ...]
    outputs: tuple[FileInput, ...]
    shape_inputs: tuple[str, ...]
    weights: int
    weight_bytes: int
    operators: Mapping[str, int]


def summarise_file(path: Path) -> ModelSummary:
    """Job: read a model, without the weights beside it.

    Raises:
        SourceError: It is damaged or not valid.
    """
    from onnx.helper import tensor_dtype_to_np_dtype

    from edgepack.backends.passes.shape_inputs import shape_inputs
    from edgepack.sources.onnx_graph import file_inputs, file_outputs, nodes_of, read_checked

    model = read_checked(path)
    weights = [
        (prod(one.dims), tensor_dtype_to_np_dtype(one.data_type).itemsize) for one in model.graph.initializer
    ]
    operators = Counter(
        f"{node.domain}.{node.op_type}" if node.domain else str(node.op_type)
        for node in nodes_of(model.graph)
    )
    return ModelSummary(
        producer=" ".join(filter(None, (model.producer_name, model.producer_version))),
        opsets={one.domain or "ai.onnx": one.version for one in model.opset_import},
        inputs=tuple(file_inputs(model)),
        outputs=tuple(file_outputs(model)),
        shape_inputs=shape_inputs(model),
        weights=sum(count for count, _ in weights),
        weight_bytes=sum(count * size for count, size in weights),
        operators=dict(sorted(operators.items(), key=lambda item: (-item[1], item[0]))),
    )


def plan_file(request: SourceRequest) -> Plan:
    """Job: tell what the passes would do with a model.

    Raises:
        SourceError: It is damaged or not valid, or its inputs are not settled.
    """
    from edgepack.backends.passes.planning import plan_graph
    from edgepack.sources.onnx_model import OnnxModel

    return plan_graph(OnnxModel.open(Path(request.text), request.inputs, request.bind).proto())
