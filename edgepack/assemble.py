"""From what was proven to a manifest and a report."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from edgepack.backends.base import Candidate
from edgepack.bundle import file_ref
from edgepack.bundle.manifest import Artifact, Gap, Manifest
from edgepack.golden import GoldenSet
from edgepack.options import BuildOptions
from edgepack.prove import Attempt
from edgepack.report import Report, describe_host
from edgepack.sources.base import ModelInfo, SourceRequest
from edgepack.tools import installed


@dataclass(frozen=True, slots=True)
class Findings:
    """All that a build found out, before anything is written.

    Attributes:
        info: The model.
        golden: Its golden cases, on disk.
        attempts: One per artifact that models of the source's kind can have.
        by_nature: What no model of the source's kind can have.
        seconds: Step to wall time.
        warnings: What calibration and labelled data lack.
    """

    info: ModelInfo
    golden: GoldenSet
    attempts: tuple[Attempt, ...]
    by_nature: tuple[Gap, ...]
    seconds: Mapping[str, float]
    warnings: tuple[str, ...] = ()

    @property
    def made(self) -> tuple[tuple[Attempt, Candidate], ...]:
        """The attempts that led to a proven file, each with that."""
        return tuple((one, one.candidate) for one in self.attempts if one.candidate is not None)

    @property
    def failed(self) -> tuple[Attempt, ...]:
        """The attempts that should have led to a file and did not."""
        return tuple(attempt for attempt in self.attempts if attempt.failed)

    @property
    def gaps(self) -> tuple[Gap, ...]:
        """Everything that the target asks for and the bundle will not hold."""
        missing = [attempt for attempt in self.attempts if attempt.candidate is None]
        return (*self.by_nature, *(Gap(one.id, one.reason, by_nature=not one.failed) for one in missing))


def make_manifest(options: BuildOptions, findings: Findings, kind: str, build_key: str) -> Manifest:
    """Describe the bundle; it holds nothing that varies between two builds of the same thing."""
    return Manifest(
        name=options.name,
        target=options.target,
        model=findings.info.spec,
        artifacts=tuple(make_artifact(*made, options.name) for made in findings.made),
        golden=findings.golden.cases,
        tools=installed(),
        source=_describe_source(options.source, findings.info, kind),
        gaps=findings.gaps,
        processing=findings.info.processing,
        build_key=build_key,
    )


def make_artifact(attempt: Attempt, candidate: Candidate, name: str) -> Artifact:
    """Describe a proven file as the manifest does.

    Args:
        attempt: What led to it.
        candidate: The file.
        name: The bundle's.
    """
    format_, _, precision = attempt.id.partition("/")
    path = f"artifacts/{name}.{precision}{candidate.path.suffix}"
    return Artifact(
        id=attempt.id,
        format=format_,
        precision=precision,
        file=file_ref(candidate.path, path),
        inputs=candidate.inputs,
        outputs=candidate.outputs,
        requires=candidate.requires,
        route=attempt.route,
        operators=candidate.operators,
        places=candidate.places,
        counts=candidate.counts,
        verified=tuple(result.verified() for result in attempt.results),
        tolerance=next((result.tolerance for result in attempt.results), None),
        answers=next((result.answers for result in attempt.results), None),
        kept_float=candidate.kept_float,
    )


def make_report(options: BuildOptions, findings: Findings) -> Report:
    """Say what was found, on which machine, and how long it took."""
    notes = (f"{one.id}: {note}" for one, candidate in findings.made for note in candidate.warnings)
    return Report(
        name=options.name,
        target=options.target,
        results=tuple(result for attempt in findings.attempts for result in attempt.results),
        failures=tuple(failure for attempt in findings.attempts for failure in attempt.failures),
        gaps=findings.gaps,
        warnings=(*findings.info.warnings, *findings.golden.warnings, *findings.warnings, *notes),
        tools=installed(),
        host=describe_host(),
        seconds=findings.seconds,
        operators={one.id: candidate.counts for one, candidate in findings.made if candidate.counts},
    )


def bundle_files(manifest: Manifest, findings: Findings) -> dict[str, Path]:
    """Say where each file that the manifest lists lies now."""
    files = {
        artifact.file.path: candidate.path
        for artifact, (_, candidate) in zip(manifest.artifacts, findings.made, strict=True)
    }
    for case in manifest.golden:
        for ref in (*case.inputs.values(), *case.outputs.values(), *case.raw.values()):
            files[ref.path] = findings.golden.root / ref.path
    return files


def _describe_source(request: SourceRequest, info: ModelInfo, kind: str) -> dict[str, str]:
    described = {"kind": kind, "text": _portable(request.text), "digest": info.digest}
    return {**described, "bound": " ".join(map(str, request.bind))} if request.bind else described


def _portable(text: str) -> str:
    """Keep a source's spelling, but not where it lies on this machine."""
    return Path(text).name if Path(text).is_absolute() else text
