"""Runs artifacts on ARM64, inside the runtime libraries that ship in apps."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from time import monotonic
from types import TracebackType
from typing import TYPE_CHECKING, Self

from edgepack.answers import count_answers
from edgepack.events import step
from edgepack.golden import GoldenSet
from edgepack.model import ModelSpec
from edgepack.options import RunnerChoice
from edgepack.precision import Tolerance
from edgepack.report.model import ArtifactResult
from edgepack.runners.base import RunContext, Subject
from edgepack.runners.counting import Counter, counter_if_any
from edgepack.runners.cpus import Cpu, find_cpu
from edgepack.runners.guest import Guest, Run, Task
from edgepack.runners.guest_programs import GuestProgram
from edgepack.runners.judging import judge, judged_result, load_golden
from edgepack.runners.machine import command_for
from edgepack.runners.outputs import KeptOutputs, kept_in
from edgepack.runners.runtime_store import InstalledRuntime, RuntimeStore
from edgepack.runners.runtimes import default_release
from edgepack.targets import Target
from edgepack.workers import JobFailed, Limits

if TYPE_CHECKING:
    from edgepack.bundle.manifest import TensorContract
    from edgepack.compare import Array
    from edgepack.labels import LabelledData
    from edgepack.verdict import Answers


class Guests:
    """The guests of one build or verification, one for each runtime and processor; leaving ends them all."""

    def __init__(
        self,
        store: RuntimeStore,
        scratch: Path,
        limits: Limits | None = None,
        counter: Counter | None = None,
        *,
        java: bool = False,
    ) -> None:
        """Name what guests are made of; none is started yet.

        Args:
            store: Holds the runtimes.
            scratch: A folder for what the guests see of the machine, and for their logs.
            limits: What each job may use.
            counter: Counts the instructions of inferences, if anything does.
            java: Whether runtimes are called through their Java classes.
        """
        self.counter = counter
        self.java = java
        self._store = store
        self._scratch = scratch
        self._limits = limits
        self._started: dict[tuple[str, str], Guest] = {}
        self._programs: dict[str, GuestProgram] = {}
        self._stack = ExitStack()
        self._lock = threading.Lock()
        self._closed = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End all guests, at once and without asking; no more can be started."""
        with self._lock:
            self._closed = True
            self._stack.close()

    def start(self, runtime: InstalledRuntime, cpu: Cpu) -> Guest:
        """Give the guest that runs this runtime on this processor; it is started at the first call.

        Returns at once: the runtime starts in the background, and the first job waits for it.

        Raises:
            ToolError: Part of the toolchain is not installed.
            JobFailed: The guests have been closed.
        """
        with self._lock:
            if self._closed:
                # A thread that goes on after an interruption must not bring guests back to life.
                raise JobFailed("the guests have been ended")
            key = (runtime.release.id, cpu.name)
            if key not in self._started:
                self._started[key] = self._stack.enter_context(self._start(runtime, cpu))
            return self._started[key]

    def _start(self, runtime: InstalledRuntime, cpu: Cpu) -> Guest:
        folder = self._scratch / f"{runtime.release.slug}-{cpu.name}"
        folder.mkdir(parents=True)
        if runtime.release.id not in self._programs:
            self._programs[runtime.release.id] = self._store.program(runtime, java=self.java)
        program = self._programs[runtime.release.id]
        options = self.counter.options if self.counter else ()
        command = command_for(program, cpu, folder / "root", options)
        return Guest(command, folder / "guest.log", self._limits)


@dataclass(frozen=True, slots=True)
class Arm64Runner:
    """One runtime on one processor.

    Attributes:
        guests: Where the programs run.
        runtime: Executes one format.
        cpu: The processor.
        kept: Where `check` leaves the outputs, if anybody wants them.
    """

    guests: Guests
    runtime: InstalledRuntime
    cpu: Cpu
    kept: KeptOutputs | None = None
    name: str = "arm64"

    @property
    def format(self) -> str:
        """The artifact format that it executes."""
        return self.runtime.release.format

    def describe(self, format_: str) -> str:
        """Name the runtime and the processor; see `Runner.describe`."""
        del format_  # it executes only one
        through = " through Java" if self.guests.java else ""
        return f"{self.runtime.release.title}{through} on {self.cpu.name}"

    def close(self) -> None:
        """End all guests; see `Runner.close`."""
        self.guests.close()

    def check(self, subject: Subject, golden: GoldenSet, tolerance: Tolerance) -> ArtifactResult:
        """Run every golden case and judge the outputs; see `Runner.check`."""
        cases = load_golden(golden)
        started = monotonic()
        run = self.run_file(subject, cases.inputs)
        outputs = _to_source(run, subject, cases.model)
        result = replace(
            judged_result(self, subject, judge(outputs, cases, tolerance), tolerance),
            seconds=monotonic() - started,
            starting=run.starting + run.loading,
            running=run.running,
            instructions=run.instructions[-1] if run.instructions else None,
        )
        if self.kept is not None:
            self.kept.keep(subject.id, result.place, outputs, subject.outputs)
        return result

    def answer(
        self, subject: Subject, model: ModelSpec, labels: LabelledData, reference: Sequence[int]
    ) -> Answers:
        """Run all labelled samples; see `Runner.answer`."""
        return count_answers(
            lambda samples: _to_source(self.run_file(subject, samples), subject, model), labels, reference
        )

    def run(self, subject: Subject, model: ModelSpec, inputs: Mapping[str, Array]) -> Mapping[str, Array]:
        """Run one set of inputs; see `Runner.run`."""
        return _to_source(self.run_file(subject, [inputs]), subject, model)[0]

    def run_file(self, subject: Subject, feeds: Sequence[Mapping[str, Array]], repetitions: int = 1) -> Run:
        """Run the file once per feed, or several times, and give its outputs as the file has them.

        Args:
            subject: The file.
            feeds: Inputs by name, in the source's layout and dtypes.
            repetitions: How often each feed is run; the last counts.

        Raises:
            JobFailed: See `Runner.run`.
            ToolError: See `Runner.run`.
        """
        from edgepack.contract import inputs_by_position

        tensors = [inputs_by_position(feed, subject.inputs) for feed in feeds]
        run = self.guests.start(self.runtime, self.cpu).run(
            Task(subject.path, tensors, repetitions, outputs=_names(subject.outputs))
        )
        counter = self.guests.counter
        return replace(run, instructions=counter.read(run.pid)) if counter else run


def _names(contracts: Sequence[TensorContract]) -> tuple[str, ...]:
    return tuple(one.name for one in sorted(contracts, key=lambda contract: contract.index))


def _to_source(run: Run, subject: Subject, model: ModelSpec) -> list[dict[str, Array]]:
    """Give each feed's outputs by name, in the source's layout and dtypes."""
    from edgepack.contract import outputs_by_name

    return [outputs_by_name(result, subject.outputs, model.outputs) for result in run.outputs]


@contextmanager
def open_arm64(
    choice: RunnerChoice, formats: Sequence[str], target: Target, context: RunContext
) -> Iterator[tuple[Arm64Runner, ...]]:
    """Give a runner for every runtime and processor, their guests starting in the background.

    None when the choice leaves ARM64 out. Leaving the context ends all guests.

    Args:
        choice: What the user asks for.
        formats: Those that have to be executed.
        target: Decides what the user leaves open.
        context: Where, within which limits, and who is told.

    Raises:
        ToolError: A runtime or part of the toolchain is not installed.
        UsageError: A runtime or processor is unknown, or nothing can be proven on it.
    """
    if "arm64" not in choice.names:
        yield ()
        return
    scratch, store = context.scratch, RuntimeStore(emit=context.emit)
    # A Java virtual machine compiles while it runs, in threads of its own: nothing that could be compared.
    counter = None if choice.through_java else counter_if_any(scratch / "counts")
    with Guests(store, scratch / "guests", context.limits, counter, java=choice.through_java) as guests:
        with step(context.emit, "start the ARM64 runtimes"):
            runners = make_runners(choice, formats, target, guests, store)
        yield tuple(replace(runner, kept=kept_in(scratch)) for runner in runners)


def make_runners(
    choice: RunnerChoice, formats: Sequence[str], target: Target, guests: Guests, store: RuntimeStore
) -> tuple[Arm64Runner, ...]:
    """Give a runner for every runtime and processor, their guests starting in the background.

    Raises:
        ToolError: A runtime or part of the toolchain is not installed.
        UsageError: A runtime or processor is unknown, or nothing can be proven on it.
    """
    cpus = [find_cpu(name) for name in choice.cpus or target.cpus]
    runtimes = _choose_runtimes(store, choice, formats, target)
    runners = tuple(Arm64Runner(guests, runtime, cpu) for runtime in runtimes for cpu in cpus)
    for runner in runners:
        guests.start(runner.runtime, runner.cpu)
    return runners


def _choose_runtimes(
    store: RuntimeStore, choice: RunnerChoice, formats: Sequence[str], target: Target
) -> list[InstalledRuntime]:
    """Give the runtimes that were asked for, and the target's own for the formats that they leave out."""
    asked = [store.get(one) for one in choice.runtimes]
    covered = {one.release.format for one in asked}
    others = [store.get(default_release(target, format_).id) for format_ in formats if format_ not in covered]
    return [one for one in asked if one.release.format in formats] + others
