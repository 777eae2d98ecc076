"""What to say when calibration data drives a model out of what floats can hold."""

from __future__ import annotations

from edgepack.errors import ConversionError


def overflow(where: str) -> ConversionError:
    """Give the error for activations of which no range can be told.

    Args:
        where: Which activations: a tensor's name, or a sample's number.
    """
    return ConversionError(
        f"activations overflow on the calibration data: {where}, so they have no range to quantise",
        hint="give calibration data in the range that the app will feed, "
        "prepared as the model's training data was",
    )
