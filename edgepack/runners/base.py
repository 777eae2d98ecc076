"""What a runner must offer: judge a file against golden cases, or run it on one input."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from edgepack.bundle.manifest import TensorContract, Verified
from edgepack.golden import GoldenSet
from edgepack.model import ModelSpec
from edgepack.precision import Tolerance

if TYPE_CHECKING:
    from edgepack.compare import Array, Comparison


@dataclass(frozen=True, slots=True)
class Subject:
    """A file to run, with all that is needed to feed it: a candidate, or an artifact out of a bundle."""

    id: str
    format: str
    path: Path
    inputs: tuple[TensorContract, ...]
    outputs: tuple[TensorContract, ...]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a runner found: per golden case, the verdict on every output."""

    runner: str
    runtime: str
    cases: tuple[tuple[Comparison, ...], ...]

    @property
    def comparisons(self) -> tuple[Comparison, ...]:
        """All verdicts, case after case."""
        return tuple(comparison for case in self.cases for comparison in case)

    @property
    def passed(self) -> bool:
        """Whether there was something to judge and all of it passed."""
        return bool(self.comparisons) and all(comparison.passed for comparison in self.comparisons)

    def summary(self) -> Verified:
        """The worst figure of each kind, for the manifest."""
        snr = min(comparison.snr_db for comparison in self.comparisons)
        return Verified(
            runner=self.runner,
            runtime=self.runtime,
            cases=len(self.cases),
            max_error=max(comparison.max_error for comparison in self.comparisons),
            needed_relative=max(comparison.needed_relative for comparison in self.comparisons),
            cosine=min(comparison.cosine for comparison in self.comparisons),
            snr_db=snr if isfinite(snr) else None,
        )


class Runner(Protocol):
    """A place where artifacts run.

    Attributes:
        name: "host", "arm64" or "device".
    """

    name: str

    def check(self, subject: Subject, golden: GoldenSet, tolerance: Tolerance) -> Outcome:
        """Run every golden case and judge the outputs.

        Raises:
            JobFailed: The file does not load, crashes its runtime, or goes beyond the limits.
            MissingTool: The runtime is not installed.
        """
        ...

    def run(self, subject: Subject, model: ModelSpec, inputs: Mapping[str, Array]) -> Mapping[str, Array]:
        """Run one set of inputs, given and answered by name in the source's layout and dtypes.

        Raises:
            JobFailed: The file does not load, crashes its runtime, or goes beyond the limits.
            MissingTool: The runtime is not installed.
        """
        ...
