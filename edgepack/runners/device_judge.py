"""Compares what a device computed with the reference, and with what the app on it made of that."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import inf, sqrt

import numpy as np

from edgepack.compare import Array, Figures, compare, judge_figures
from edgepack.model import ModelSpec, TensorSpec
from edgepack.precision import Tolerance
from edgepack.runners.base import Subject
from edgepack.runners.device_report import LARGEST_DATA, DeviceOutput
from edgepack.verdict import Comparison
from edgepack.workers import JobFailed


@dataclass(frozen=True, slots=True)
class JudgedCase:
    """One golden case.

    Attributes:
        comparisons: Per output.
        outputs: By name, in the source's layout and dtypes, of those that came with their values.
    """

    comparisons: tuple[Comparison, ...]
    outputs: Mapping[str, Array]


def judge_case(
    subject: Subject,
    model: ModelSpec,
    found: Mapping[str, DeviceOutput],
    reference: Mapping[str, Array],
    tolerance: Tolerance,
) -> JudgedCase:
    """Judge all outputs of one golden case.

    Args:
        subject: The artifact.
        model: Of the source.
        found: What the device's report has, by name; every output of the artifact.
        reference: What the source model computed, by name.
        tolerance: What is allowed.

    Raises:
        JobFailed: An output is not of the size that it should be, or the app came to another verdict.
    """
    specs = {spec.name: spec for spec in model.outputs}
    comparisons: list[Comparison] = []
    outputs: dict[str, Array] = {}
    for contract in subject.outputs:
        output, expected = found[contract.name], reference[contract.name]
        values = _values(output, specs[contract.name])
        if values is None:
            verdict = _by_figures(output, expected, tolerance)
        else:
            outputs[contract.name] = values
            verdict = compare(contract.name, values, expected, tolerance)
        _refuse_disagreement(output, verdict)
        comparisons.append(verdict)
    return JudgedCase(tuple(comparisons), outputs)


def _values(output: DeviceOutput, spec: TensorSpec) -> Array | None:
    """Give an output's values; None where they are too many to have come along."""
    dtype = np.dtype(spec.dtype).newbyteorder("<")
    size = spec.elements * dtype.itemsize
    if output.data is None and size > LARGEST_DATA:
        return None
    got = len(output.data or b"")
    if output.data is None or got != size:
        raise JobFailed(
            f"the device's report has {got} bytes of output {output.name!r}, and {spec} has {size}"
        )
    return np.frombuffer(output.data, dtype).reshape(spec.shape).astype(spec.dtype)


def _by_figures(output: DeviceOutput, reference: Array, tolerance: Tolerance) -> Comparison:
    """Judge by what the app found: of its figures the cosine is missing, and its least value is taken.

    With noise of the signal's share r, the angle between the two is largest where its sine is r.
    """
    worst = inf if output.max_error is None else output.max_error
    snr = output.snr_db if output.snr_db is not None else inf if worst == 0 else -inf
    cosine = sqrt(max(0.0, 1 - 10 ** (-snr / 10))) if snr > 0 else 0.0
    if not np.issubdtype(reference.dtype, np.floating):
        reason = "" if output.passed else "the app found values that differ"
        return Comparison(output.name, output.passed, reason, worst, 0.0 if worst == 0 else inf, cosine, snr)
    largest = float(np.abs(reference[np.isfinite(reference)]).max(initial=0.0))
    return judge_figures(output.name, Figures(worst, largest, cosine, snr), tolerance)


def _refuse_disagreement(output: DeviceOutput, verdict: Comparison) -> None:
    if output.passed != verdict.passed:
        app = "right" if output.passed else "wrong"
        raise JobFailed(
            f"the app takes output {output.name!r} for {app}, and it is not: "
            f"{verdict.reason or 'it is within what is allowed'}"
        )
