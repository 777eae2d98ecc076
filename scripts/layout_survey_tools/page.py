"""Writes docs/operators.md from the figures that scripts/layout_survey keeps."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

PAGE = Path(__file__).resolve().parents[2] / "docs" / "operators.md"
_WAYS = ("quick", "edgepack", "tf_converter")

_INTRODUCTION = """\
# Operators of torchvision's classifiers

Written by `scripts/layout_survey`; do not edit. Measured with onnx2tf {onnx2tf}, tensorflow {tensorflow} and
torchvision {torchvision}; weights and statistics are random, inputs [1, 3, 224, 224], or as large as a
network asks for.

On a phone every operator costs a pass through memory, and a TRANSPOSE does nothing else; on a GPU it may
end the delegated part. onnx2tf's quick converter, which edgepack uses first, leaves many in some networks.
edgepack takes them out of the finished file (`edgepack/backends/tflite/finish`). The last column is
onnx2tf's way through TensorFlow, `tf_converter`, which needs half a minute to half an hour a network: it was
asked for one network of each family, and where edgepack leaves a TRANSPOSE.

These are all but vit_h_14 and regnet_y_128gf, whose weights alone are more than the 2 GiB that a .tflite
file can hold. Each cell: operators, how many of them are TRANSPOSE, and seconds of processor time: the
median of three conversions that took turns, or one where that takes more than 3 s. Files are counted here
and not run.
"""
_HEAD = """\
| network | onnx2tf's quick converter | edgepack | tf_converter |
|---|--:|--:|--:|
"""

type Figures = Mapping[str, Mapping[str, Any]]


def write_page(kept: Mapping[str, Figures]) -> None:
    """Write what was found, the table, and below it why a converter failed.

    Args:
        kept: Per network and way: `operators`, `transposes` and `seconds`, or `failed`.
    """
    text = _INTRODUCTION.format(**{name: version(name) for name in ("onnx2tf", "tensorflow", "torchvision")})
    rows = [
        f"| {name} | {' | '.join(_cell(found.get(way)) for way in _WAYS)} |"
        for name, found in sorted(kept.items())
    ]
    failures = [
        f"- {name}, {way}: {one['failed'][:200]}"
        for name, found in sorted(kept.items())
        for way, one in sorted(found.items())
        if "failed" in one
    ]
    parts = [text, _conclusions(kept), _HEAD + "\n".join(rows) + "\n"]
    if failures:
        parts.append("What failed:\n\n" + "\n".join(failures) + "\n")
    PAGE.write_text("\n".join(parts))


def _conclusions(kept: Mapping[str, Figures]) -> str:
    """Say in words what the table holds, the worst network of each kind by name."""
    made = [name for name in kept if _made(kept[name], "edgepack")]
    clean = [name for name in made if kept[name]["edgepack"]["transposes"] == 0]
    lines = [f"- {len(made)} of {len(kept)} networks convert, {len(clean)} of them with no TRANSPOSE at all."]
    for way, figure, words in (
        ("tf_converter", "transposes", "more TRANSPOSEs than tf_converter's, where that works"),
        ("quick", "operators", "more operators than the quick converter's, where that works"),
    ):
        pairs = [name for name in made if _made(kept[name], way)]
        worse = [name for name in pairs if kept[name]["edgepack"][figure] > kept[name][way][figure]]
        lines.append(f"- Files with {words}: {', '.join(worse) or 'none'} (of {len(pairs)}).")
    ratios = {
        name: kept[name]["edgepack"]["seconds"] / kept[name]["quick"]["seconds"]
        for name in made
        if _made(kept[name], "quick") and "seconds" in kept[name]["quick"]
    }
    slowest = max(ratios, key=lambda name: ratios[name])
    lines.append(
        f"- edgepack's conversion takes at most {ratios[slowest]:.2f} times the quick converter's time "
        f"({slowest}),\n  in the median {sorted(ratios.values())[len(ratios) // 2]:.2f} times. It saves the "
        "float16 file that the converter writes on its own."
    )
    return "\n".join(lines) + "\n"


def _made(found: Figures, way: str) -> bool:
    return way in found and "failed" not in found[way]


def _cell(one: Mapping[str, Any] | None) -> str:
    if one is None:
        return ""
    if "failed" in one:
        return "fails"
    seconds = f"; {one['seconds']:.1f} s" if "seconds" in one else ""
    return f"{one['operators']}, {one['transposes']}{seconds}"
