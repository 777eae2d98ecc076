"""The whole product, top to bottom: one model in, a proven bundle out."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from edgepack import assemble
from edgepack.answers import reference_answers
from edgepack.backends import load_backend, require
from edgepack.backends.base import Backend
from edgepack.build_cache import build_key, unchanged
from edgepack.bundle import Bundle, check_output, open_bundle, write_bundle
from edgepack.bundle.manifest import Gap
from edgepack.errors import ConversionError, SourceError, VerificationFailed
from edgepack.events import Event, EventKind, Listener, StepTimer, ignore, step
from edgepack.labels import LabelledData
from edgepack.lanes import Reference, Site, prove_all
from edgepack.options import BuildOptions
from edgepack.prove import keep_evidence
from edgepack.reference import load_reference
from edgepack.report import Report, plots
from edgepack.report import json as report_json
from edgepack.report.html import render_html
from edgepack.runners.base import RunContext, Runner
from edgepack.runners.host import HostRunner
from edgepack.runners.outputs import kept_in
from edgepack.sources import find_kind
from edgepack.sources.base import SourceKind
from edgepack.targets import Plan, find_target
from edgepack.user_data import check_user_data, read_user_data
from edgepack.workers import JobFailed, Worker, Workers


@dataclass(frozen=True, slots=True)
class BuildResult:
    """What a build gives.

    Attributes:
        bundle: Where it lies and what it holds.
        report: How every artifact fared.
        unchanged: The bundle was there already and nothing had to be done.
    """

    bundle: Bundle
    report: Report
    unchanged: bool = False


def build(options: BuildOptions, emit: Listener = ignore) -> BuildResult:
    """Make a bundle: load the model, make each artifact, prove it, and write all of it or nothing.

    Args:
        options: What to build, and where to.
        emit: Told of every step.

    Raises:
        UsageError: The options make no sense, or the output cannot be written.
        SourceError: The model cannot be loaded, or gives no reference that proves anything.
        ToolError: A package is not installed.
        ConversionError: No route led to an artifact that the target asks for.
        VerificationFailed: A file was made that computes something else; `details["report"]` is the Report.
    """
    target = find_target(options.target)
    calibrated = options.calibration.source is not None
    plan = target.plan(options.formats, options.precisions, calibrated=calibrated)
    kind = find_kind(options.source.text, options.source.arch)
    check_output(options.output, force=options.force)
    check_user_data(options)
    key = build_key(options, kind)
    if found := unchanged(options, key):
        emit(Event(EventKind.NOTE, "build", f"unchanged: {options.output} is what this build would make"))
        return BuildResult(*found, unchanged=True)
    with _open_site(options, kind, plan, emit) as site:
        findings = _find(site, plan, kind)
        report = assemble.make_report(options, findings)
        _refuse_what_failed(site, findings, report)
        manifest = assemble.make_manifest(options, findings, kind.name, key)
        with step(site.emit, "write the bundle"):
            output = write_bundle(
                options.output,
                manifest,
                assemble.bundle_files(manifest, findings),
                reports={
                    "report.json": report_json.dumps(report),
                    "report.html": render_html(report, _plots(site, report)),
                },
                force=options.force,
            )
    return BuildResult(open_bundle(output), report)


@contextmanager
def _open_site(options: BuildOptions, kind: SourceKind, plan: Plan, emit: Listener) -> Iterator[Site]:
    """Open what a build works with: a folder, workers and runners, all of which go with it."""
    # Not at the top: an unchanged build has to be quick.
    from edgepack.runners.arm64 import open_arm64

    timer = StepTimer(emit)
    formats = [name for name in dict(plan) if kind.framework in load_backend(name).frameworks]
    with (
        tempfile.TemporaryDirectory(prefix="edgepack-") as scratch,
        Workers(Path(scratch) / "logs", options.limits) as workers,
        open_arm64(
            options.runners,
            formats,
            find_target(options.target),
            RunContext(Path(scratch), options.limits, timer),
        ) as emulated,
    ):
        kept = kept_in(Path(scratch))
        host: list[Runner] = [HostRunner(workers, kept)] if "host" in options.runners.names else []
        runners = {name: [*host, *(one for one in emulated if one.format == name)] for name in formats}
        yield Site(options, Path(scratch), workers, timer, runners, kept)


def _find(site: Site, plan: Plan, kind: SourceKind) -> assemble.Findings:
    """Load the model, and make and prove each artifact that the target asks for."""
    backends = _start_backends(site, plan, kind)
    reference = _load(site, kind)
    possible = {name: one for name, one in backends.items() if reference.info.framework in one.frameworks}
    attempts = prove_all(site, reference, possible, plan)
    return assemble.Findings(
        info=reference.info,
        golden=reference.golden,
        attempts=tuple(attempts),
        by_nature=_gaps_by_nature(plan, possible, reference.info.framework),
        seconds=site.emit.seconds,
        warnings=reference.data_warnings,
    )


def _start_backends(site: Site, plan: Plan, kind: SourceKind) -> dict[str, Backend]:
    """Find the backends and let their workers import while the model is still loading."""
    site.workers.start(*kind.modules)
    if plots.can_draw():
        site.workers.start(*plots.MODULES)
    backends = {name: load_backend(name) for name, _ in plan}
    for backend in backends.values():
        if kind.framework not in backend.frameworks:
            continue
        require(backend, (*backend.make_modules, *backend.run_modules), "making")
        site.workers.start(*backend.make_modules)
        site.workers.start(*backend.run_modules)
    return backends


def _load(site: Site, kind: SourceKind) -> Reference:
    with step(site.emit, "load the model and run the golden cases"):
        try:
            worker = site.workers.start(*kind.modules).branch(
                load_reference,
                site.options.source,
                site.folder,
                site.options.golden,
                site.options.processing,
                name="load",
            )
        except JobFailed as error:
            raise error.as_error(
                SourceError,
                f"{site.options.source.text}: loading or running the model failed",
                hint="run it once by itself in Python; --debug shows what it printed",
            ) from error
        info, golden = worker.answer
    calibration, labels = read_user_data(site, kind, golden)
    answers = _answers(site, worker, labels) if labels is not None else ()
    return Reference(worker, info, golden, calibration, labels, answers)


def _answers(site: Site, worker: Worker, labels: LabelledData) -> tuple[int, ...]:
    with step(site.emit, "run the model on the labelled data"):
        try:
            answers: tuple[int, ...] = worker.run(reference_answers, labels, name="labelled data")
        except JobFailed as error:
            raise error.as_error(SourceError, "running the model on the labelled data failed") from error
    return answers


def _plots(site: Site, report: Report) -> tuple[plots.Plot, ...]:
    wanted = plots.wanted_plots(report)
    if any(plot.missing for plot in wanted):
        return wanted
    try:
        drawn: tuple[plots.Plot, ...] = site.workers.start(*plots.MODULES).run(
            plots.draw_plots, report, wanted, name="plots"
        )
    except JobFailed as error:
        return tuple(replace(plot, missing=f"It could not be drawn: {error.reason}") for plot in wanted)
    return drawn


def _gaps_by_nature(plan: Plan, possible: Mapping[str, Backend], framework: str) -> tuple[Gap, ...]:
    return tuple(
        Gap(f"{name}/{precision}", f"{name} files cannot be made from an {framework} model", by_nature=True)
        for name, precision in plan
        if name not in possible
    )


def _refuse_what_failed(site: Site, findings: assemble.Findings, report: Report) -> None:
    """Stop the build unless everything that should have worked did, or the rest may ship without it."""
    failed = findings.failed
    if failed and site.options.keep_failed:
        keep_evidence(site.folder / "make", site.workers.logs, site.options.keep_failed)
    if findings.made and (not failed or site.options.keep_going):
        return
    details = {"report": report}
    if not failed:
        reasons = "; ".join(gap.reason for gap in findings.gaps)
        raise ConversionError(
            f"nothing to make: {reasons}", hint="choose another --format or --precision", details=details
        )
    names = ", ".join(attempt.id for attempt in failed)
    hint = "--keep-going ships the rest and writes the gap into the manifest" if findings.made else ""
    if any(failure.comparisons for attempt in failed for failure in attempt.failures):
        layers = [
            f"; the worst layers of {one.id} are {one.worst_layers}" for one in failed if one.worst_layers
        ]
        told = [one.hint for attempt in failed for one in attempt.failures if one.comparisons and one.hint]
        raise VerificationFailed(
            f"not shipped, because no route gives what the model computes: {names}{''.join(layers[:1])}",
            next(iter(told), hint),
            details,
        )
    reason = failed[0].failures[0].reason if failed[0].failures else "no route to it"
    hints = "; ".join(one for one in (failed[0].hint, hint) if one)
    raise ConversionError(f"no route leads to {names}: {reason}", hints, details)
