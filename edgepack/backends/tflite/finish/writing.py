"""Writing an unpacked model as a .tflite file, without what nothing in it uses."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema

from edgepack.backends.tflite.flatbuffer import IDENTIFIER

_ALIGNMENT = 16
"""Of buffers, as the schema asks (`force_align: 16`); Python's generated writer leaves that out."""


def write_file(model: Any, path: Path) -> None:
    """Write a model over the file that it was read from, whole or not at all.

    Args:
        model: The schema's ModelT; what nothing uses is taken out of it.
        path: Of the file.
    """
    graph = model.subgraphs[0]
    _drop_tensors(model, graph)
    for tensor in graph.tensors:
        # It is for sizes that are open; where it repeats the shape, it is some bytes for each tensor.
        if tensor.shapeSignature is not None and np.array_equal(tensor.shapeSignature, tensor.shape):
            tensor.shapeSignature = None
    _drop_buffers(model)
    _drop_codes(model)
    builder = flatbuffers.Builder(path.stat().st_size + (1 << 16))
    builder.Finish(model.Pack(builder), IDENTIFIER)
    unfinished = path.with_suffix(".unfinished")
    with unfinished.open("wb") as file:
        file.write(memoryview(builder.Bytes)[builder.Head() :])
    os.replace(unfinished, path)


def indices(tensors: Any) -> list[int]:
    """Give a vector of indices as a list; an empty one is None."""
    return [] if tensors is None else [int(one) for one in tensors]


class _AlignedBuffer(schema.BufferT):  # type: ignore[misc]  # the generated module has no types
    """A buffer that is written where the schema wants it."""

    def Pack(self, builder: Any) -> int:  # noqa: N802  the generated class's own name
        if self.data is None or not len(self.data):
            return int(super().Pack(builder))
        builder.StartVector(1, len(self.data), _ALIGNMENT)
        builder.head -= len(self.data)
        builder.Bytes[builder.head : builder.head + len(self.data)] = memoryview(self.data)
        data = builder.EndVector()
        schema.BufferStart(builder)
        schema.BufferAddData(builder, data)
        return int(schema.BufferEnd(builder))


def _drop_tensors(model: Any, graph: Any) -> None:
    used = {*indices(graph.inputs), *indices(graph.outputs)}
    for raw in graph.operators:
        used.update(indices(raw.inputs), indices(raw.outputs), indices(raw.intermediates))
    kept = [index for index in range(len(graph.tensors)) if index in used]
    moved = {-1: -1, **{old: new for new, old in enumerate(kept)}}

    def move(tensors: Any) -> Any:
        return None if tensors is None else np.array([moved[int(one)] for one in tensors], np.int32)

    graph.tensors = [graph.tensors[index] for index in kept]
    graph.inputs, graph.outputs = move(graph.inputs), move(graph.outputs)
    for raw in graph.operators:
        raw.inputs, raw.outputs = move(raw.inputs), move(raw.outputs)
        raw.intermediates = move(raw.intermediates)
    for signature in model.signatureDefs or ():
        if signature.subgraphIndex == 0:
            for one in (*(signature.inputs or ()), *(signature.outputs or ())):
                one.tensorIndex = moved[int(one.tensorIndex)]


def _drop_buffers(model: Any) -> None:
    used = {0, *(tensor.buffer for graph in model.subgraphs for tensor in graph.tensors)}
    used.update(one.buffer for one in model.metadata or ())
    used.update(indices(model.metadataBuffer))
    kept = sorted(used)
    moved = {old: new for new, old in enumerate(kept)}
    for tensor in (tensor for graph in model.subgraphs for tensor in graph.tensors):
        tensor.buffer = moved[tensor.buffer]
    for one in model.metadata or ():
        one.buffer = moved[one.buffer]
    if model.metadataBuffer is not None:
        model.metadataBuffer = [moved[one] for one in indices(model.metadataBuffer)]
    model.buffers = [_AlignedBuffer(model.buffers[index].data) for index in kept]


def _drop_codes(model: Any) -> None:
    operators = [raw for graph in model.subgraphs for raw in graph.operators]
    kept = sorted({raw.opcodeIndex for raw in operators})
    moved = {old: new for new, old in enumerate(kept)}
    model.operatorCodes = [model.operatorCodes[index] for index in kept]
    for raw in operators:
        raw.opcodeIndex = moved[raw.opcodeIndex]
