"""The ways from a model to a .tflite file: which ONNX exporter, then which converter."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from edgepack.backends.base import Candidate, RouteContext
from edgepack.errors import ConversionError
from edgepack.precision import BASE, PRECISIONS
from edgepack.toolchain.packages import missing_tool
from edgepack.workers import Worker

if TYPE_CHECKING:
    from edgepack.backends.tflite.flatbuffer import Needs

DIRECT_MODULES = (
    "onnx2tf.tflite_builder",
    "edgepack.backends.passes.guarding",
    "edgepack.backends.tflite.finish.fusing",
    "edgepack.backends.tflite.finish.simpler",
    "edgepack.backends.tflite.finish.transposes",
)
_TENSORFLOW_MODULES = ("onnx2tf.onnx2tf", "tensorflow")
RUN_MODULES = ("ai_edge_litert.interpreter", "ai_edge_litert.schema_py_generated", "edgepack.contract")


@dataclass(frozen=True, slots=True)
class Exporter:
    """One way to an ONNX graph.

    Attributes:
        name: Of the routes that use it, and of its graph's folder.
        job: Runs in the worker that holds the model. It gets the model, a path to write the graph to, and the
            names of the outputs, and gives the path where the graph is.
    """

    name: str
    job: Callable[..., Path]


@dataclass(frozen=True, slots=True)
class DirectRoute:
    """Onnx2tf's own flatbuffer writer on one exporter's graph: quick, and it says what it refuses.

    Only operators that the writer gets silently wrong are replaced; all else is converted as it is.
    """

    exporter: Exporter

    @property
    def name(self) -> str:
        """Names the exporter, too."""
        return f"direct_{self.exporter.name}"

    def make(self, context: RouteContext) -> Candidate:
        """Export, convert, and find out what is which; see `Route.make`."""
        from edgepack.backends.tflite.direct import convert_directly

        graph = _export(context, self.exporter)
        return _convert(context, context.workers.start(*DIRECT_MODULES), convert_directly, graph)


@dataclass(frozen=True, slots=True)
class PreparedRoute:
    """The same writer on the same graph, every operator that it refuses said in others first.

    It exports nothing itself: the direct route did.

    Attributes:
        exporter: Whose graph it takes.
        move_inputs: Whether the writer may put the channels of inputs last.
    """

    exporter: Exporter
    move_inputs: bool = True

    @property
    def name(self) -> str:
        """Names the exporter, too."""
        return f"{'prepared' if self.move_inputs else 'unmoved'}_{self.exporter.name}"

    def make(self, context: RouteContext) -> Candidate:
        """Rewrite, convert, and find out what is which; see `Route.make`."""
        from edgepack.backends.tflite.direct import convert_prepared, convert_unmoved

        graph = _graph_path(context, self.exporter)
        if not graph.exists():
            raise ConversionError(
                f"there is no ONNX graph to prepare: direct_{self.exporter.name} did not get that far"
            )
        job = convert_prepared if self.move_inputs else convert_unmoved
        return _convert(context, context.workers.start(*DIRECT_MODULES), job, graph)


@dataclass(frozen=True, slots=True)
class TensorFlowRoute:
    """Onnx2tf's way through TensorFlow on the first graph that an exporter made: slow, but it knows more.

    Attributes:
        exporters: Whose graph will do, the best first. It runs none itself: the direct routes did.
    """

    exporters: tuple[Exporter, ...]
    name = "tf_converter"

    def make(self, context: RouteContext) -> Candidate:
        """Convert, and find out what is which; see `Route.make`."""
        from edgepack.backends.tflite.tf_converter import convert_by_tensorflow

        if find_spec("tensorflow") is None and (missing := missing_tool("tensorflow")):
            raise missing
        graphs = (_graph_path(context, exporter) for exporter in self.exporters)
        graph = next((path for path in graphs if path.exists()), None)
        if graph is None:
            raise ConversionError("no exporter made an ONNX graph of this model")
        return _convert(context, context.workers.start(*_TENSORFLOW_MODULES), convert_by_tensorflow, graph)


def exporters(framework: str) -> tuple[Exporter, ...]:
    """Give the ways from a framework's models to an ONNX graph, the quickest first."""
    from edgepack.backends.tflite import export

    return {
        "torch": (
            Exporter("torchscript", export.export_torchscript),
            Exporter("torch_export", export.export_program),
        ),
        "onnx": (Exporter("onnx", export.locate_onnx),),
    }[framework]


def quick_routes(exporter: Exporter) -> tuple[DirectRoute | PreparedRoute, ...]:
    """Give the quick ways from one exporter's graph, those that leave the least work to the phone first."""
    return (DirectRoute(exporter), PreparedRoute(exporter), PreparedRoute(exporter, move_inputs=False))


def _graph_path(context: RouteContext, exporter: Exporter) -> Path:
    return context.shared / exporter.name / "graph.onnx"


def _export(context: RouteContext, exporter: Exporter) -> Path:
    """Give the exporter's graph, made once per build and ready for a converter."""
    from edgepack.backends.tflite.graph import tidy

    graph = _graph_path(context, exporter)
    if not graph.exists():
        raw = context.folder / "export"
        raw.mkdir()
        names = [spec.name for spec in context.info.spec.outputs]
        made = context.model.run(exporter.job, raw / "raw.onnx", names, name=f"export {exporter.name}")
        context.workers.start(*DIRECT_MODULES).run(
            tidy, made, graph, context.info.spec.inputs, name=f"tidy {exporter.name}"
        )
        shutil.rmtree(raw)
    return graph


def _convert(
    context: RouteContext, converter: Worker, job: Callable[[Path, Path], None], graph: Path
) -> Candidate:
    """Convert a graph, and find the file's contracts and needs in processes that did not make it."""
    from edgepack.backends.tflite.contracts import find_contracts
    from edgepack.backends.tflite.flatbuffer import read_needs

    file = context.folder / "model.tflite"
    converter.run(job, graph, file, name=f"tflite {job.__name__}")
    reader = context.workers.start(*RUN_MODULES)
    tolerance = PRECISIONS[BASE].tolerance
    inputs, outputs = reader.run(
        find_contracts, file, context.golden, tolerance, name="find tflite contracts"
    )
    needs: Needs = reader.run(read_needs, file, name="read tflite needs")
    return Candidate(
        file, inputs, outputs, needs.requires, needs.operators, needs.places, counts=needs.counts
    )
