"""What a verification found, as data; text, JSON and HTML are made from it."""

from __future__ import annotations

import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import inf, isfinite

from edgepack.bundle.manifest import Gap, Verified
from edgepack.precision import Tolerance
from edgepack.verdict import Answers, Comparison, Difference, Latency, LayerError


@dataclass(frozen=True, slots=True)
class ArtifactResult:
    """How one artifact fared on one runner.

    Attributes:
        artifact_id: "format/precision".
        runner: "host", "arm64" or "device".
        runtime: The library that executed it and its release.
        cases: How many golden cases were run.
        comparisons: Per output, the worst verdict over all cases; see `worst_over_cases`.
        tolerance: What the judge allowed.
        bytes: The file's size.
        error: Why it could not be run at all; empty when it ran.
        seconds: How long it took in all.
        starting: How much of that the runtime took to start and to load the file; only where it tells.
        running: How much of that the inferences took; only where the runtime is asked.
        instructions: How many the last golden case's inference took; None where nobody counts.
        beside_host: How far the outputs are from those of the same file on this machine, where both ran.
        latency: How long one inference took; only on devices, for elsewhere it says nothing.
        answers: How often the top answer was right; None where no output holds one value per class.
        layers: How far each layer is from the float32 file's, where that is known.
        kept_float: Layers that were left in float although the precision has integers for them.
    """

    artifact_id: str
    runner: str
    runtime: str
    cases: int
    comparisons: tuple[Comparison, ...]
    tolerance: Tolerance
    bytes: int
    error: str = ""
    seconds: float = 0.0
    starting: float = 0.0
    running: float = 0.0
    instructions: int | None = None
    beside_host: Difference | None = None
    latency: Latency | None = None
    answers: Answers | None = None
    layers: tuple[LayerError, ...] = ()
    kept_float: tuple[str, ...] = ()

    @property
    def place(self) -> str:
        """Where it ran: the runner, and what tells the places apart that one runner can have."""
        return self.runner if self.runner == "host" or not self.runtime else f"{self.runner}, {self.runtime}"

    @property
    def passed(self) -> bool:
        """Whether it ran, something was compared, and all of it was near enough."""
        near = bool(self.comparisons) and all(one.passed for one in self.comparisons)
        return near and not self.error and not self.shortfall

    @property
    def shortfall(self) -> str:
        """What the top answers lack, or nothing."""
        return self.answers.shortfall(self.tolerance) if self.answers else ""

    @property
    def max_error(self) -> float:
        """Largest |got - ref| over all outputs, in their own units; infinite when nothing was compared."""
        return max((one.max_error for one in self.comparisons), default=inf)

    @property
    def needed_relative(self) -> float:
        """Smallest relative tolerance that would pass; infinite when none would."""
        return max((one.needed_relative for one in self.comparisons), default=inf)

    @property
    def cosine(self) -> float:
        """Smallest cosine similarity; 0.0 when nothing was compared."""
        return min((one.cosine for one in self.comparisons), default=0.0)

    @property
    def snr_db(self) -> float:
        """Smallest signal-to-noise ratio in decibels; infinite when every output equals its reference."""
        return min((one.snr_db for one in self.comparisons), default=-inf)

    def verified(self) -> Verified:
        """Give the manifest's record of a result that passed.

        Outputs without a finite signal-to-noise ratio (equal to their reference, or with a reference that is
        zero throughout) do not count for the smallest one.
        """
        finite = [one.snr_db for one in self.comparisons if isfinite(one.snr_db)]
        return Verified(
            runner=self.runner,
            runtime=self.runtime,
            cases=self.cases,
            max_error=self.max_error,
            needed_relative=self.needed_relative,
            cosine=self.cosine,
            snr_db=min(finite, default=None),
        )


@dataclass(frozen=True, slots=True)
class RouteFailure:
    """A way to make an artifact that did not lead to one.

    Attributes:
        artifact_id: "format/precision".
        route: The route's name.
        reason: What happened, in one sentence.
        hint: What to try; may be empty.
        log_tail: The end of what the converter printed; may be empty.
        comparisons: The verdicts, when there was a file and it computed something else.
        layers: How far each layer of such a file is from the float32 file's, where that is known.
    """

    artifact_id: str
    route: str
    reason: str
    hint: str = ""
    log_tail: str = ""
    comparisons: tuple[Comparison, ...] = ()
    layers: tuple[LayerError, ...] = ()


@dataclass(frozen=True, slots=True)
class Report:
    """The outcome of a build or a verification; true when everything passed.

    Everything passed when at least one artifact was run, every run agreed with its reference, and every
    artifact that a route failed to make was made by another. Gaps that the source has by nature, and gaps
    that a bundle declares when it is verified, do not count.

    Attributes:
        name: The bundle's name.
        target: The target it was built for.
        results: Per artifact and runner, in the order they ran.
        failures: Routes that failed, also where a later one succeeded.
        gaps: What the target asks for and the bundle does not hold.
        warnings: What the user should know.
        tools: Package name to version, of all that had a hand in it.
        host: Where it ran; see `describe_host`.
        seconds: Step to wall time, in order.
        operators: Artifact to how often it uses which operator, where that can be told.
    """

    name: str
    target: str
    results: tuple[ArtifactResult, ...]
    failures: tuple[RouteFailure, ...] = ()
    gaps: tuple[Gap, ...] = ()
    warnings: tuple[str, ...] = ()
    tools: Mapping[str, str] = field(default_factory=dict)
    host: Mapping[str, str] = field(default_factory=dict)
    seconds: Mapping[str, float] = field(default_factory=dict)
    operators: Mapping[str, Mapping[str, int]] = field(default_factory=dict)

    @property
    def unmade(self) -> tuple[str, ...]:
        """Artifacts that no route led to, in the order of their first failure."""
        made = {result.artifact_id for result in self.results}
        return tuple(dict.fromkeys(one.artifact_id for one in self.failures if one.artifact_id not in made))

    @property
    def passed(self) -> bool:
        """Whether everything passed, as the class defines it."""
        return bool(self.results) and all(one.passed for one in self.results) and not self.unmade

    def __bool__(self) -> bool:
        return self.passed


def worst_over_cases(cases: Sequence[Sequence[Comparison]]) -> tuple[Comparison, ...]:
    """Reduce the verdicts of several golden cases to one per output: the worst figure of each kind.

    Args:
        cases: Per golden case, the verdicts on its outputs, as `edgepack.compare.compare_outputs` gives them.

    Returns:
        In the order in which outputs first appear. The reason is that of the failing case that needs the
        largest tolerance, and names the case when there are several.
    """
    by_output: dict[str, list[tuple[int, Comparison]]] = {}
    for index, verdicts in enumerate(cases):
        for verdict in verdicts:
            by_output.setdefault(verdict.output, []).append((index, verdict))
    return tuple(_worst(output, found, len(cases)) for output, found in by_output.items())


def _worst(output: str, found: Sequence[tuple[int, Comparison]], cases: int) -> Comparison:
    failed = [(index, verdict) for index, verdict in found if not verdict.passed]
    reason = ""
    if failed:
        index, verdict = max(failed, key=lambda pair: pair[1].needed_relative)
        reason = f"golden case {index}: {verdict.reason}" if cases > 1 else verdict.reason
    verdicts = [verdict for _, verdict in found]
    return Comparison(
        output=output,
        passed=not failed,
        reason=reason,
        max_error=max(verdict.max_error for verdict in verdicts),
        needed_relative=max(verdict.needed_relative for verdict in verdicts),
        cosine=min(verdict.cosine for verdict in verdicts),
        snr_db=min(verdict.snr_db for verdict in verdicts),
    )


def describe_host() -> dict[str, str]:
    """Give "system", "machine" and "python" of where this runs."""
    return {
        "system": platform.system(),
        "machine": platform.machine(),
        "python": platform.python_version(),
    }
