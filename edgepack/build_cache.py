"""What a build may take from earlier ones: a whole bundle that is there already, or finished artifacts."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

from edgepack.assemble import make_artifact
from edgepack.backends.base import Candidate
from edgepack.bundle import Bundle, check_files, open_bundle
from edgepack.bundle.document import artifact_from_json, artifact_to_json
from edgepack.cache import Cache, digest_of
from edgepack.calibration import find_calibration
from edgepack.errors import BundleError, EdgepackError
from edgepack.files import digest_of_folder, sha256_of
from edgepack.golden import GoldenSet
from edgepack.labels import LabelledData
from edgepack.options import BuildOptions
from edgepack.processing.document import to_json as processing_to_json
from edgepack.processing.pictures import is_picture
from edgepack.prove import Attempt
from edgepack.report import Report
from edgepack.report import json as report_json
from edgepack.samples import Samples
from edgepack.sources.base import ModelInfo, SourceKind
from edgepack.targets import find_target
from edgepack.tools import installed, own_digest


def build_key(options: BuildOptions, kind: SourceKind) -> str:
    """Digest of all that decides a bundle's content, or nothing when files alone do not tell.

    Raises:
        SourceError: The source's files cannot be read, or there is no such calibration data.
    """
    fingerprint = kind.fingerprint(options.source)
    calibration = _calibration(options)
    if fingerprint is None or calibration is None:
        return ""
    return digest_of(
        {
            "source": fingerprint,
            "text": Path(options.source.text).name,
            "inputs": [asdict(spec) for spec in options.source.inputs],
            "bind": [str(binding) for binding in options.source.bind],
            "name": options.name,
            "formats": options.formats,
            "precisions": options.precisions,
            "cases": options.golden.cases,
            "seed": options.golden.seed,
            "golden": [_content(path) for path in options.golden.files],
            "calibration": calibration,
            "labels": [options.labels.file and _content(options.labels.file), options.labels.output],
            "processing": processing_to_json(options.processing),
            "allow_degenerate": options.golden.allow_degenerate,
            **_making(options),
        }
    )


def unchanged(options: BuildOptions, key: str) -> tuple[Bundle, Report] | None:
    """Give the bundle at the output, with its report, when it is whole and what this build would make."""
    if not (key and options.cache and options.output.exists()):
        return None
    try:
        bundle = open_bundle(options.output)
        if bundle.manifest.build_key != key:
            return None
        check_files(bundle)
        report = report_json.load(bundle.root / "report.json")
    except BundleError:
        return None
    # A bundle with a gap was allowed by --keep-going; a build without it must fail again.
    if not options.keep_going and any(not gap.by_nature for gap in bundle.manifest.gaps):
        return None
    return bundle, report


class ArtifactCache:
    """Finished artifacts, each under the digest of its model, golden cases, options and tools."""

    def __init__(
        self,
        cache: Cache,
        options: BuildOptions,
        info: ModelInfo,
        golden: GoldenSet,
        calibration: Samples | None = None,
        labels: LabelledData | None = None,
    ) -> None:
        self._cache = cache
        self._calibration = calibration and calibration.digest()
        self._parts = {
            "model": info.digest,
            "spec": asdict(info.spec),
            "golden": [
                ref.sha256 for case in golden.cases for ref in (*case.inputs.values(), *case.outputs.values())
            ],
            "labels": labels and labels.digest(),
            **_making(options),
        }

    def get(self, artifact_id: str, folder: Path) -> Attempt | None:
        """Give a proven artifact of an earlier build, its file copied into `folder`."""
        entry = self._cache.get(self._key(artifact_id), folder)
        if entry is None:
            return None
        try:
            artifact = artifact_from_json(entry.document["artifact"])
            report = report_json.from_json(entry.document["report"])
        except (EdgepackError, KeyError):
            return None
        candidate = Candidate(
            path=next(iter(entry.files.values())),
            inputs=artifact.inputs,
            outputs=artifact.outputs,
            requires=artifact.requires,
            operators=artifact.operators,
            places=artifact.places,
            counts=artifact.counts,
            kept_float=artifact.kept_float,
            warnings=report.warnings,
        )
        return Attempt(artifact_id, artifact.route, candidate, report.results, report.failures)

    def put(self, attempt: Attempt) -> None:
        """Keep a proven artifact together with how it fared and which routes failed before."""
        if attempt.candidate is None:
            return
        report = Report(
            name="",
            target="",
            results=attempt.results,
            failures=attempt.failures,
            warnings=attempt.candidate.warnings,
        )
        document = {
            "artifact": artifact_to_json(make_artifact(attempt, attempt.candidate, "cached")),
            "report": report_json.to_json(report),
        }
        self._cache.put(
            self._key(attempt.id), document, {f"file{attempt.candidate.path.suffix}": attempt.candidate.path}
        )

    def _key(self, artifact_id: str) -> str:
        # Float files do not depend on calibration data, and need not be made again for other data.
        calibration = None if artifact_id.endswith("/float32") else self._calibration
        return digest_of({**self._parts, "artifact": artifact_id, "calibration": calibration})


def _calibration(options: BuildOptions) -> list[str | int] | None:
    """Digest the calibration data, if any; None when code must run to know it."""
    if options.calibration.source is None:
        return []
    found = find_calibration(options.calibration.source).fingerprint(options.calibration.source)
    return None if found is None else [found, options.calibration.limit]


def _content(path: Path) -> str:
    """Digest a file or a folder; one that is not there is told of when it is read."""
    if path.is_dir():
        return digest_of_folder(path, is_picture)
    return sha256_of(path) if path.is_file() else ""


def _making(options: BuildOptions) -> dict[str, object]:
    return {
        "edgepack": own_digest(),
        "tools": installed(),
        # Its runtimes decide whether a file may ship.
        "target": asdict(find_target(options.target)),
        "script": options.script,
        "bytecode": options.bytecode,
        "runners": asdict(options.runners),
        "quantisation": asdict(options.quantisation),
    }
