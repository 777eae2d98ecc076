"""What a build may take from earlier ones: a whole bundle that is there already, or finished artifacts."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

from edgepack.assemble import make_artifact
from edgepack.backends.base import Candidate
from edgepack.bundle import Bundle, check_files, open_bundle
from edgepack.bundle.document import artifact_from_json, artifact_to_json
from edgepack.cache import Cache, digest_of
from edgepack.errors import BundleError, EdgepackError
from edgepack.files import sha256_of
from edgepack.golden import GoldenSet
from edgepack.options import BuildOptions
from edgepack.prove import Attempt
from edgepack.report import Report
from edgepack.report import json as report_json
from edgepack.sources.base import ModelInfo, SourceKind
from edgepack.targets import find_target
from edgepack.tools import installed, own_digest


def build_key(options: BuildOptions, kind: SourceKind) -> str:
    """Digest of all that decides a bundle's content, or nothing when the source's files do not tell.

    Raises:
        SourceError: The source's files cannot be read.
    """
    fingerprint = kind.fingerprint(options.source)
    if fingerprint is None:
        return ""
    return digest_of(
        {
            "source": fingerprint,
            "text": Path(options.source.text).name,
            "inputs": [asdict(spec) for spec in options.source.inputs],
            "target": asdict(find_target(options.target)),
            "name": options.name,
            "formats": options.formats,
            "precisions": options.precisions,
            "cases": options.golden.cases,
            "seed": options.golden.seed,
            "golden": [sha256_of(path) for path in options.golden.files if path.is_file()],
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

    def __init__(self, cache: Cache, options: BuildOptions, info: ModelInfo, golden: GoldenSet) -> None:
        self._cache = cache
        self._parts = {
            "model": info.digest,
            "spec": asdict(info.spec),
            "golden": [
                ref.sha256 for case in golden.cases for ref in (*case.inputs.values(), *case.outputs.values())
            ],
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
        )
        return Attempt(artifact_id, artifact.route, candidate, report.results, report.failures)

    def put(self, attempt: Attempt) -> None:
        """Keep a proven artifact together with how it fared and which routes failed before."""
        if attempt.candidate is None:
            return
        report = Report(name="", target="", results=attempt.results, failures=attempt.failures)
        document = {
            "artifact": artifact_to_json(make_artifact(attempt, "cached")),
            "report": report_json.to_json(report),
        }
        self._cache.put(
            self._key(attempt.id), document, {f"file{attempt.candidate.path.suffix}": attempt.candidate.path}
        )

    def _key(self, artifact_id: str) -> str:
        return digest_of({**self._parts, "artifact": artifact_id})


def _making(options: BuildOptions) -> dict[str, object]:
    return {
        "edgepack": own_digest(),
        "tools": installed(),
        "script": options.script,
        "bytecode": options.bytecode,
        "runners": asdict(options.runners),
    }
