"""The layers of a .tflite file, and how far those of a quantised one are from the float32 file's."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgepack.backends.noise import decibels, noise
from edgepack.backends.tflite.flatbuffer import open_model, operator_name
from edgepack.backends.tflite.interpreter import open_all_tensors, read_tensor
from edgepack.bundle.manifest import TensorContract
from edgepack.golden import GoldenSet
from edgepack.verdict import INPUT, LayerError

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt


@dataclass(frozen=True, slots=True)
class Layer:
    """One operator of the main subgraph.

    Attributes:
        operator: TensorFlow Lite's name.
        inputs: Names of the tensors it reads.
        outputs: Names of those it writes.
    """

    operator: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]

    @property
    def name(self) -> str:
        """The first output's name, under which reports show the layer."""
        return self.outputs[0]

    @property
    def scope(self) -> str:
        """What ai-edge-quantizer's patterns are held against."""
        return "".join(f"{name};" for name in self.outputs)


def read_layers(path: Path) -> tuple[Layer, ...]:
    """Give the operators of a file in the order in which they run."""
    with open_model(path) as model:
        graph = model.Subgraphs(0)

        def names(indices: Sequence[int]) -> tuple[str, ...]:
            return tuple(graph.Tensors(index).Name().decode() for index in indices if index >= 0)

        operators = [graph.Operators(index) for index in range(graph.OperatorsLength())]
        return tuple(
            Layer(
                operator_name(model.OperatorCodes(one.OpcodeIndex())),
                names([one.Inputs(index) for index in range(one.InputsLength())]),
                names([one.Outputs(index) for index in range(one.OutputsLength())]),
            )
            for one in operators
            if one.OutputsLength()
        )


def sequence_layers(path: Path) -> tuple[str, ...]:
    """Give the scopes of each FULLY_CONNECTED that gives as many axes as it takes; see `Layer.scope`."""
    from ai_edge_litert import schema_py_generated as schema

    with open_model(path) as model:
        graph = model.Subgraphs(0)
        found = []
        for operator in map(graph.Operators, range(graph.OperatorsLength())):
            kind, table = (
                operator_name(model.OperatorCodes(operator.OpcodeIndex())),
                operator.BuiltinOptions(),
            )
            if table is None or kind != "FULLY_CONNECTED":
                continue
            options = schema.FullyConnectedOptions()
            options.Init(table.Bytes, table.Pos)
            if options.KeepNumDims():
                found.append(f"{graph.Tensors(operator.Outputs(0)).Name().decode()};")
        return tuple(found)


def constant_tensors(path: Path) -> frozenset[str]:
    """Give the names of the tensors of the main subgraph whose values stand in the file."""
    with open_model(path) as model:
        graph = model.Subgraphs(0)
        tensors = [graph.Tensors(index) for index in range(graph.TensorsLength())]
        return frozenset(
            tensor.Name().decode() for tensor in tensors if model.Buffers(tensor.Buffer()).DataLength()
        )


def compare_layers(
    reference: tuple[Path, Sequence[TensorContract]],
    file: tuple[Path, Sequence[TensorContract]],
    golden: GoldenSet,
) -> tuple[LayerError, ...]:
    """Job: run both files on the first golden case and compare what each layer gives.

    Args:
        reference: The float32 file and its inputs.
        file: The quantised file and its inputs.
        golden: The cases.

    Returns:
        The file's inputs, then every layer of the float32 file that gives floats, in the order in which they
        run.
    """
    from edgepack.golden_files import load_case

    feed, _ = load_case(golden, 0)
    right, wrong = _Tensors(*reference, feed), _Tensors(*file, feed)
    lost: dict[str, float] = {}
    found = []
    borders = [Layer(INPUT, (), (name,)) for name in right.inputs]
    for layer in (*borders, *read_layers(reference[0])):
        ref, got = right.get(layer.name), wrong.get(layer.name)
        if ref is None or got is None or ref.size != got.size or not ref.size:
            continue
        # `finish_integers` may have left out axes of size 1, or put some in.
        ratio, share = noise(ref, got.reshape(ref.shape))
        before = max((lost.get(name, 0.0) for name in layer.inputs), default=0.0)
        for name in layer.outputs:
            lost[name] = share
        found.append(LayerError(layer.name, layer.operator, decibels(ratio), max(0.0, share - before)))
    return tuple(found)


class _Tensors:
    """All tensors of a file after one run, as real numbers."""

    def __init__(self, path: Path, inputs: Sequence[TensorContract], feed: Any) -> None:
        from edgepack.contract import to_file

        self._litert = open_all_tensors(path)
        details = self._litert.get_input_details()
        for contract in inputs:
            self._litert.set_tensor(details[contract.index]["index"], to_file(feed[contract.name], contract))
        self._litert.invoke()
        self._details = {one["name"]: one for one in self._litert.get_tensor_details()}
        self.inputs = tuple(str(one["name"]) for one in details)

    def get(self, name: str) -> npt.NDArray[np.float64] | None:
        """Give a tensor that holds real numbers; None for others, and where there is none of the name."""
        import numpy as np

        detail = self._details.get(name)
        if detail is None:
            return None
        quantisation = detail["quantization_parameters"]
        scales, points = quantisation["scales"], quantisation["zero_points"]
        if not np.issubdtype(detail["dtype"], np.floating) and len(scales) != 1:
            return None
        values = read_tensor(self._litert, detail)
        if values is None:
            return None
        real = values.astype(np.float64)
        return (real - points[0]) * scales[0] if len(scales) == 1 else real
