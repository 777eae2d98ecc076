"""The judge: how far two tensors are apart, and whether that is near enough."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import inf, isfinite, log10

import numpy as np
import numpy.typing as npt

from edgepack.precision import Tolerance
from edgepack.verdict import Comparison

type Array = npt.NDArray[np.generic]

__all__ = ["Array", "Comparison", "Figures", "compare", "compare_outputs", "judge_figures"]


def compare(output: str, got: Array, ref: Array, tolerance: Tolerance) -> Comparison:
    """Judge one output: by the bound on its elements or by its signal-to-noise ratio, as the tolerance says.

    Of integers and booleans, as many must be equal as the tolerance asks for: all, for float precisions. NaN
    and infinities must stand in the same places.

    Args:
        output: The output's name, for the verdict.
        got: What the artifact computed, any shape.
        ref: What the source model computed.
        tolerance: What is allowed.
    """
    if got.shape != ref.shape:
        return _mismatch(output, f"shape {list(got.shape)} instead of {list(ref.shape)}")
    if got.dtype != ref.dtype:
        return _mismatch(output, f"dtype {got.dtype} instead of {ref.dtype}")
    if not np.issubdtype(ref.dtype, np.floating):
        return _compare_exact(output, got, ref, tolerance)
    got64, ref64 = got.astype(np.float64), ref.astype(np.float64)
    finite = np.isfinite(ref64)
    if not np.array_equal(got64[~finite], ref64[~finite], equal_nan=True):
        return _mismatch(output, "NaN or infinity of the reference is missing or of another kind")
    if not np.isfinite(got64[finite]).all():
        stray = int((~np.isfinite(got64[finite])).sum())
        return _mismatch(output, f"{stray} of {ref.size} values are NaN or infinite, the reference's are not")
    return _compare_floats(output, got64[finite], ref64[finite], tolerance)


@dataclass(frozen=True, slots=True)
class Figures:
    """How far a float output is from its reference.

    Attributes:
        worst: Largest |got - ref|, in the output's own unit.
        largest: Largest |ref|, in the same.
        cosine: Cosine similarity of the two as flat vectors.
        snr_db: Signal-to-noise ratio in decibels.
    """

    worst: float
    largest: float
    cosine: float
    snr_db: float


def judge_figures(output: str, figures: Figures, tolerance: Tolerance) -> Comparison:
    """Judge a float output by figures alone.

    Args:
        output: The output's name, for the verdict.
        figures: How far it is from its reference.
        tolerance: What is allowed.
    """
    worst, largest, snr = figures.worst, figures.largest, figures.snr_db
    floor = tolerance.floor(largest)
    allowed = floor + tolerance.relative * largest
    beyond = max(0.0, worst - floor)
    needed = 0.0 if beyond == 0 else beyond / largest if largest else inf
    passed = worst <= allowed
    reason = f"off by {worst:.3g}, allowed {allowed:.3g} (largest reference value {largest:.3g})"
    if tolerance.snr_db is not None:
        passed = snr >= tolerance.snr_db or worst <= floor
        reason = f"signal-to-noise ratio {snr:.1f} dB, at least {tolerance.snr_db:g} dB is asked for"
    return Comparison(output, passed, "" if passed else reason, worst, needed, figures.cosine, snr)


def compare_outputs(
    got: Mapping[str, Array], ref: Mapping[str, Array], tolerance: Tolerance
) -> tuple[Comparison, ...]:
    """Judge all outputs by name; one that is missing, or that the reference does not know, fails."""
    verdicts = [
        compare(name, got[name], ref[name], tolerance)
        if name in got
        else _mismatch(name, "output is missing")
        for name in ref
    ]
    verdicts += [_mismatch(name, "output is not one of the model's") for name in got if name not in ref]
    return tuple(verdicts)


def _compare_floats(
    output: str, got: npt.NDArray[np.float64], ref: npt.NDArray[np.float64], tolerance: Tolerance
) -> Comparison:
    if ref.size == 0:
        return Comparison(output, passed=True)
    error = np.abs(got - ref)
    figures = Figures(float(error.max()), float(np.abs(ref).max()), _cosine(got, ref), _snr(ref, error))
    return judge_figures(output, figures, tolerance)


def _compare_exact(output: str, got: Array, ref: Array, tolerance: Tolerance) -> Comparison:
    different = int((got != ref).sum())
    if not different:
        return Comparison(output, passed=True)
    error = np.abs(got.astype(np.float64) - ref.astype(np.float64))
    passed = ref.size - different >= tolerance.agreement * ref.size
    demand = "must be equal" if tolerance.agreement == 1 else f"must agree in {tolerance.agreement:.1%}"
    reason = "" if passed else f"{different} of {ref.size} values differ; {ref.dtype} outputs {demand}"
    worst = float(error.max())
    largest = float(np.abs(ref.astype(np.float64)).max())
    signal = ref.astype(np.float64)
    return Comparison(
        output,
        passed=passed,
        reason=reason,
        max_error=worst,
        needed_relative=worst / largest if largest else inf,
        cosine=_cosine(got.astype(np.float64), signal),
        snr_db=_snr(signal, error),
    )


def _mismatch(output: str, reason: str) -> Comparison:
    return Comparison(output, False, reason, inf, inf, 0.0, -inf)


def _cosine(got: npt.NDArray[np.float64], ref: npt.NDArray[np.float64]) -> float:
    norms = float(np.linalg.norm(got)) * float(np.linalg.norm(ref))
    if norms == 0.0:
        return 1.0 if np.array_equal(got, ref) else 0.0
    return float(np.dot(got.ravel(), ref.ravel())) / norms


def _snr(ref: npt.NDArray[np.float64], error: npt.NDArray[np.float64]) -> float:
    noise, signal = float(np.square(error).sum()), float(np.square(ref).sum())
    if noise == 0.0:
        return inf
    ratio = signal / noise
    return 10 * log10(ratio) if ratio > 0 and isfinite(ratio) else -inf
