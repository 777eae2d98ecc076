"""What was found out about an artifact, as data: what the judge says and what reports show, without numpy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf

from edgepack.precision import Tolerance


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


@dataclass(frozen=True, slots=True)
class Answers:
    """How often an artifact's top answer was right, and how often it was the source model's.

    Attributes:
        labelled: Whether the samples were labelled data; golden cases if not.
        samples: How many there were.
        agreement: Share of them, 0 to 1, whose top answer is the source model's.
        accuracy: Share whose top answer is the label; None without labels.
        reference: The source model's accuracy on the same samples; None without labels.
    """

    labelled: bool
    samples: int
    agreement: float
    accuracy: float | None = None
    reference: float | None = None

    @property
    def change(self) -> float | None:
        """Accuracy against the source model's, in points; negative where the artifact is worse."""
        if self.accuracy is None or self.reference is None:
            return None
        return 100 * (self.accuracy - self.reference)

    def shortfall(self, allowed: Tolerance) -> str:
        """Say what the answers lack, or nothing."""
        data = "labelled samples" if self.labelled else "golden cases"
        wanted, drop, change = allowed.top_agreement, allowed.accuracy_drop, self.change
        if wanted is not None and self.agreement < wanted:
            return (
                f"the top answer is the model's in {self.agreement:.1%} of {self.samples} {data}, "
                f"at least {wanted:.1%} is asked for"
            )
        # A share of samples times 100 is rarely exact.
        if drop is not None and change is not None and -change > drop + 1e-9:
            return (
                f"accuracy falls by {-change:.2f} points to {self.accuracy:.1%} on {self.samples} {data}, "
                f"{drop:g} are allowed"
            )
        return ""


_ROUNDED_STEPS = 1.5  # steps are whole numbers, but for the rounding of float32
_ROUNDED_SHARE = 0.01
_FLOAT_RELATIVE = 1e-4


@dataclass(frozen=True, slots=True)
class Difference:
    """How far the outputs of one place are from those of another, over all golden cases.

    Attributes:
        values: How many were compared.
        different: How many of them are not equal.
        largest: The largest distance, in the outputs' own unit.
        relative: The same as a share of the largest value.
        steps: The same in steps of a quantised output, the real value of one integer; None where nothing
            differs or outputs are not quantised.
    """

    values: int
    different: int
    largest: float
    relative: float = 0.0
    steps: float | None = None

    @property
    def usual(self) -> bool:
        """Whether two right runtimes may differ so.

        Integers may be rounded otherwise now and then: one step in at most a hundredth of the values, where
        two in a thousand were measured on MobileNetV2. Other outputs may differ by what float32 is allowed.
        """
        if self.steps is not None:
            return self.steps < _ROUNDED_STEPS and self.different <= _ROUNDED_SHARE * self.values
        return self.relative <= _FLOAT_RELATIVE


@dataclass(frozen=True, slots=True)
class Latency:
    """How long one inference takes, over many.

    Attributes:
        median_ms: In milliseconds.
        p90_ms: What nine of ten stayed within, in milliseconds.
        runs: How many there were.
    """

    median_ms: float
    p90_ms: float
    runs: int


INPUT = "INPUT"
"""The operator of a `LayerError` for what a file takes."""


@dataclass(frozen=True, slots=True)
class LayerError:
    """How far one layer of a quantised file is from the same layer of the float32 file, on golden inputs.

    Attributes:
        name: Of the layer's first output tensor, as both files have it.
        operator: What the layer is; `INPUT` for an input of the file.
        snr_db: Signal-to-noise ratio of that tensor in decibels; infinite when equal.
        lost: Share of the signal, 0 to 1 on the average over channels, that is lost in this layer: what its
            inputs had lost already does not count.
    """

    name: str
    operator: str
    snr_db: float
    lost: float


def worst_layers(layers: Sequence[LayerError], count: int) -> tuple[LayerError, ...]:
    """Give the layers that lose the most of their signal, the worst first."""
    return tuple(sorted(layers, key=lambda layer: -layer.lost)[:count])
