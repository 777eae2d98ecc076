"""The steps of pre- and postprocessing, and exactly what each computes.

Preprocessing starts from the upright picture's pixels: uint8[height, width, 3], red, green, blue, none
of them transparent. Each step takes the array that the one before gives. `arithmetic` carries them out.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import ClassVar

METHODS = ("nearest", "bilinear", "bicubic")
LAYOUTS = ("nchw", "nhwc", "chw", "hwc")
LARGEST_BLOCK = 256
"""255 * 256 * 256 is below 2^24, up to which float32 holds all whole numbers: apps may compute in it."""


class Stage(IntEnum):
    """What a step works on; the stages of a contract follow each other in this order."""

    PIXELS = 0
    COUNTS = 1
    NUMBERS = 2
    LAYOUT = 3


@dataclass(frozen=True, slots=True)
class Resize:
    """Resample with Pillow's arithmetic, in whole numbers, and so with the same result everywhere.

    Columns first, then rows, each only if its size changes and rounded by itself. (Pillow 13 turns the order
    around where the height shrinks much more than the width.) An axis of n pixels becomes one of m so, with
    r = n / m, f = max(1, r) if antialiasing, else 1, and output pixel i centred at c = (i + 0.5) * r:

        first = max(0, trunc(c - s * f + 0.5)),  end = min(n, trunc(c + s * f + 0.5))
        w[j]  = filter((j + first - c + 0.5) * (1 / f))  for j in 0 .. end - first - 1, in float64
        k[j]  = trunc(w[j] / sum(w) * 2^22 + 0.5 * sign(w[j])), the sum from left to right
        out   = clamp((2^21 + sum(k[j] * in[first + j])) >> 22, 0, 255)

    bilinear: s = 1, filter(x) = max(0, 1 - |x|). bicubic: s = 2, Keys' cubic with a = -0.5.
    nearest takes pixel (2 i + 1) n div 2 m.

    Attributes:
        size: Height and width; or one number for the shorter side, the longer then being
            number * longer div shorter, as in torchvision.
        method: One of `METHODS`.
        antialias: Widen the filter where the picture shrinks, as Pillow and torchvision do and most phones
            do not.
    """

    op: ClassVar[str] = "resize"
    stage: ClassVar[Stage] = Stage.PIXELS
    usage: ClassVar[str] = "resize N | HxW [nearest|bilinear|bicubic] [antialias|no-antialias]"
    size: tuple[int, ...]
    method: str = "bilinear"
    antialias: bool = True


@dataclass(frozen=True, slots=True)
class Crop:
    """Keep the middle, as torchvision's CenterCrop: from row rint((height - size[0]) / 2), halves to even.

    Attributes:
        size: Height and width.
    """

    op: ClassVar[str] = "crop"
    stage: ClassVar[Stage] = Stage.PIXELS
    usage: ClassVar[str] = "crop N | HxW"
    size: tuple[int, int]


@dataclass(frozen=True, slots=True)
class Grayscale:
    """Luma by ITU-R 601-2 as Pillow computes it: (19595 R + 38470 G + 7471 B + 32768) >> 16, one channel."""

    op: ClassVar[str] = "grayscale"
    stage: ClassVar[Stage] = Stage.PIXELS
    usage: ClassVar[str] = "grayscale"


@dataclass(frozen=True, slots=True)
class Bgr:
    """Turn the channels around: blue, green, red."""

    op: ClassVar[str] = "bgr"
    stage: ClassVar[Stage] = Stage.PIXELS
    usage: ClassVar[str] = "bgr"


@dataclass(frozen=True, slots=True)
class Invert:
    """255 - v: dark ink on light paper becomes bright ink on black."""

    op: ClassVar[str] = "invert"
    stage: ClassVar[Stage] = Stage.PIXELS
    usage: ClassVar[str] = "invert"


@dataclass(frozen=True, slots=True)
class Centre:
    """Put what is bright into the middle of a black square, as large as it is; all in whole numbers.

    The box is the smallest rectangle that holds every pixel with a channel of at least `level`; the whole
    picture where there is none. The square's side is l + 2 (l * margin div 100), l being the longer of the
    box's height and width. The box's pixels start at row rint((side - height) / 2), halves to even, and so
    for columns; all others are 0. Resized afterwards, it looks alike wherever, and however large, it was
    drawn.

    Attributes:
        level: 1 to 255.
        margin: What stays free on either side of the longer one, as whole percent of it; 0 to 100.
    """

    op: ClassVar[str] = "centre"
    stage: ClassVar[Stage] = Stage.PIXELS
    usage: ClassVar[str] = "centre LEVEL [margin PERCENT]"
    level: int
    margin: int = 0


@dataclass(frozen=True, slots=True)
class Threshold:
    """1 where v >= level, else 0.

    Attributes:
        level: 1 to 255.
    """

    op: ClassVar[str] = "threshold"
    stage: ClassVar[Stage] = Stage.COUNTS
    usage: ClassVar[str] = "threshold LEVEL"
    level: int


@dataclass(frozen=True, slots=True)
class BlockSum:
    """Add up each block x block square; height and width must be multiples of it.

    Attributes:
        block: The square's side in pixels, `LARGEST_BLOCK` at most in all steps of a contract together.
    """

    op: ClassVar[str] = "blocksum"
    stage: ClassVar[Stage] = Stage.COUNTS
    usage: ClassVar[str] = "blocksum N"
    block: int


@dataclass(frozen=True, slots=True)
class Scale:
    """(v * multiply) / divide; from here on every operation is one IEEE float32 operation, rounded once.

    Attributes:
        multiply: "scale 1/255" has 1 here,
        divide: and 255 here: v / 255 and v * (1 / 255) differ in the last bit.
    """

    op: ClassVar[str] = "scale"
    stage: ClassVar[Stage] = Stage.NUMBERS
    usage: ClassVar[str] = "scale A | A/B"
    multiply: float
    divide: float = 1.0


@dataclass(frozen=True, slots=True)
class Mean:
    """v - values[channel], in float32.

    Attributes:
        values: One for all channels, or one each.
    """

    op: ClassVar[str] = "mean"
    stage: ClassVar[Stage] = Stage.NUMBERS
    usage: ClassVar[str] = "mean M | M M M"
    values: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Std:
    """v / values[channel], in float32.

    Attributes:
        values: One for all channels, or one each; none is 0.
    """

    op: ClassVar[str] = "std"
    stage: ClassVar[Stage] = Stage.NUMBERS
    usage: ClassVar[str] = "std S | S S S"
    values: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Layout:
    """Arrange the axes; n is a first axis of size 1. Always the last step; told from the input if left out.

    Attributes:
        order: One of `LAYOUTS`.
    """

    op: ClassVar[str] = "layout"
    stage: ClassVar[Stage] = Stage.LAYOUT
    usage: ClassVar[str] = "layout nchw|nhwc|chw|hwc"
    order: str


@dataclass(frozen=True, slots=True)
class Softmax:
    """exp(v - max) / sum(exp(v - max)) along the last axis, in float64, rounded to the output's dtype."""

    op: ClassVar[str] = "softmax"
    usage: ClassVar[str] = "softmax"


@dataclass(frozen=True, slots=True)
class Labels:
    """Names of what the last axis holds, in order; the largest value is the answer, the first of equals.

    Attributes:
        names: As many as the last axis is long.
    """

    op: ClassVar[str] = "labels"
    usage: ClassVar[str] = "labels FILE.txt (a name on each line)"
    names: tuple[str, ...]


type PreStep = (
    Resize | Crop | Grayscale | Bgr | Invert | Centre | Threshold | BlockSum | Scale | Mean | Std | Layout
)
type PostStep = Softmax | Labels

PRE_STEPS: dict[str, type[PreStep]] = {
    step.op: step
    for step in (Resize, Crop, Grayscale, Bgr, Invert, Centre, Threshold, BlockSum, Scale, Mean, Std, Layout)
}
POST_STEPS: dict[str, type[PostStep]] = {step.op: step for step in (Softmax, Labels)}


@dataclass(frozen=True, slots=True)
class Preprocess:
    """What turns a picture into one of a model's inputs.

    Attributes:
        input: Its name; empty, before `binding.bind_preprocess`, for the model's only one.
        steps: In order.
    """

    input: str
    steps: tuple[PreStep, ...]


@dataclass(frozen=True, slots=True)
class Postprocess:
    """What turns one of a model's outputs into an answer.

    Attributes:
        output: Its name; empty, before `binding.bind_postprocess`, for the model's only one.
        steps: In order.
    """

    output: str
    steps: tuple[PostStep, ...]


@dataclass(frozen=True, slots=True)
class Processing:
    """A model's whole contract: at most one entry per input and per output."""

    preprocess: tuple[Preprocess, ...] = ()
    postprocess: tuple[Postprocess, ...] = ()
