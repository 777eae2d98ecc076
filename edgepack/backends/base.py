"""What a backend must offer: routes to a file, and a way to run it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from edgepack.bundle.manifest import TensorContract
from edgepack.golden import GoldenSet
from edgepack.options import BuildOptions
from edgepack.sources.base import ModelInfo
from edgepack.verdict import LayerError
from edgepack.workers import Worker, Workers

if TYPE_CHECKING:
    from edgepack.compare import Array
    from edgepack.labels import LabelledData
    from edgepack.samples import Samples


@dataclass(frozen=True, slots=True)
class Candidate:
    """A file that a route made and nobody has verified yet.

    Attributes:
        path: Where it is.
        inputs: By position in the file.
        outputs: By position in the file.
        requires: What a runtime must offer.
        operators: Sorted names of the operators it uses.
        places: Operator to where in the model it is used first, as far as that is known.
        counts: Operator to how often it is used, where that can be told.
        layers: How far each layer is from the float32 file's, where the route can tell.
        kept_float: Layers that the route left in float, though the precision has integers for them.
        warnings: What the user should know of it.
    """

    path: Path
    inputs: tuple[TensorContract, ...]
    outputs: tuple[TensorContract, ...]
    requires: Mapping[str, str] = field(default_factory=dict)
    operators: tuple[str, ...] = ()
    places: Mapping[str, str] = field(default_factory=dict)
    counts: Mapping[str, int] = field(default_factory=dict)
    layers: tuple[LayerError, ...] = ()
    kept_float: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


def _unjudged(candidate: Candidate) -> str:  # noqa: ARG001  what the prover replaces
    return ""


@dataclass(frozen=True, slots=True)
class RouteContext:
    """All that a route may use.

    Attributes:
        model: The worker that holds the loaded model; its jobs get the model as first argument.
        info: What is known of that model.
        golden: The golden cases, on disk.
        workers: Starts other workers; a route converts in a fork, never in this process.
        folder: An empty folder of this route's own.
        shared: A folder that all routes of this backend in this build share.
        options: What the user asked for.
        verified: This backend's candidates that passed already, by precision.
        calibration: Representative inputs for quantisers, if the user gave any.
        labels: Inputs with their right answers, if the user gave any.
        judge: Says what a candidate lacks to be shipped, or nothing: for routes that search.
        failed: Why this backend has no verified file of a precision, by precision.
    """

    model: Worker
    info: ModelInfo
    golden: GoldenSet
    workers: Workers
    folder: Path
    shared: Path
    options: BuildOptions
    verified: Mapping[str, Candidate]
    calibration: Samples | None = None
    labels: LabelledData | None = None
    judge: Callable[[Candidate], str] = _unjudged
    failed: Mapping[str, str] = field(default_factory=dict)


class Route(Protocol):
    """One way to make one precision."""

    @property
    def name(self) -> str:
        """Short and stable; it goes into the manifest and names a folder."""
        ...

    def make(self, context: RouteContext) -> Candidate:
        """Make the file by running jobs in workers.

        Raises:
            JobFailed: A conversion failed or crashed.
            Unsuitable: No route to this precision can do this model, because of what the model is.
            ConversionError: The route can't do this model; the message names the operator and its place.
            ToolError: A package that the route needs is not installed.
        """
        ...


class Backend(Protocol):
    """Makes and runs one artifact format.

    Attributes:
        name: The format's name in ids and manifests.
        suffix: Of its files, with the dot.
        frameworks: The model frameworks it can start from, "torch" and "onnx".
        extra: The extra of edgepack that brings what it needs.
        make_modules: What the worker that converts should import beforehand.
        run_modules: What the worker that runs artifacts should import beforehand.
    """

    name: str
    suffix: str
    frameworks: tuple[str, ...]
    extra: str
    make_modules: tuple[str, ...]
    run_modules: tuple[str, ...]

    def routes(self, precision: str, info: ModelInfo, options: BuildOptions) -> Sequence[Route]:
        """The routes to a precision, in the order to try; empty when the format has no such precision."""
        ...

    def execute(self, path: Path, feeds: Sequence[Sequence[Array]]) -> list[list[Array]]:
        """Run the file once per feed; called inside a worker.

        Args:
            path: The artifact.
            feeds: Per case, the input tensors by position, in the file's own dtype and layout.

        Returns:
            Per case, the output tensors by position, in the file's own dtype and layout.

        Raises:
            Exception: Whatever the runtime raises on a file it refuses.
        """
        ...

    def runtime(self) -> str:
        """Name and release of the library that `execute` uses, found without importing it."""
        ...
