"""Make one artifact: try its routes in order until a file computes what the source model computes."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from edgepack.backends.base import Backend, Candidate, Route, RouteContext
from edgepack.errors import (
    ConversionError,
    EdgepackError,
    SourceError,
    ToolError,
    Unsuitable,
    UsageError,
    VerificationFailed,
)
from edgepack.events import Listener, step
from edgepack.precision import tolerance_for
from edgepack.report.model import ArtifactResult, RouteFailure
from edgepack.runners.base import Runner, Subject
from edgepack.runners.outputs import KeptOutputs
from edgepack.targets import find_target
from edgepack.verdict import worst_layers
from edgepack.workers import JobFailed

_WORST = 3
_KEEP_FLOAT = "--keep-float auto finds the layers that must stay in float; --keep-float PATTERN names them"
_HALF = (
    "the model computes in float16, .tflite files in float32: convert it before building, in PyTorch by "
    ".float(), and choose --precision float16 for size"
)


@dataclass(frozen=True, slots=True)
class Attempt:
    """What came of one artifact.

    Attributes:
        id: "format/precision".
        route: The route that led to it; empty when none did.
        candidate: The verified file; None when no route led to one.
        results: One per runner, for the file.
        failures: The routes that failed before, or all of them.
        unsuitable: Why the model cannot have it by its nature; empty where it can.
    """

    id: str
    route: str = ""
    candidate: Candidate | None = None
    results: tuple[ArtifactResult, ...] = ()
    failures: tuple[RouteFailure, ...] = ()
    unsuitable: str = ""

    @property
    def failed(self) -> bool:
        """Whether there is no file though there should be."""
        return self.candidate is None and not self.unsuitable

    @property
    def reason(self) -> str:
        """Why there is no file, in one sentence: what the last file lacked, or what the last route said."""
        if self.unsuitable:
            return self.unsuitable
        judged = [failure for failure in self.failures if failure.comparisons]
        failures = judged or list(self.failures)
        return failures[-1].reason if failures else "no route to it"

    @property
    def worst_layers(self) -> str:
        """The names of the layers that lose the most in the last file, where that is known; or nothing."""
        layers = next((failure.layers for failure in reversed(self.failures) if failure.layers), ())
        return ", ".join(layer.name for layer in worst_layers(layers, _WORST))

    @property
    def hint(self) -> str:
        """What the first failed route that had a suggestion suggests."""
        return next((failure.hint for failure in self.failures if failure.hint), "")


@dataclass(frozen=True, slots=True)
class Prover:
    """Makes and proves the artifacts of one format in one build.

    Attributes:
        backend: Of the format.
        context: What routes may use; `folder` is the format's own folder here.
        runners: Where a file has to be right.
        answers: The source model's answers to the labelled data, if there is any.
        emit: Who is told.
        kept: Where the runners leave outputs, if they do.
    """

    backend: Backend
    context: RouteContext
    runners: Sequence[Runner]
    emit: Listener
    answers: Sequence[int] = ()
    kept: KeptOutputs | None = None

    def prove(self, precision: str) -> Attempt:
        """Try the routes to a precision in order; the first whose file is right on every runner wins."""
        attempt = Attempt(f"{self.backend.name}/{precision}")
        for route in self.backend.routes(precision, self.context.info, self.context.options):
            attempt = self._try(route, precision, attempt)
            if not attempt.failed:
                break
        return attempt

    def _try(self, route: Route, precision: str, before: Attempt) -> Attempt:
        folder = self.context.folder / precision / route.name
        folder.mkdir(parents=True)
        try:
            with step(self.emit, f"make {before.id} ({route.name})"):
                candidate = route.make(
                    replace(
                        self.context, folder=folder, judge=lambda one: self._lacks(before.id, one, precision)
                    )
                )
            self._check_statically(before.id, candidate)
            results = tuple(self._check(before.id, candidate, precision, runner) for runner in self.runners)
        except (ConversionError, JobFailed, ToolError, SourceError, VerificationFailed) as error:
            # Where an earlier route found something to do, there is something.
            if isinstance(error, Unsuitable) and not before.failures:
                return Attempt(before.id, unsuitable="; ".join(filter(None, (error.message, error.hint))))
            failure = _failure(before.id, route.name, error)
            return replace(before, failures=(*before.failures, self._hinted(failure)))
        wrong = [result for result in results if not result.passed]
        if wrong:
            failure = RouteFailure(
                before.id,
                route.name,
                next((one.shortfall for one in wrong if one.shortfall), "computes something else"),
                hint=_KEEP_FLOAT if candidate.layers else "",
                comparisons=tuple(one for result in wrong for one in result.comparisons),
                layers=candidate.layers,
            )
            return replace(before, failures=(*before.failures, self._hinted(failure)))
        if self.kept is not None:
            results = self.kept.beside_host(results)
        return replace(before, route=route.name, candidate=candidate, results=results)

    def _hinted(self, failure: RouteFailure) -> RouteFailure:
        """Say what to try when a file computes something else, unless that is known better."""
        spec = self.context.info.spec
        halved = any(one.dtype == "float16" for one in (*spec.inputs, *spec.outputs))
        return (
            replace(failure, hint=_HALF) if halved and failure.comparisons and not failure.hint else failure
        )

    def _check_statically(self, artifact_id: str, candidate: Candidate) -> None:
        """Refuse a file that the runtime which ships in the app cannot load, before anything is run."""
        from edgepack.runners.static_gate import check_statically, gate_runtimes

        options = self.context.options
        target, format_ = find_target(options.target), self.backend.name
        for runtime_id in gate_runtimes(target, format_, options.runners.runtimes):
            for one in check_statically(artifact_id, candidate, runtime_id):
                raise ConversionError(f"{one.reason} ({one.runtime})", hint=one.hint)

    def _check(
        self, artifact_id: str, candidate: Candidate, precision: str, runner: Runner
    ) -> ArtifactResult:
        with step(self.emit, f"check {artifact_id} on {runner.name}"):
            result = self._judge(artifact_id, candidate, precision, runner)
        return replace(result, layers=candidate.layers, kept_float=candidate.kept_float)

    def _lacks(self, artifact_id: str, candidate: Candidate, precision: str) -> str:
        """Say what a candidate lacks to be shipped; see `RouteContext.judge`."""
        for runner in self.runners:
            result = self._judge(artifact_id, candidate, precision, runner)
            if not result.passed:
                wrong = (one.reason for one in result.comparisons if not one.passed)
                return result.shortfall or next(wrong, "nothing to compare")
        return ""

    def _judge(
        self, artifact_id: str, candidate: Candidate, precision: str, runner: Runner
    ) -> ArtifactResult:
        context = self.context
        subject = Subject(artifact_id, self.backend.name, candidate.path, candidate.inputs, candidate.outputs)
        allowed = tolerance_for(precision, context.options.quantisation.gates)
        result = runner.check(subject, context.golden, allowed)
        if context.labels is None or not all(one.passed for one in result.comparisons):
            return result
        answers = runner.answer(subject, context.info.spec, context.labels, self.answers)
        return replace(result, answers=answers)


def keep_evidence(folder: Path, logs: Path, keep: Path) -> None:
    """Copy the files that failed and all logs to where the user can look at them.

    Raises:
        UsageError: The folder cannot be written to.
    """
    try:
        shutil.copytree(folder, keep / "candidates", dirs_exist_ok=True)
        shutil.copytree(logs, keep / "logs", dirs_exist_ok=True)
    except OSError as error:
        raise UsageError(
            f"cannot keep the evidence in {keep}: {error}", hint="choose another folder"
        ) from error


def _failure(artifact_id: str, route: str, error: Exception) -> RouteFailure:
    if isinstance(error, JobFailed):
        return RouteFailure(artifact_id, route, error.reason, hint=error.hint, log_tail=error.log)
    assert isinstance(error, EdgepackError)
    comparisons = tuple(error.details.get("comparisons", ()))
    return RouteFailure(artifact_id, route, error.message, hint=error.hint, comparisons=comparisons)
