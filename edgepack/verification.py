"""Judge a bundle, or run one of its artifacts, from the bundle alone."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from edgepack.backends import backend_names, load_backend, require
from edgepack.bundle import Bundle, check_files, open_bundle
from edgepack.bundle.manifest import Artifact
from edgepack.cores import usable_cores
from edgepack.errors import BundleError, SourceError, ToolError, UsageError, VerificationFailed
from edgepack.events import Listener, StepTimer, ignore, step
from edgepack.golden_pictures import check_pictures
from edgepack.model import TensorSpec
from edgepack.options import RunnerChoice
from edgepack.precision import PRECISIONS
from edgepack.report import ArtifactResult, Report, describe_host
from edgepack.runners.arm64 import open_arm64
from edgepack.runners.base import Checker, RunContext, Subject
from edgepack.runners.device import open_device
from edgepack.runners.host import HostRunner
from edgepack.runners.outputs import kept_in
from edgepack.suggest import choices
from edgepack.targets import target_of
from edgepack.tensors import as_array
from edgepack.threads import waiting_threads
from edgepack.tools import installed
from edgepack.workers import JobFailed, Limits, Workers

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from edgepack.compare import Array


@dataclass(frozen=True, slots=True)
class VerifyOptions:
    """What to verify.

    Attributes:
        artifacts: Only these ids, or all when empty.
        runners: Where they have to be right.
        limits: What each run may use.
    """

    artifacts: tuple[str, ...] = ()
    runners: RunnerChoice = field(default_factory=RunnerChoice)
    limits: Limits = field(default_factory=Limits)


def verify(path: Path, options: VerifyOptions | None = None, emit: Listener = ignore) -> Report:
    """Check every file of a bundle, replay its golden cases on every artifact, and judge the outputs.

    Args:
        path: A bundle's folder or .zip.
        options: Which artifacts, and within which limits.
        emit: Told of every step.

    Returns:
        The report; false when an artifact does not compute what the source model computes.

    Raises:
        BundleError: The bundle is damaged, not safe to read, or of a target or format that is unknown here.
        UsageError: It has no such artifact or no golden case, or there is no such runtime or processor.
        ToolError: A runtime is not installed.
        VerificationFailed: A golden case's picture does not become its input.
    """
    options = options or VerifyOptions()
    timer = StepTimer(emit)
    with open_bundle(path) as bundle, tempfile.TemporaryDirectory(prefix="edgepack-") as scratch:
        with step(timer, "check the bundle's files"):
            check_files(bundle)
        _require_golden(bundle)
        warnings: tuple[str, ...] = ()
        artifacts = [bundle.artifact(one) for one in options.artifacts] or list(bundle.manifest.artifacts)
        _require_known(artifacts)
        with (
            Workers(Path(scratch) / "logs", options.limits) as workers,
            _open_runners(options, bundle, artifacts, workers, timer) as runners,
        ):
            if any(case.raw for case in bundle.manifest.golden):
                warnings = _check_pictures(bundle, workers, timer)
            results = _check_all(bundle, artifacts, runners, timer)
            results = kept_in(Path(scratch)).beside_host(results)
        return Report(
            name=bundle.name,
            target=bundle.manifest.target,
            results=results,
            gaps=bundle.manifest.gaps,
            warnings=warnings,
            tools=installed(),
            host=describe_host(),
            seconds=timer.seconds,
            operators={one.id: one.counts for one in artifacts if one.counts},
        )


def run_artifact(
    path: Path, artifact_id: str, inputs: Mapping[str, ArrayLike], limits: Limits | None = None
) -> Mapping[str, Array]:
    """Run one artifact on this machine.

    Args:
        path: A bundle's folder or .zip.
        artifact_id: "format/precision".
        inputs: By name, in the source model's layout, shapes and dtypes; see `edgepack.tensors.as_array`.
        limits: What the run may use.

    Returns:
        The outputs by name, in the source model's layout, shapes and dtypes.

    Raises:
        BundleError: The bundle is damaged, not safe to read, or of a format that is unknown here.
        UsageError: It has no such artifact or input, or an input is missing or no array.
        SourceError: An input is of another shape or dtype than the model takes.
        ToolError: The runtime is not installed.
        VerificationFailed: The runtime refused the file, or crashed.
    """
    with open_bundle(path) as bundle, tempfile.TemporaryDirectory(prefix="edgepack-") as scratch:
        check_files(bundle)
        subject = Subject.of(bundle, bundle.artifact(artifact_id))
        _require_known([bundle.artifact(artifact_id)])
        arrays = _check_inputs(bundle, inputs)
        with Workers(Path(scratch) / "logs", limits) as workers:
            _start_runtimes([bundle.artifact(artifact_id)], workers)
            try:
                return HostRunner(workers).run(subject, bundle.manifest.model, arrays)
            except JobFailed as error:
                raise error.as_error(VerificationFailed, f"{artifact_id} did not run") from error


def _start_runtimes(artifacts: Sequence[Artifact], workers: Workers) -> None:
    for name in dict.fromkeys(artifact.format for artifact in artifacts):
        backend = load_backend(name)
        require(backend, backend.run_modules, "running")
        workers.start(*backend.run_modules)


def _require_known(artifacts: Sequence[Artifact]) -> None:
    for one in artifacts:
        if one.format not in backend_names():
            raise BundleError(
                f"{one.id} is of the format {one.format!r}, which no installed package runs",
                hint=f"install the package that made it; installed are {', '.join(backend_names())}",
            )
        if one.tolerance is None and one.precision not in PRECISIONS:
            raise BundleError(
                f"{one.id} is of the precision {one.precision!r}, which is unknown here, "
                "and the manifest does not say what it allows",
                hint=f"build the bundle again; known are {', '.join(PRECISIONS)}",
            )


def _require_golden(bundle: Bundle) -> None:
    if not bundle.manifest.golden:
        raise UsageError(
            f"bundle {bundle.name} holds no golden cases: there is nothing to verify it with",
            hint="verify the bundle that `edgepack build` wrote, or embed it without --no-golden",
        )


@contextmanager
def _open_runners(
    options: VerifyOptions,
    bundle: Bundle,
    artifacts: Sequence[Artifact],
    workers: Workers,
    emit: Listener,
) -> Iterator[list[tuple[str, Checker]]]:
    """Start whatever runs artifacts, and give each format with its runners; leaving ends the guests."""
    formats = list(dict.fromkeys(artifact.format for artifact in artifacts))
    target = target_of(bundle.manifest)
    context = RunContext(workers.logs.parent, options.limits, emit)
    runners: list[tuple[str, Checker]] = []
    if "host" in options.runners.names:
        _start_runtimes(artifacts, workers)
        runners += [(format_, HostRunner(workers, kept_in(context.scratch))) for format_ in formats]
    with (
        open_arm64(options.runners, formats, target, context) as emulated,
        open_device(options.runners, bundle, context) as devices,
    ):
        runners += [(runner.format, runner) for runner in emulated]
        runners += [(format_, runner) for runner in devices for format_ in formats]
        yield runners


def _check_pictures(bundle: Bundle, workers: Workers, emit: Listener) -> tuple[str, ...]:
    """Make sure that the golden cases' pictures become their inputs, and say if that cannot be told."""
    with step(emit, "check the golden pictures"):
        try:
            workers.start("numpy").run(check_pictures, bundle.golden, name="check pictures")
        except ToolError as error:
            return (f"the golden pictures were not checked: {error.message}; {error.hint}",)
        except JobFailed as error:
            raise error.as_error(VerificationFailed, "checking the golden pictures failed") from error
    return ()


def _check_all(
    bundle: Bundle, artifacts: Sequence[Artifact], runners: Sequence[tuple[str, Checker]], emit: Listener
) -> tuple[ArtifactResult, ...]:
    """Check the artifacts side by side, one core each."""

    def check(pair: tuple[Artifact, Checker]) -> ArtifactResult:
        artifact, runner = pair
        place = runner.describe(artifact.format)
        where = runner.name if runner.name == "host" else f"{runner.name}, {place}"
        tolerance = artifact.tolerance or PRECISIONS[artifact.precision].tolerance
        if artifact.answers and artifact.answers.labelled:
            # What was asked of labelled data, which is not in the bundle, says nothing about golden cases.
            tolerance = replace(tolerance, top_agreement=None)
        try:
            with step(emit, f"check {artifact.id} on {where}"):
                result = runner.check(Subject.of(bundle, artifact), bundle.golden, tolerance)
            return replace(result, kept_float=artifact.kept_float)
        except (JobFailed, SourceError) as error:
            # The cases are the bundle's own, so what cannot take or give them is this artifact's contract.
            reason = error.reason if isinstance(error, JobFailed) else error.message
            return ArtifactResult(
                artifact.id, runner.name, place, 0, (), tolerance, artifact.file.bytes, error=reason
            )

    pairs = [(one, runner) for one in artifacts for format_, runner in runners if format_ == one.format]
    with waiting_threads(usable_cores(), [runner for _, runner in runners]) as threads:
        return tuple(threads.map(check, pairs))


def _check_inputs(bundle: Bundle, inputs: Mapping[str, ArrayLike]) -> dict[str, Array]:
    specs = {spec.name: spec for spec in bundle.manifest.model.inputs}
    if not isinstance(inputs, Mapping):
        raise UsageError(
            f"inputs are given by name, not as an object of type {type(inputs).__name__}",
            hint=f"give a dict with an array for each of {', '.join(specs)}",
        )
    for name in inputs:
        if name not in specs:
            raise UsageError(f"the model has no input {name!r}", hint=choices(str(name), specs))
    return {name: _checked_input(inputs, spec) for name, spec in specs.items()}


def _checked_input(inputs: Mapping[str, ArrayLike], spec: TensorSpec) -> Array:
    if spec.name not in inputs:
        raise UsageError(f"input {spec.name!r} is missing", hint=f"it is {spec}")
    got = as_array(inputs[spec.name], spec)
    if tuple(got.shape) != spec.shape or str(got.dtype) != spec.dtype:
        found = f"{got.dtype}[{','.join(map(str, got.shape))}]"
        raise SourceError(
            f"input {spec.name!r} is {found}, the model takes {spec}", hint=_how_to_fit(got, spec)
        )
    return got


def _how_to_fit(array: Array, spec: TensorSpec) -> str:
    if tuple(array.shape) == spec.shape:
        return f"convert it: numpy.asarray(value, {spec.dtype!r})"
    return "reshape it" if array.size == spec.elements else "the model takes one fixed shape"
