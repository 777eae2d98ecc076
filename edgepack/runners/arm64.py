"""Runs artifacts on ARM64, inside the runtime libraries that ship in apps."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from edgepack.errors import MissingTool
from edgepack.golden import GoldenSet
from edgepack.model import ModelSpec
from edgepack.precision import Tolerance
from edgepack.report.model import ArtifactResult, worst_over_cases
from edgepack.runners.base import Subject
from edgepack.runners.cpus import Cpu
from edgepack.runners.guest import Guest, Run, Task
from edgepack.runners.machine import command_for
from edgepack.runners.runtime_store import InstalledRuntime, RuntimeStore
from edgepack.workers import Limits

if TYPE_CHECKING:
    from edgepack.compare import Array


class Guests:
    """The guests of one build or verification, one for each runtime and processor; leaving ends them all."""

    def __init__(self, store: RuntimeStore, scratch: Path, limits: Limits | None = None) -> None:
        """Name what guests are made of; none is started yet.

        Args:
            store: Holds the runtimes.
            scratch: A folder for what the guests see of the machine, and for their logs.
            limits: What each job may use.
        """
        self._store = store
        self._scratch = scratch
        self._limits = limits
        self._started: dict[tuple[str, str], Guest] = {}
        self._whole: dict[str, InstalledRuntime] = {}
        self._stack = ExitStack()
        self._lock = threading.Lock()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def start(self, runtime_id: str, cpu: Cpu) -> Guest:
        """Give the guest that runs this runtime on this processor; it is started at the first call.

        Returns at once: the runtime starts in the background, and the first job waits for it.

        Raises:
            MissingTool: The runtime or part of the toolchain is not installed.
        """
        with self._lock:
            key = (runtime_id, cpu.name)
            if key not in self._started:
                self._started[key] = self._stack.enter_context(self._start(runtime_id, cpu))
            return self._started[key]

    def _start(self, runtime_id: str, cpu: Cpu) -> Guest:
        if runtime_id not in self._whole:
            self._whole[runtime_id] = self._store.get(runtime_id)
        runtime = self._whole[runtime_id]
        folder = self._scratch / f"{runtime.release.slug}-{cpu.name}"
        folder.mkdir(parents=True)
        command = command_for(self._store.program(runtime), cpu, folder / "root")
        return Guest(command, folder / "guest.log", self._limits)


@dataclass(frozen=True, slots=True)
class Arm64Runner:
    """One processor, and for each format the runtime that executes it there.

    Attributes:
        guests: Where the programs run.
        cpu: The processor.
        runtimes: Format to the runtime's release.
    """

    guests: Guests
    cpu: Cpu
    runtimes: Mapping[str, InstalledRuntime]
    name: str = "arm64"

    def start(self) -> None:
        """Start all runtimes in the background, ahead of the first job."""
        for runtime in self.runtimes.values():
            self.guests.start(runtime.release.id, self.cpu)

    def check(self, subject: Subject, golden: GoldenSet, tolerance: Tolerance) -> ArtifactResult:
        """Run every golden case and judge the outputs; see `Runner.check`."""
        from edgepack.compare import compare_outputs
        from edgepack.golden_cases import load_case

        cases = [load_case(golden, index) for index in range(len(golden.cases))]
        run, outputs = self._execute(subject, golden.model, [inputs for inputs, _ in cases])
        verdicts = [
            compare_outputs(got, reference, tolerance)
            for got, (_, reference) in zip(outputs, cases, strict=True)
        ]
        return ArtifactResult(
            artifact_id=subject.id,
            runner=self.name,
            runtime=f"{self._runtime(subject).release.title} on {self.cpu.name}",
            cases=len(cases),
            comparisons=worst_over_cases(verdicts),
            tolerance=tolerance,
            bytes=subject.path.stat().st_size,
            seconds=run.starting + run.loading + run.running,
        )

    def run(self, subject: Subject, model: ModelSpec, inputs: Mapping[str, Array]) -> Mapping[str, Array]:
        """Run one set of inputs; see `Runner.run`."""
        return self._execute(subject, model, [inputs])[1][0]

    def _execute(
        self, subject: Subject, model: ModelSpec, feeds: Sequence[Mapping[str, Array]]
    ) -> tuple[Run, list[dict[str, Array]]]:
        from edgepack.contract import to_file, to_source

        inputs = sorted(subject.inputs, key=lambda contract: contract.index)
        task = Task(subject.path, [[to_file(feed[one.name], one) for one in inputs] for feed in feeds])
        run = self.guests.start(self._runtime(subject).release.id, self.cpu).run(task)
        specs = {spec.name: spec for spec in model.outputs}
        outputs = [
            {one.name: to_source(result[one.index], one, specs[one.name]) for one in subject.outputs}
            for result in run.outputs
        ]
        return run, outputs

    def _runtime(self, subject: Subject) -> InstalledRuntime:
        if subject.format not in self.runtimes:
            raise MissingTool(
                f"no runtime for {subject.format} on ARM64 was chosen",
                hint="run `edgepack runtime list` to see which there are",
            )
        return self.runtimes[subject.format]
