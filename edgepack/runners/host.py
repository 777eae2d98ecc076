"""Runs artifacts on this machine, each in a process that had no part in making the file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from time import monotonic
from typing import TYPE_CHECKING

from edgepack.answers import count_answers, golden_answers
from edgepack.backends import load_backend
from edgepack.golden import GoldenSet
from edgepack.model import ModelSpec
from edgepack.precision import Tolerance
from edgepack.report.model import ArtifactResult, worst_over_cases
from edgepack.runners.base import Subject
from edgepack.runners.outputs import KeptOutputs
from edgepack.verdict import Answers
from edgepack.workers import Workers

if TYPE_CHECKING:
    from edgepack.compare import Array, Comparison
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

    def describe(self, form: str) -> str:
        """Name the backend's runtime; see `Runner.describe`."""
        return load_backend(form).runtime()

    def close(self) -> None:
        """End all workers; see `Runner.close`."""
        self._workers.close()

    def check(self, subject: Subject, golden: GoldenSet, tolerance: Tolerance) -> ArtifactResult:
        """Run every golden case and judge the outputs; see `Runner.check`."""
        backend = load_backend(subject.format)
        worker = self._workers.start(*backend.run_modules)
        started = monotonic()
        cases, answers = worker.run(judge, subject, golden, tolerance, self._kept, name=f"check {subject.id}")
        return ArtifactResult(
            artifact_id=subject.id,
            runner=self.name,
            runtime=self.describe(subject.format),
            cases=len(cases),
            comparisons=worst_over_cases(cases),
            tolerance=tolerance,
            bytes=subject.path.stat().st_size,
            seconds=monotonic() - started,
            answers=answers,
        )

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


def judge(
    subject: Subject, golden: GoldenSet, tolerance: Tolerance, kept: KeptOutputs | None = None
) -> tuple[tuple[tuple[Comparison, ...], ...], Answers | None]:
    """Job: run all golden cases, compare each with its reference, and count right top answers."""
    from edgepack.compare import compare_outputs
    from edgepack.golden_files import load_case

    cases = [load_case(golden, index) for index in range(len(golden.cases))]
    got = execute(subject, golden.model, [inputs for inputs, _ in cases])
    if kept is not None:
        kept.keep(subject.id, HostRunner.name, got, subject.outputs)
    references = [reference for _, reference in cases]
    verdicts = tuple(
        compare_outputs(outputs, reference, tolerance)
        for outputs, reference in zip(got, references, strict=True)
    )
    return verdicts, golden_answers(got, references, golden.model)


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
    from edgepack.contract import to_file, to_source

    backend = load_backend(subject.format)
    inputs = sorted(subject.inputs, key=lambda contract: contract.index)
    results = backend.execute(
        subject.path, [[to_file(feed[contract.name], contract) for contract in inputs] for feed in feeds]
    )
    specs = {spec.name: spec for spec in model.outputs}
    return [
        {
            contract.name: to_source(result[contract.index], contract, specs[contract.name])
            for contract in subject.outputs
        }
        for result in results
    ]
