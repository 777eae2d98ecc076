"""Reading contracts from text: "resize 256, crop 224, scale 1/255, mean 0.485 0.456 0.406, std 0.229…"."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from math import isfinite
from pathlib import Path
from typing import Any

from edgepack.errors import UsageError
from edgepack.processing.steps import (
    LARGEST_BLOCK,
    LAYOUTS,
    METHODS,
    POST_STEPS,
    PRE_STEPS,
    Bgr,
    BlockSum,
    Centre,
    Crop,
    Grayscale,
    Invert,
    Labels,
    Layout,
    Mean,
    Postprocess,
    Preprocess,
    PreStep,
    Resize,
    Scale,
    Softmax,
    Std,
    Threshold,
)
from edgepack.suggest import choices

_TENSOR = re.compile(r"\s*(?P<name>[^:,\s]+)\s*:(?P<steps>.*)", re.DOTALL)
_LARGEST_SIDE = 1 << 16
_ANTIALIAS = {"antialias": True, "no-antialias": False}


def parse_preprocess(text: str) -> Preprocess:
    """Read a contract for one input.

    Args:
        text: Steps separated by commas, in the order of their stages (pixels, counts, numbers, layout);
            before them, optionally, the input's name and a colon. `edgepack.processing.steps` lists them.

    Raises:
        UsageError: A step is unknown, lacks something, or stands in the wrong place.
    """
    name, words = _split(text)
    steps = tuple(_step(one, PRE_STEPS, text) for one in words)
    _check_order(steps, text)
    return Preprocess(name, steps)


def parse_postprocess(text: str) -> Postprocess:
    """Read a contract for one output, likewise: "softmax, labels names.txt".

    Raises:
        UsageError: A step is unknown or lacks something, or a file of names cannot be read.
    """
    name, words = _split(text)
    return Postprocess(name, tuple(_step(one, POST_STEPS, text) for one in words))


def _split(text: str) -> tuple[str, list[str]]:
    match = _TENSOR.fullmatch(text)
    name, steps = (match["name"], match["steps"]) if match else ("", text)
    return name, [step.strip() for step in steps.split(",")]


def _step(text: str, known: Mapping[str, Any], whole: str) -> Any:
    op, *words = text.split() or [""]
    if op not in known:
        raise UsageError(f"unknown step {op!r} in {whole!r}", hint=choices(op, known))
    try:
        return _PARSERS[op](words)
    except ValueError as error:
        reason = f": {error}" if str(error) else ""
        raise UsageError(f"cannot read step {text!r}{reason}", hint=f"write {known[op].usage}") from None


def _check_order(steps: Sequence[PreStep], text: str) -> None:
    for before, after in pairwise(steps):
        if before.stage > after.stage:
            raise UsageError(
                f"step {after.op!r} cannot come after {before.op!r} in {text!r}",
                hint="first what moves pixels, then what counts them, then scale, mean and std, layout last",
            )
        if isinstance(before, Layout):
            raise UsageError(f"nothing can come after {before.op!r} in {text!r}")


def _alone(step: Callable[[], Any]) -> Callable[[Sequence[str]], Any]:
    def parse(words: Sequence[str]) -> Any:
        if words:
            raise ValueError("it takes nothing")
        return step()

    return parse


def _whole(word: str, low: int, high: int) -> int:
    if not re.fullmatch(r"[0-9]{1,6}", word) or not low <= int(word) <= high:
        raise ValueError(f"{word!r} is not a whole number from {low} to {high}")
    return int(word)


def _one_whole(words: Sequence[str], low: int, high: int) -> int:
    if len(words) != 1:
        raise ValueError("it takes one number")
    return _whole(words[0], low, high)


def _size(word: str) -> tuple[int, ...]:
    parts = word.lower().split("x")
    if len(parts) > 2:
        raise ValueError(f"{word!r} is no size")
    return tuple(_whole(part, 1, _LARGEST_SIDE) for part in parts)


def _resize(words: Sequence[str]) -> Resize:
    if not words:
        raise ValueError("it needs a size")
    method, antialias = "bilinear", None
    for word in words[1:]:
        if word in METHODS:
            method = word
        elif word in _ANTIALIAS:
            antialias = _ANTIALIAS[word]
        else:
            raise ValueError(f"unknown word {word!r}: {choices(word, (*METHODS, *_ANTIALIAS))}")
    if antialias and method == "nearest":
        raise ValueError("nearest takes single pixels, so there is nothing to antialias")
    return Resize(_size(words[0]), method, method != "nearest" if antialias is None else antialias)


def _crop(words: Sequence[str]) -> Crop:
    if len(words) != 1:
        raise ValueError("it takes one size")
    size = _size(words[0])
    return Crop((size[0], size[-1]))


def _centre(words: Sequence[str]) -> Centre:
    level, *rest = words or [""]
    if not rest:
        return Centre(_whole(level, 1, 255))
    if rest[0] != "margin" or len(rest) != 2:
        raise ValueError("it takes a level, and perhaps a margin")
    return Centre(_whole(level, 1, 255), _whole(rest[1].removesuffix("%"), 0, 100))


def _number(word: str) -> float:
    value = float(word)
    if not isfinite(value):
        raise ValueError(f"{word!r} is not finite")
    return value


def _numbers(words: Sequence[str]) -> tuple[float, ...]:
    if len(words) not in (1, 3):
        raise ValueError("it takes one number, or one for each of three channels")
    return tuple(map(_number, words))


def _nonzero(values: tuple[float, ...]) -> tuple[float, ...]:
    if 0 in values:
        raise ValueError("it divides, and one number is 0")
    return values


def _scale(words: Sequence[str]) -> Scale:
    multiply, slash, divide = "".join(words).partition("/")
    return Scale(*_nonzero((_number(multiply), _number(divide) if slash else 1.0)))


def _layout(words: Sequence[str]) -> Layout:
    if len(words) != 1 or words[0].lower() not in LAYOUTS:
        raise ValueError
    return Layout(words[0].lower())


def _labels(words: Sequence[str]) -> Labels:
    path = Path(" ".join(words))
    try:
        names = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"cannot read the file of label names {path}: {error}") from error
    return Labels(tuple(name.strip() for name in names if name.strip()))


_PARSERS: Mapping[str, Callable[[Sequence[str]], Any]] = {
    Resize.op: _resize,
    Crop.op: _crop,
    Grayscale.op: _alone(Grayscale),
    Bgr.op: _alone(Bgr),
    Invert.op: _alone(Invert),
    Centre.op: _centre,
    Threshold.op: lambda words: Threshold(_one_whole(words, 1, 255)),
    BlockSum.op: lambda words: BlockSum(_one_whole(words, 1, LARGEST_BLOCK)),
    Scale.op: _scale,
    Mean.op: lambda words: Mean(_numbers(words)),
    Std.op: lambda words: Std(_nonzero(_numbers(words))),
    Layout.op: _layout,
    Softmax.op: _alone(Softmax),
    Labels.op: _labels,
}
