"""Contracts as text, for people."""

from __future__ import annotations

from collections.abc import Iterable

from edgepack.processing.steps import (
    BlockSum,
    Centre,
    Crop,
    Labels,
    Layout,
    Mean,
    PostStep,
    PreStep,
    Resize,
    Scale,
    Std,
    Threshold,
)


def to_text(steps: Iterable[PreStep | PostStep]) -> str:
    """Write steps as `parsing` reads them; of labels only how many there are."""
    return ", ".join(" ".join([step.op, *_words(step)]) for step in steps)


def _words(step: PreStep | PostStep) -> list[str]:
    words: list[str] = []
    match step:
        case Resize(size, method, antialias):
            words = [_by(size), method]
            if method != "nearest":
                words.append("antialias" if antialias else "no-antialias")
        case Crop(size):
            words = [_by(size)]
        case Centre(level, margin):
            words = [str(level), *(("margin", str(margin)) if margin else ())]
        case Threshold(number) | BlockSum(number):
            words = [str(number)]
        case Scale(multiply, divide):
            words = [f"{multiply!r}/{divide!r}"]
        case Mean(values) | Std(values):
            words = [repr(value) for value in values]
        case Layout(order):
            words = [order]
        case Labels(names):
            words = [f"({len(names)} names)"]
        case _:
            pass
    return words


def _by(size: tuple[int, ...]) -> str:
    return "x".join(map(str, size))
