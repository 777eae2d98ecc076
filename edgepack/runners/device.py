"""Judges artifacts by what an app's self-test on a device computed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

from edgepack.answers import golden_answers
from edgepack.bundle import Bundle
from edgepack.bundle.consistency import MANIFEST
from edgepack.errors import SourceError, VerificationFailed
from edgepack.events import Event, EventKind, Listener, step
from edgepack.files import sha256_of
from edgepack.golden import GoldenSet
from edgepack.options import RunnerChoice
from edgepack.precision import Tolerance
from edgepack.report.model import ArtifactResult
from edgepack.runners.adb import find_device
from edgepack.runners.base import RunContext, Subject
from edgepack.runners.device_report import DeviceArtifact, DeviceReport, read_file
from edgepack.runners.device_session import self_test
from edgepack.runners.judging import Judgement, judged_result, load_golden
from edgepack.runners.outputs import KeptOutputs, kept_in
from edgepack.verdict import Latency
from edgepack.workers import JobFailed


@dataclass(frozen=True, slots=True)
class DeviceRunner:
    """A device, by the report of a self-test on it.

    The outputs in the report are judged here, by the same judge as everywhere; an app that came to another
    verdict is in error.

    Attributes:
        report: What the self-test found.
        kept: Where `check` leaves the outputs.
        emit: Told what could not be judged by its values.
    """

    report: DeviceReport
    kept: KeptOutputs
    emit: Listener
    name: str = "device"

    def describe(self, format_: str) -> str:
        """Name the runtime and the device; see `Checker.describe`."""
        return f"{format_} {self.report.runtimes.get(format_, 'of unknown release')} on {self.report.device}"

    def close(self) -> None:
        """Do nothing, the test is over; see `Checker.close`."""

    def check(self, subject: Subject, golden: GoldenSet, tolerance: Tolerance) -> ArtifactResult:
        """Judge what the device computed; see `Checker.check`."""
        from edgepack.runners.device_judge import judge_case

        found = self._artifact(subject, golden)
        references = load_golden(golden).references
        judged = [
            judge_case(subject, golden.model, found.cases[index], reference, tolerance)
            for index, reference in enumerate(references)
        ]
        judgement = Judgement([case.comparisons for case in judged])
        result = replace(
            judged_result(self, subject, judgement, tolerance),
            starting=(found.load_ms or 0.0) / 1e3,
            latency=_latency(found, self.report.runs),
        )
        outputs = [case.outputs for case in judged]
        if any(len(case) < len(subject.outputs) for case in outputs):
            message = f"{subject.id}: outputs of over 1 MiB were judged by the figures that the app found"
            self.emit(Event(EventKind.WARNING, "device", message))
            return result
        self.kept.keep(subject.id, result.place, outputs, subject.outputs)
        return replace(result, answers=golden_answers(outputs, references, golden.model))

    def _artifact(self, subject: Subject, golden: GoldenSet) -> DeviceArtifact:
        """Give what the report has of an artifact, once it is sure that it is all there."""
        found = self.report.artifacts.get(subject.id)
        if found is None:
            raise JobFailed("the device's report does not have it")
        if found.error:
            raise JobFailed(found.error)
        for index in range(len(golden.cases)):
            outputs = found.cases.get(index, {})
            missing = [one.name for one in subject.outputs if one.name not in outputs]
            if missing:
                raise JobFailed(f"the device's report lacks output {missing[0]!r} of golden case {index}")
        return found


@contextmanager
def open_device(
    choice: RunnerChoice, bundle: Bundle, context: RunContext
) -> Iterator[tuple[DeviceRunner, ...]]:
    """Have a device test a bundle, or read what one has found, and give a runner that judges it.

    None when the choice leaves devices out.

    Args:
        choice: What the user asks for.
        bundle: What is tested.
        context: Where outputs go, how long the test may take, and who is told of it.

    Raises:
        ToolError: adb, the device or the app is not there.
        UsageError: There are several devices.
        SourceError: The report is none, or is of another bundle.
        VerificationFailed: The app crashed, took too long, or ended its test early.
    """
    if "device" not in choice.names:
        yield ()
        return
    digest = sha256_of(bundle.root / MANIFEST)
    if choice.device_report is not None:
        report = read_file(choice.device_report)
    else:
        with step(context.emit, "test on the device"):
            report = self_test(find_device(choice.serial), bundle.root, digest, context.limits.seconds)
    _refuse_other(report, bundle, digest)
    yield (DeviceRunner(report, kept_in(context.scratch), context.emit),)


def _refuse_other(report: DeviceReport, bundle: Bundle, digest: str) -> None:
    if not report.manifest_sha256 and report.error:
        raise SourceError(
            f"the self-test on {report.device} could not open its bundle: {report.error}",
            hint="build the bundle and the app again",
        )
    if report.manifest_sha256 != digest:
        raise SourceError(
            f"the self-test on {report.device} was of another bundle: {report.bundle!r} with manifest "
            f"{report.manifest_sha256[:12]}, and {bundle.name!r} has {digest[:12]}",
            hint="give the bundle that was tested; for one that was embedded in part, its folder in the app",
        )
    if report.error:
        raise VerificationFailed(f"the self-test on {report.device} ended early: {report.error}")


def _latency(found: DeviceArtifact, runs: int) -> Latency | None:
    if found.median_ms is None or found.p90_ms is None:
        return None
    return Latency(found.median_ms, found.p90_ms, runs)
