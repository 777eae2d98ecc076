"""How many instructions an inference of each artifact takes on ARM64."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from edgepack.bundle import Bundle, check_files, open_bundle
from edgepack.bundle.manifest import Artifact
from edgepack.cores import usable_cores
from edgepack.errors import InternalError, UsageError, VerificationFailed
from edgepack.events import Listener, ignore, step
from edgepack.options import RunnerChoice
from edgepack.runners.arm64 import Arm64Runner, Guests, make_runners
from edgepack.runners.base import Subject
from edgepack.runners.counting import make_counter
from edgepack.runners.runtime_store import RuntimeStore
from edgepack.targets import target_of
from edgepack.threads import waiting_threads
from edgepack.workers import JobFailed, Limits

SCHEMA = "edgepack.bench/1"
_REPETITIONS = 3
"""The first inference prepares weights, the second settles; the last is counted."""


@dataclass(frozen=True, slots=True)
class BenchOptions:
    """What to count.

    Attributes:
        artifacts: Only these ids, or all when empty.
        runners: On which runtimes and processors.
        limits: What each run may use.
    """

    artifacts: tuple[str, ...] = ()
    runners: RunnerChoice = field(default_factory=RunnerChoice)
    limits: Limits = field(default_factory=Limits)


@dataclass(frozen=True, slots=True)
class Count:
    """One artifact in one place.

    Attributes:
        artifact: Its id.
        runtime: Name and release.
        cpu: The processor's name.
        instructions: Executed from the call of the runtime to its return, by the one thread that it has.
    """

    artifact: str
    runtime: str
    cpu: str
    instructions: int

    @property
    def place(self) -> tuple[str, str, str]:
        """What tells counts apart."""
        return self.artifact, self.runtime, self.cpu


@dataclass(frozen=True, slots=True)
class Change:
    """A count beside the same one of an earlier run, which may have had none."""

    count: Count
    before: int | None

    @property
    def relative(self) -> float:
        """Growth, as a share of the earlier count; 0.0 where there was none."""
        return self.count.instructions / self.before - 1.0 if self.before else 0.0


def bench(path: Path, options: BenchOptions | None = None, emit: Listener = ignore) -> tuple[Count, ...]:
    """Run every artifact on the first golden case and count instructions.

    Args:
        path: A bundle's folder or .zip.
        options: Which artifacts, and where.
        emit: Told of every step.

    Raises:
        BundleError: The bundle is damaged, or not safe to read.
        UsageError: It has no such artifact, or there is no such runtime or processor.
        ToolError: A runtime or part of the toolchain is not installed.
        VerificationFailed: A runtime refused a file, or crashed.
    """
    options = options or BenchOptions()
    with open_bundle(path) as bundle, tempfile.TemporaryDirectory(prefix="edgepack-") as folder:
        check_files(bundle)
        artifacts = [bundle.artifact(one) for one in options.artifacts] or list(bundle.manifest.artifacts)
        counter = make_counter(Path(folder) / "counts")
        store, target = RuntimeStore(emit=emit), target_of(bundle.manifest)
        with Guests(store, Path(folder) / "guests", options.limits, counter) as guests:
            formats = list(dict.fromkeys(artifact.format for artifact in artifacts))
            runners = make_runners(options.runners, formats, target, guests, store)
            return _count_all(bundle, artifacts, runners, emit)


def compare_counts(counts: Sequence[Count], baseline: Mapping[str, Any]) -> tuple[Change, ...]:
    """Set counts beside those of an earlier run.

    Args:
        counts: Of this run.
        baseline: What `to_json` gave for the earlier one.

    Raises:
        UsageError: The baseline is no such document.
    """
    try:
        if baseline["schema"] != SCHEMA:
            raise UsageError(f"the baseline is not of the kind {SCHEMA}", hint="make it with bench --json")
        before = {one.place: one.instructions for one in (Count(**row) for row in baseline["counts"])}
    except (KeyError, TypeError) as error:
        raise UsageError(f"the baseline cannot be read: {error}", hint="make it with bench --json") from error
    return tuple(Change(count, before.get(count.place)) for count in counts)


def read_baseline(path: Path) -> Mapping[str, Any]:
    """Read a file that holds what `edgepack bench --json` printed.

    Raises:
        UsageError: It cannot be read.
    """
    try:
        document: Mapping[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UsageError(f"cannot read the baseline {path}: {error}") from error
    return document


def to_json(counts: Sequence[Count]) -> dict[str, Any]:
    """Give the counts as a document that a later run can be compared with."""
    return {"schema": SCHEMA, "counts": [asdict(one) for one in counts]}


def _count_all(
    bundle: Bundle,
    artifacts: Sequence[Artifact],
    runners: Sequence[Arm64Runner],
    emit: Listener,
) -> tuple[Count, ...]:
    from edgepack.golden_files import load_case

    feed, _ = load_case(bundle.golden, 0)

    def count(pair: tuple[Artifact, Arm64Runner]) -> Count:
        artifact, runner = pair
        with step(emit, f"count {artifact.id} on {runner.describe(artifact.format)}"):
            try:
                run = runner.run_file(Subject.of(bundle, artifact), [feed], _REPETITIONS)
            except JobFailed as error:
                raise error.as_error(VerificationFailed, f"{artifact.id} did not run") from error
        if not run.instructions:
            raise InternalError(f"qemu ran {artifact.id} and counted nothing")
        return Count(artifact.id, runner.runtime.release.title, runner.cpu.name, run.instructions[-1])

    pairs = [(one, runner) for one in artifacts for runner in runners if runner.format == one.format]
    with waiting_threads(usable_cores(), runners) as threads:
        return tuple(threads.map(count, pairs))
