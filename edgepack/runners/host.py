"""Runs artifacts on this machine, each in a process that had no part in making the file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from time import monotonic
from typing import TYPE_CHECKING

from edgepack.answers import count_answers
from edgepack.backends import load_backend
from edgepack.golden import GoldenSet
from edgepack.model import ModelSpec
from edgepack.precision import Tolerance
from edgepack.report.model import ArtifactResult
from edgepack.runners.base import Subject
from edgepack.runners.judging import Judgement, judge, judged_result, load_golden
from edgepack.runners.outputs import KeptOutputs
from edgepack.verdict import Answers
from edgepack.workers import Workers

if TYPE_CHECKING:
    from edgepack.compare import Array
    from edgepack.labels import LabelledData


class HostRunner:
    """The backends' own runtimes on this machine's processor."""

    name = "host"

    def __init__(self, workers: Workers, kept: KeptOutputs | None = None) -> None:
        """Name what runs the files.

        Args:
            workers: Processes for them.
            kept: Where `check` leaves the outputs, if anybody wants them.
        """
        self._workers = workers
        self._kept = kept

    def describe(self, format_: str) -> str:
        """Name the backend's runtime; see `Runner.describe`."""
        return load_backend(format_).runtime()

    def close(self) -> None:
        """End all workers; see `Runner.close`."""
        self._workers.close()

    def check(self, subject: Subject, golden: GoldenSet, tolerance: Tolerance) -> ArtifactResult:
        """Run every golden case and judge the outputs; see `Runner.check`."""
        backend = load_backend(subject.format)
        worker = self._workers.start(*backend.run_modules)
        started = monotonic()
        judgement = worker.run(
            run_and_judge, subject, golden, tolerance, self._kept, name=f"check {subject.id}"
        )
        result = judged_result(self, subject, judgement, tolerance)
        return replace(result, seconds=monotonic() - started)

    def answer(
        self, subject: Subject, model: ModelSpec, labels: LabelledData, reference: Sequence[int]
    ) -> Answers:
        """Run all labelled samples; see `Runner.answer`."""
        worker = self._workers.start(*load_backend(subject.format).run_modules)
        answers: Answers = worker.run(
            labelled_answers, subject, model, labels, reference, name=f"answers {subject.id}"
        )
        return answers

    def run(self, subject: Subject, model: ModelSpec, inputs: Mapping[str, Array]) -> Mapping[str, Array]:
        """Run one set of inputs; see `Runner.run`."""
        worker = self._workers.start(*load_backend(subject.format).run_modules)
        outputs: list[dict[str, Array]] = worker.run(
            execute, subject, model, [inputs], name=f"run {subject.id}"
        )
        return outputs[0]


def run_and_judge(
    subject: Subject, golden: GoldenSet, tolerance: Tolerance, kept: KeptOutputs | None = None
) -> Judgement:
    """Job: run all golden cases, compare each with its reference, and count right top answers."""
    cases = load_golden(golden)
    outputs = execute(subject, cases.model, cases.inputs)
    if kept is not None:
        kept.keep(subject.id, HostRunner.name, outputs, subject.outputs)
    return judge(outputs, cases, tolerance)


def labelled_answers(
    subject: Subject, model: ModelSpec, labels: LabelledData, reference: Sequence[int]
) -> Answers:
    """Job: run a file on every labelled sample and count.

    Args:
        subject: The file.
        model: Of the source.
        labels: The samples.
        reference: The source model's answers to them, from `reference_answers`.
    """
    return count_answers(lambda samples: execute(subject, model, samples), labels, reference)


def execute(
    subject: Subject, model: ModelSpec, feeds: Sequence[Mapping[str, Array]]
) -> list[dict[str, Array]]:
    """Job: run the file once per feed, tensors by name in the source's layout on both sides."""
    from edgepack.contract import inputs_by_position, outputs_by_name

    results = load_backend(subject.format).execute(
        subject.path, [inputs_by_position(feed, subject.inputs) for feed in feeds]
    )
    return [outputs_by_name(result, subject.outputs, model.outputs) for result in results]
