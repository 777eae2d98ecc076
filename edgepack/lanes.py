"""Prove all artifacts of a build: formats side by side, and of each, after float32, all precisions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path

from edgepack.backends.base import Backend, RouteContext
from edgepack.build_cache import ArtifactCache
from edgepack.cache import Cache, default_root
from edgepack.cores import usable_cores
from edgepack.events import Event, EventKind, StepTimer
from edgepack.golden import GoldenSet
from edgepack.labels import LabelledData
from edgepack.options import BuildOptions
from edgepack.precision import BASE
from edgepack.prove import Attempt, Prover
from edgepack.runners.base import Runner
from edgepack.runners.outputs import KeptOutputs
from edgepack.samples import Samples
from edgepack.sources.base import ModelInfo
from edgepack.targets import Plan
from edgepack.threads import waiting_threads
from edgepack.workers import Worker, Workers


@dataclass(frozen=True, slots=True)
class Site:
    """Where one build takes place.

    Attributes:
        options: What the user asked for.
        folder: The build's workspace.
        workers: Starts the processes that jobs run in.
        emit: Told of every step, and adds up how long each takes.
        runners: Format to where its artifacts have to be right.
        kept: Where the runners leave outputs.
    """

    options: BuildOptions
    folder: Path
    workers: Workers
    emit: StepTimer
    runners: Mapping[str, Sequence[Runner]] = field(default_factory=dict)
    kept: KeptOutputs | None = None


@dataclass(frozen=True, slots=True)
class Reference:
    """The loaded model, what it answered, and the user's data for it.

    Attributes:
        worker: The process that holds the model.
        info: What is known of the model without that process.
        golden: Inputs, with the model's outputs as references.
        calibration: From which ranges are learned; None without calibration data.
        labels: Samples with their right answers; None without labelled data.
        answers: The model's top answer to each labelled sample; empty without labelled data.
    """

    worker: Worker
    info: ModelInfo
    golden: GoldenSet
    calibration: Samples | None = None
    labels: LabelledData | None = None
    answers: tuple[int, ...] = ()

    @property
    def data_warnings(self) -> tuple[str, ...]:
        """What the user's data lacks."""
        given = [data for data in (self.calibration, self.labels) if data is not None]
        return tuple(warning for data in given for warning in data.warnings)


def prove_all(
    site: Site,
    reference: Reference,
    backends: Mapping[str, Backend],
    plan: Plan,
) -> list[Attempt]:
    """Make and prove every artifact, and give the attempts in the order of the plan."""
    lanes = {name: [precision for format_, precision in plan if format_ == name] for name in backends}
    runners = [runner for places in site.runners.values() for runner in places]
    with waiting_threads(max(1, len(lanes)), [site.workers, *runners]) as threads:
        futures = [
            threads.submit(_prove_format, site, reference, backend, lanes[name])
            for name, backend in backends.items()
        ]
        return [attempt for future in futures for attempt in future.result()]


def _prove_format(
    site: Site, reference: Reference, backend: Backend, precisions: Sequence[str]
) -> list[Attempt]:
    folder, shared = site.folder / "make" / backend.name, site.folder / "shared" / backend.name
    shared.mkdir(parents=True)
    cache = ArtifactCache(
        Cache(default_root(), emit=site.emit),
        site.options,
        reference.info,
        reference.golden,
        reference.calibration,
        reference.labels,
    )
    context = RouteContext(
        model=reference.worker,
        info=reference.info,
        golden=reference.golden,
        workers=site.workers,
        folder=folder,
        shared=shared,
        options=site.options,
        verified={},
        calibration=reference.calibration,
        labels=reference.labels,
    )
    prover = Prover(backend, context, site.runners[backend.name], site.emit, reference.answers, site.kept)
    # Quantised files are made from the float32 file, also when that is not wanted itself.
    base = _prove_or_recall(prover, BASE, cache)
    verified = {BASE: base.candidate} if base.candidate else {}
    failed = {} if base.candidate else {BASE: base.reason}
    prover = replace(prover, context=replace(context, verified=verified, failed=failed))
    rest = [precision for precision in precisions if precision != BASE]
    with ThreadPoolExecutor(max_workers=usable_cores()) as threads:
        attempts = list(threads.map(lambda precision: _prove_or_recall(prover, precision, cache), rest))
    return [base, *attempts] if BASE in precisions else attempts


def _prove_or_recall(prover: Prover, precision: str, cache: ArtifactCache) -> Attempt:
    artifact_id = f"{prover.backend.name}/{precision}"
    wanted = prover.context.options.cache
    if wanted and (found := cache.get(artifact_id, prover.context.folder / f"cached-{precision}")):
        prover.emit(
            Event(EventKind.NOTE, f"make {artifact_id}", "unchanged: taken from the cache, proven before")
        )
        return found
    attempt = prover.prove(precision)
    if wanted:
        cache.put(attempt)
    return attempt
