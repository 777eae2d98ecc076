"""The precisions and what each must achieve, as data."""

from __future__ import annotations

from dataclasses import dataclass, replace

BASE = "float32"
"""The precision that the others are made from and measured against."""
SMALL_SHARE = 1e-3
"""Ten times what float32 may need of the largest value: room for rounding, none for a wrong result."""


@dataclass(frozen=True, slots=True)
class Tolerance:
    """How far an output may be from its reference.

    Floats without `snr_db` are judged element by element: |got - ref| <= absolute + relative * max|ref|. With
    it they are judged as a whole: the signal-to-noise ratio must reach it, or no element be off by more than
    `absolute`.

    What `absolute` allows is never more than `SMALL_SHARE` of the largest reference value: all outputs of an
    untrained network may lie below it, and a file that computes zeros would pass.

    Attributes:
        absolute: In the output's own unit.
        relative: To the largest absolute reference value.
        reason: Why it is what it is.
        snr_db: Smallest 10·log10(sum ref² / sum (got - ref)²); None for the bound on every element.
        agreement: Smallest share of an integer output's values that must equal the reference's.
        top_agreement: Smallest share of samples whose top answer must be the source model's; None for no
            limit.
        accuracy_drop: Largest loss of accuracy on labelled data, in points; None for no limit.
    """

    absolute: float
    relative: float
    reason: str
    snr_db: float | None = None
    agreement: float = 1.0
    top_agreement: float | None = None
    accuracy_drop: float | None = None

    def floor(self, largest: float) -> float:
        """The error that is allowed whatever else is asked, in the output's own unit.

        Args:
            largest: The largest absolute reference value.
        """
        return min(self.absolute, SMALL_SHARE * largest) if largest else self.absolute


@dataclass(frozen=True, slots=True)
class Gates:
    """What the user asks of every artifact beyond its precision's own tolerance.

    Attributes:
        min_snr: Takes the place of a precision's `snr_db`; without effect on float32, which has none.
        min_agreement: Smallest share, 0 to 1, of samples whose top answer must be the source model's, and of
            an integer output's values that must equal the reference's. It can only make a tolerance stricter.
        max_accuracy_drop: Largest loss of accuracy on labelled data, in points.
    """

    min_snr: float | None = None
    min_agreement: float | None = None
    max_accuracy_drop: float | None = None


@dataclass(frozen=True, slots=True)
class Precision:
    """One numeric form of an artifact.

    Attributes:
        name: How the user and the manifest spell it.
        summary: One line for help texts.
        tolerance: What the judge allows.
        calibrated: Whether making it takes calibration data.
    """

    name: str
    summary: str
    tolerance: Tolerance
    calibrated: bool = False


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
        Precision(
            "float16",
            "16-bit float weights, 32-bit float arithmetic; half the size",
            Tolerance(
                absolute=1e-6,
                relative=0.0,
                snr_db=40.0,
                agreement=0.99,
                reason=(
                    "rounding weights to 11 bits adds noise 76 dB below each layer's output; six networks of "
                    "18 to 121 layers with random weights came out at 49 dB and more, what is wrong is below "
                    "20; 40 dB is a cosine of 0.99995"
                ),
            ),
        ),
        Precision(
            "dynamic",
            "8-bit weights, activations quantised as they come; a quarter of the size",
            Tolerance(
                absolute=1e-6,
                relative=0.0,
                snr_db=27.0,
                agreement=0.9,
                reason=(
                    "8-bit weights per channel leave 30 to 45 dB on networks that take to it, collapses are "
                    "below 15 dB; 27 dB is a cosine of 0.999"
                ),
            ),
        ),
        Precision(
            "int8",
            "8-bit integers throughout; a quarter of the size and the fastest on most phones",
            Tolerance(
                absolute=1e-6,
                relative=0.0,
                snr_db=20.0,
                agreement=0.9,
                reason=(
                    "8-bit weights and activations leave 25 to 40 dB on networks that take to it, collapses "
                    "are below 15 dB; 20 dB is noise of a tenth of the signal"
                ),
            ),
            calibrated=True,
        ),
        Precision(
            "int16x8",
            "16-bit activations, 8-bit weights; for networks that int8 is too coarse for",
            Tolerance(
                absolute=1e-6,
                relative=0.0,
                snr_db=27.0,
                agreement=0.9,
                reason=(
                    "16-bit activations add next to nothing to the noise of 8-bit weights, 30 to 45 dB; "
                    "27 dB is a cosine of 0.999"
                ),
            ),
            calibrated=True,
        ),
    )
}
"""All known precisions by name."""


def tolerance_for(precision: str, gates: Gates) -> Tolerance:
    """Give what the judge allows an artifact: its precision's tolerance under the user's gates."""
    allowed = PRECISIONS[precision].tolerance
    if gates.min_snr is not None and allowed.snr_db is not None:
        allowed = replace(allowed, snr_db=gates.min_snr, reason="the user's --min-snr")
    return replace(
        allowed,
        agreement=max(allowed.agreement, gates.min_agreement or 0.0),
        top_agreement=gates.min_agreement,
        accuracy_drop=gates.max_accuracy_drop,
    )
