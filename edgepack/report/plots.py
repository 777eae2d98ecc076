"""The plots of a report, drawn by matplotlib as SVG that stands inside the page."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from math import isfinite
from typing import Any

from edgepack.report.model import ArtifactResult, Report
from edgepack.toolchain.packages import install_command

MODULES = ("matplotlib.figure", "matplotlib.backends.backend_svg")
_MISSING = f"matplotlib is not installed; {install_command('plots')} brings it."
_INK = "#010203"
"""A colour that nothing else has: it becomes the page's own, in light and in dark mode."""
_INKED = ("text.color", "axes.edgecolor", "axes.labelcolor", "xtick.color", "ytick.color")
_MOST_DECIBELS = 140.0
"""Equal tensors have an infinite ratio; equal float32 computations have about this."""
_INCHES = (8.0, 3.6)


@dataclass(frozen=True, slots=True)
class Plot:
    """One plot.

    Attributes:
        title: What it shows.
        svg: An <svg> element; empty when it could not be drawn.
        missing: Why not.
    """

    title: str
    svg: str = ""
    missing: str = ""


def can_draw() -> bool:
    """Whether matplotlib is installed."""
    return find_spec("matplotlib") is not None


def wanted_plots(report: Report) -> tuple[Plot, ...]:
    """Say which plots a report is worth, without drawing: of several sizes, of layers that were compared."""
    missing = "" if can_draw() else _MISSING
    titles = []
    if len({result.bytes for result in report.results}) > 1:
        titles.append(_SIZES)
    if any(result.layers for result in report.results):
        titles.append(_LAYERS)
    return tuple(Plot(title, missing=missing) for title in titles)


def draw_plots(report: Report, wanted: Sequence[Plot]) -> tuple[Plot, ...]:
    """Job: draw plots.

    Args:
        report: What to draw.
        wanted: From `wanted_plots`.
    """
    return tuple(Plot(plot.title, _draw(_DRAWN[plot.title], report)) for plot in wanted)


def _draw(drawing: Callable[[Report, Any], None], report: Report) -> str:
    from io import StringIO

    import matplotlib as mpl
    from matplotlib.figure import Figure

    style = {
        **dict.fromkeys(_INKED, _INK),
        "axes.spines.right": False,
        "axes.spines.top": False,
        "font.size": 10,
        # The same report gives the same page, in the reader's own font.
        "svg.hashsalt": drawing.__name__,
        "svg.fonttype": "none",
        "text.parse_math": False,
    }
    with mpl.rc_context(style):
        figure = Figure(figsize=_INCHES, layout="constrained")
        figure.patch.set_alpha(0)
        axes = figure.subplots()
        axes.patch.set_alpha(0)
        axes.grid(alpha=0.25)
        drawing(report, axes)
        text = StringIO()
        figure.savefig(text, format="svg", metadata={"Date": None})
    return _inlined(text.getvalue())


def _inlined(document: str) -> str:
    """Turn an SVG document into an element: no prolog, no metadata, no names that two plots would share."""
    svg = re.sub(r"<metadata>.*?</metadata>", "", document[document.index("<svg") :], flags=re.DOTALL)
    svg = re.sub(r' xmlns(:\w+)?="[^"]*"', "", svg)
    svg = re.sub(r'<g id="[^"]*"', "<g", svg)
    return svg.replace("xlink:href", "href").replace(_INK, "currentColor")


def _draw_sizes(report: Report, axes: Any) -> None:
    labelled = any(result.answers and result.answers.accuracy is not None for result in report.results)
    for result in _hosted(report):
        value = _accuracy(result) if labelled else _decibels(result.snr_db)
        if value is not None:
            axes.plot(result.bytes / 1e6, value, "o" if result.passed else "x", color="#3b82c4")
            axes.annotate(
                result.artifact_id, (result.bytes / 1e6, value), xytext=(5, 4), textcoords="offset points"
            )
    axes.set_xlabel("size, MB")
    axes.set_xlim(left=0)
    axes.set_ylabel("right answers on labelled data, %" if labelled else "signal-to-noise ratio, dB")
    axes.margins(x=0.18, y=0.15)


def _draw_layers(report: Report, axes: Any) -> None:
    for result in _hosted(report):
        if result.layers:
            axes.plot([_decibels(layer.snr_db) for layer in result.layers], label=result.artifact_id, lw=1.2)
    axes.set_xlabel("layer, in the order in which they run")
    axes.set_ylabel("signal-to-noise ratio, dB")
    axes.legend(frameon=False)


def _hosted(report: Report) -> list[ArtifactResult]:
    """Give one result per artifact: the same file is as large everywhere."""
    return list({result.artifact_id: result for result in reversed(report.results)}.values())[::-1]


def _accuracy(result: ArtifactResult) -> float | None:
    accuracy = result.answers.accuracy if result.answers else None
    return None if accuracy is None else 100 * accuracy


def _decibels(value: float) -> float:
    return max(-20.0, min(value, _MOST_DECIBELS)) if isfinite(value) or value > 0 else -20.0


_SIZES = "Size against what is left of the model"
_LAYERS = "Layer by layer against the float32 file"
_DRAWN: dict[str, Callable[[Report, Any], None]] = {_SIZES: _draw_sizes, _LAYERS: _draw_layers}
