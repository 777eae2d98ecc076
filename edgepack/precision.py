"""The precisions and what each must achieve, as data."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Tolerance:
    """How far an output may be from its reference: |got - ref| <= absolute + relative * max|ref|."""

    absolute: float
    relative: float
    reason: str


@dataclass(frozen=True, slots=True)
class Precision:
    """One numeric form of an artifact.

    Attributes:
        name: How the user and the manifest spell it.
        summary: One line for help texts.
        tolerance: What the judge allows.
    """

    name: str
    summary: str
    tolerance: Tolerance


PRECISIONS = {
    row.name: row
    for row in (
        Precision(
            "float32",
            "32-bit floats throughout; the file computes what the model computes",
            Tolerance(
                absolute=1e-6,
                relative=1e-4,
                reason=(
                    "reordered float32 sums of a deep network differ by 1e-6 to 1e-5 of the largest output; "
                    "the corruptions this has to catch start at 1e-2"
                ),
            ),
        ),
    )
}
"""All known precisions by name."""
