"""An ONNX model inside the worker that holds it."""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Self

import numpy as np
import onnx

from edgepack.errors import SourceError
from edgepack.model import Binding, InputSpec
from edgepack.processing.steps import Processing
from edgepack.sources.base import FirstRun
from edgepack.sources.bindings import bind_inputs
from edgepack.sources.input_choice import fill_file_inputs
from edgepack.sources.onnx_fingerprint import fingerprint
from edgepack.sources.onnx_graph import check_outputs, file_inputs, random_nodes, read_checked
from edgepack.sources.texts import summarise

if TYPE_CHECKING:
    from edgepack.compare import Array

type _Runner = Callable[[Mapping[str, Array]], Sequence[Array]]


class OnnxModel:
    """An ONNX model, with the inputs it is converted for.

    Attributes:
        framework: "onnx".
        path: The file; external data lies beside it.
        inputs: In the graph's order.
        outputs: Names in the graph's order.
        bound: Inputs that are fixed to a value, by name.
        warnings: What the user should know; grows when onnxruntime cannot run the model.
        first_run: None: ONNX graphs have no state.
    """

    framework = "onnx"
    warnings: tuple[str, ...]
    first_run: FirstRun | None = None

    def __init__(
        self,
        path: Path,
        inputs: tuple[InputSpec, ...],
        outputs: tuple[str, ...],
        bound: Mapping[str, Array] | None = None,
    ) -> None:
        self.path = path
        self.inputs = inputs
        self.outputs = outputs
        self.bound = bound or {}
        self.warnings = tuple(
            f"input {name} is fixed to {value.tolist()}: for another value, build again"
            for name, value in self.bound.items()
        )
        self._runner: _Runner | None = None

    @classmethod
    def open(cls, path: Path, given: Sequence[InputSpec], bindings: Sequence[Binding] = ()) -> Self:
        """Check a file, fix what is to be bound, and settle the other inputs.

        Raises:
            SourceError: It is damaged or not valid, or its inputs or outputs cannot be used.
        """
        model = read_checked(path)
        known = file_inputs(model)
        bound = bind_inputs(str(path), known, bindings, given)
        inputs = fill_file_inputs(str(path), [one for one in known if one.name not in bound], given)
        check_outputs(path, model)
        return cls(path, inputs, tuple(one.name for one in model.graph.output), bound)

    def __call__(self, inputs: Sequence[Array]) -> dict[str, Array]:
        """Run it in onnxruntime, or in onnx's reference evaluator where that cannot; see `LoadedModel`.

        Raises:
            SourceError: Neither can; the message gives both their reasons.
        """
        feed = dict(self.bound)
        feed.update({one.tensor.name: array for one, array in zip(self.inputs, inputs, strict=True)})
        outputs = self._runner(feed) if self._runner else self._first_run(feed)
        return {name: np.asarray(array) for name, array in zip(self.outputs, outputs, strict=True)}

    def proto(self) -> onnx.ModelProto:
        """Load the whole model, external data included.

        Every input's shape is fixed as in `inputs`, and bound inputs are initializers.
        """
        model = onnx.load(self.path)
        model.graph.initializer.extend(
            onnx.numpy_helper.from_array(v, name) for name, v in self.bound.items()
        )
        sizes = {one.tensor.name: one.tensor.shape for one in self.inputs}
        kept = [one for one in model.graph.input if one.name in sizes]
        del model.graph.input[:]
        model.graph.input.extend(kept)
        for value in model.graph.input:
            shape = value.type.tensor_type.shape
            del shape.dim[:]
            for size in sizes[value.name]:
                shape.dim.add().dim_value = size
        return model

    def declared_processing(self) -> Processing:
        """Give nothing: a file cannot say; see `LoadedModel`."""
        return Processing()

    def digest(self) -> str:
        """Sha256 over the files and the inputs' shapes; see `LoadedModel`."""
        files = (
            fingerprint(self.path)
            or hashlib.sha256(onnx.load(self.path).SerializeToString(deterministic=True)).hexdigest()
        )
        inputs = " ".join(str(one.tensor) for one in self.inputs)
        bound = "".join(f" {name}={value.tolist()}" for name, value in self.bound.items())
        return hashlib.sha256(f"{files} {inputs}{bound}".encode()).hexdigest()

    def suspects(self) -> list[str]:
        """Name the nodes that may draw random numbers; see `LoadedModel`."""
        return self.random_parts()

    def random_parts(self) -> list[str]:
        """Name the nodes that draw random numbers; see `LoadedModel`."""
        return random_nodes(onnx.load(self.path, load_external_data=False))

    def _first_run(self, feed: Mapping[str, Array]) -> Sequence[Array]:
        """Find out what can run the model, and run it."""
        try:
            self._runner = _in_onnxruntime(self.path)
            return self._runner(feed)
        except Exception as error:  # noqa: BLE001  onnxruntime's exceptions have no common class
            reason = summarise(error)
        try:
            self._runner = _in_reference(self.path)
            outputs = self._runner(feed)
        except Exception as error:
            from edgepack.backends.passes.shape_inputs import binding_hint

            given = ", ".join(str(one.tensor) for one in self.inputs)
            raise SourceError(
                f"{self.path} cannot be run on inputs {given}: {reason}",
                hint=binding_hint(self.proto())
                or "check shapes and values; =low..high after an --input keeps values in range",
                details={"onnxruntime": reason, "onnx.reference": summarise(error)},
            ) from error
        self.warnings += (
            "the references come from onnx's reference evaluator, "
            f"because onnxruntime cannot run the model: {reason}",
        )
        return outputs


def _in_onnxruntime(path: Path) -> _Runner:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    # One thread: the process may be forked, and sums keep one order. No rewriting: this is the reference.
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    return lambda feed: session.run(None, dict(feed))


def _in_reference(path: Path) -> _Runner:
    from onnx.reference import ReferenceEvaluator

    evaluator = ReferenceEvaluator(str(path))

    def run(feed: Mapping[str, Array]) -> Sequence[Array]:
        with warnings.catch_warnings():
            # It computes with numpy, which warns of overflow where other runtimes go on in silence.
            warnings.simplefilter("ignore")
            outputs: Sequence[Array] = evaluator.run(None, dict(feed))
            return outputs

    return run
