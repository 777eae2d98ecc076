"""What every runner does with the outputs of a file: judge them against the golden cases."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from edgepack.answers import golden_answers
from edgepack.golden import GoldenSet
from edgepack.model import ModelSpec
from edgepack.precision import Tolerance
from edgepack.report.model import ArtifactResult, worst_over_cases
from edgepack.runners.base import Checker, Subject
from edgepack.verdict import Answers, Comparison

if TYPE_CHECKING:
    from edgepack.compare import Array


@dataclass(frozen=True, slots=True)
class GoldenArrays:
    """Golden cases in memory, in the source's layout and dtypes.

    Attributes:
        model: Of the source.
        inputs: Per case, by name.
        references: Per case, what the source model computed, by name.
    """

    model: ModelSpec
    inputs: Sequence[Mapping[str, Array]]
    references: Sequence[Mapping[str, Array]]


@dataclass(frozen=True, slots=True)
class Judgement:
    """What the judge says of a file's outputs.

    Attributes:
        cases: Per golden case, the verdicts on its outputs.
        answers: How often the top answer was the reference's, where outputs have any.
    """

    cases: Sequence[Sequence[Comparison]]
    answers: Answers | None = None


def load_golden(golden: GoldenSet) -> GoldenArrays:
    """Read all cases.

    Raises:
        BundleError: A file is missing or of another size than its tensor.
    """
    from edgepack.golden_files import load_case

    cases = [load_case(golden, index) for index in range(len(golden.cases))]
    return GoldenArrays(golden.model, [inputs for inputs, _ in cases], [outputs for _, outputs in cases])


def judge(outputs: Sequence[Mapping[str, Array]], golden: GoldenArrays, tolerance: Tolerance) -> Judgement:
    """Compare each case's outputs with its reference, and count the right top answers."""
    from edgepack.compare import compare_outputs

    cases = [
        compare_outputs(got, reference, tolerance)
        for got, reference in zip(outputs, golden.references, strict=True)
    ]
    return Judgement(cases, golden_answers(outputs, golden.references, golden.model))


def judged_result(
    checker: Checker, subject: Subject, judgement: Judgement, tolerance: Tolerance
) -> ArtifactResult:
    """Say how a file fared, but for what only some runners can tell: times and instructions.

    Args:
        checker: Where it ran.
        subject: The file.
        judgement: On its outputs.
        tolerance: What the judge allowed.
    """
    return ArtifactResult(
        artifact_id=subject.id,
        runner=checker.name,
        runtime=checker.describe(subject.format),
        cases=len(judgement.cases),
        comparisons=worst_over_cases(judgement.cases),
        tolerance=tolerance,
        bytes=subject.path.stat().st_size,
        answers=judgement.answers,
    )
