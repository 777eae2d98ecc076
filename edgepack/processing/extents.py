"""Which sizes the steps of a contract can give, whatever the picture."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from edgepack.errors import SourceError
from edgepack.processing.steps import BlockSum, Centre, Crop, Preprocess, Resize


@dataclass(frozen=True, slots=True)
class Extent:
    """What is known of a picture's size.

    Attributes:
        size: Height and width, where the steps settle them.
        shorter: The shorter side, where they settle only that.
        square: Whether height and width are equal.
    """

    size: tuple[int, int] | None = None
    shorter: int | None = None
    square: bool = False

    @classmethod
    def settled(cls, height: int, width: int) -> Self:
        """Give the extent of pictures that all have one size."""
        return cls((height, width), min(height, width), height == width)

    def allows(self, height: int, width: int) -> bool:
        """Whether a picture could be of this size."""
        if self.size:
            return self.size == (height, width)
        return self.shorter in (None, min(height, width)) and not (self.square and height != width)

    def __str__(self) -> str:
        """Say it for a message: "24x24 pixels"."""
        if self.size:
            return f"{self.size[0]}x{self.size[1]} pixels"
        if self.shorter:
            return f"pictures with a shorter side of {self.shorter} pixels"
        return "square pictures" if self.square else "pictures"


def final_extent(contract: Preprocess) -> Extent:
    """Give what is known of every picture's size after all steps.

    Raises:
        SourceError: A step can be done with no picture.
    """
    extent = Extent()
    for step in contract.steps:
        match step:
            case Resize(size=(height, width)):
                extent = Extent.settled(height, width)
            case Resize(size=(shorter,)):
                extent = Extent.settled(shorter, shorter) if extent.square else Extent(shorter=shorter)
            case Centre():
                extent = Extent(square=True)
            case Crop(wanted):
                extent = _cropped(extent, wanted)
            case BlockSum(block):
                extent = _summed(extent, block)
    return extent


def _cropped(extent: Extent, wanted: tuple[int, int]) -> Extent:
    height, width = extent.size or (None, None)
    if (
        (height and wanted[0] > height)
        or (width and wanted[1] > width)
        or (extent.shorter and min(wanted) > extent.shorter)
    ):
        raise SourceError(
            f"crop {wanted[0]}x{wanted[1]} of {extent}", hint="resize to at least what is cropped"
        )
    return Extent.settled(*wanted)


def _summed(extent: Extent, block: int) -> Extent:
    sides = extent.size or ((extent.shorter,) if extent.shorter else ())
    if any(side % block for side in sides):
        raise SourceError(f"{extent} cannot be divided into blocks of {block}")
    if extent.size:
        return Extent.settled(extent.size[0] // block, extent.size[1] // block)
    return Extent(shorter=extent.shorter and extent.shorter // block, square=extent.square)
