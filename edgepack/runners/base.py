"""What a runner must offer: judge a file against golden cases, or run it on one input."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, Self

from edgepack.bundle.manifest import Artifact, TensorContract
from edgepack.events import Listener
from edgepack.golden import GoldenSet
from edgepack.model import ModelSpec
from edgepack.precision import Tolerance
from edgepack.report.model import ArtifactResult
from edgepack.verdict import Answers
from edgepack.workers import Limits

if TYPE_CHECKING:
    from edgepack.bundle import Bundle
    from edgepack.compare import Array
    from edgepack.labels import LabelledData


@dataclass(frozen=True, slots=True)
class Subject:
    """A file to run, with all that is needed to feed it: a candidate, or an artifact out of a bundle.

    Attributes:
        id: "format/precision".
        format: A backend's name.
        path: The file.
        inputs: Its tensors in the order in which it takes them.
        outputs: Its tensors in the order in which it gives them.
    """

    id: str
    format: str
    path: Path
    inputs: tuple[TensorContract, ...]
    outputs: tuple[TensorContract, ...]

    @classmethod
    def of(cls, bundle: Bundle, artifact: Artifact) -> Self:
        """Give one of a bundle's artifacts."""
        path = bundle.artifact_path(artifact.id)
        return cls(artifact.id, artifact.format, path, artifact.inputs, artifact.outputs)


@dataclass(frozen=True, slots=True)
class RunContext:
    """What runners are opened with, beside what they are to run.

    Attributes:
        scratch: A folder for logs, outputs and the like.
        limits: What each job may use.
        emit: Who is told of what takes long: repairs, guests being compiled, a device's self-test.
    """

    scratch: Path
    limits: Limits
    emit: Listener


class Checker(Protocol):
    """A place where artifacts run on golden cases."""

    @property
    def name(self) -> str:
        """Give "host", "arm64" or "device"."""
        ...

    def describe(self, format_: str) -> str:
        """Name what executes artifacts of this format here: the library, its release, the processor."""
        ...

    def close(self) -> None:
        """End whatever runs there, at once; jobs that are waited for fail, and no more can be started."""
        ...

    def check(self, subject: Subject, golden: GoldenSet, tolerance: Tolerance) -> ArtifactResult:
        """Run every golden case and judge the outputs.

        Raises:
            JobFailed: The file does not load, crashes its runtime, or goes beyond the limits.
            ToolError: The runtime is not installed.
        """
        ...


class Runner(Checker, Protocol):
    """A place where artifacts run on whatever they are given."""

    def answer(
        self, subject: Subject, model: ModelSpec, labels: LabelledData, reference: Sequence[int]
    ) -> Answers:
        """Run all labelled samples and count the right answers.

        Args:
            subject: The file.
            model: Of the source.
            labels: The samples.
            reference: The source model's answers to them.

        Raises:
            JobFailed: The file does not load, crashes its runtime, or goes beyond the limits.
            ToolError: The runtime is not installed.
        """
        ...

    def run(self, subject: Subject, model: ModelSpec, inputs: Mapping[str, Array]) -> Mapping[str, Array]:
        """Run one set of inputs, given and answered by name in the source's layout and dtypes.

        Raises:
            JobFailed: The file does not load, crashes its runtime, or goes beyond the limits.
            ToolError: The runtime is not installed.
        """
        ...
