"""The verdict on one output, as data: what the judge says and what reports show, without numpy."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf


@dataclass(frozen=True, slots=True)
class Comparison:
    """The verdict on one output.

    Attributes:
        output: The output's name.
        passed: Whether it is within the tolerance.
        reason: Why not; empty when passed.
        max_error: Largest |got - ref|, in the output's own unit; infinite where one side is not a number.
        needed_relative: The smallest relative tolerance that would pass, at the given absolute one.
        cosine: Cosine similarity of the two as flat vectors; 1.0 when both are zero.
        snr_db: Signal-to-noise ratio in decibels, 10·log10(sum ref² / sum (got - ref)²); infinite when equal.
    """

    output: str
    passed: bool
    reason: str = ""
    max_error: float = 0.0
    needed_relative: float = 0.0
    cosine: float = 1.0
    snr_db: float = inf
