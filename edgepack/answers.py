"""Top answers: what a model and its artifacts say to each sample, and how often that is the same or right."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import batched
from typing import TYPE_CHECKING

from edgepack.labels import LabelledData, top_answer
from edgepack.model import ModelSpec, TensorSpec
from edgepack.sources.base import LoadedModel
from edgepack.verdict import Answers

if TYPE_CHECKING:
    from edgepack.compare import Array

_AT_ONCE = 64
"""Samples that are held in memory together."""


def reference_answers(model: LoadedModel, labels: LabelledData) -> tuple[int, ...]:
    """Job: give the source model's top answer to every labelled sample.

    Args:
        model: Held by the worker.
        labels: The samples.
    """
    names = [one.tensor.name for one in model.inputs]
    return tuple(
        top_answer(model([sample[name] for name in names])[labels.output]) for sample in labels.samples()
    )


def count_answers(
    run: Callable[[Sequence[Mapping[str, Array]]], Iterable[Mapping[str, Array]]],
    labels: LabelledData,
    reference: Sequence[int],
) -> Answers:
    """Run every labelled sample and count.

    Args:
        run: Gives the outputs by name for each of some samples.
        labels: The samples.
        reference: The source model's answers to them, from `reference_answers`.
    """
    got = [
        top_answer(outputs[labels.output])
        for samples in batched(labels.samples(), _AT_ONCE)
        for outputs in run(samples)
    ]
    return Answers(
        labelled=True,
        samples=labels.count,
        agreement=_share(got, reference),
        accuracy=_share(got, labels.labels),
        reference=_share(reference, labels.labels),
    )


def golden_answers(
    got: Sequence[Mapping[str, Array]], references: Sequence[Mapping[str, Array]], model: ModelSpec
) -> Answers | None:
    """Count in how many golden cases the top answer of every output is the reference's.

    Args:
        got: Per case, the file's outputs by name.
        references: Per case, the source model's.
        model: Says which outputs have answers: floats with one value for each class.

    Returns:
        None where no output has any.
    """
    names = [spec.name for spec in model.outputs if _has_classes(spec)]
    if not names:
        return None
    agreeing = [all(_agree(one, other, names)) for one, other in zip(got, references, strict=True)]
    return Answers(labelled=False, samples=len(agreeing), agreement=sum(agreeing) / len(agreeing))


def _has_classes(spec: TensorSpec) -> bool:
    return "float" in spec.dtype and bool(spec.shape) and spec.elements == spec.shape[-1] >= 2


def _agree(got: Mapping[str, Array], reference: Mapping[str, Array], names: Sequence[str]) -> Iterator[bool]:
    for name in names:
        yield top_answer(got[name]) == top_answer(reference[name]) != -1


def _share(answers: Sequence[int], right: Sequence[int]) -> float:
    return sum(one == other != -1 for one, other in zip(answers, right, strict=True)) / len(answers)
