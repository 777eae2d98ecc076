"""What the JVM tests run on: bundles of the sample models, and test data that no model was trained on."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from project import ROOT

from edgepack.errors import ConversionError, VerificationFailed
from edgepack.events import Listener, step

_SAMPLES = ROOT / "sample_models"
_BUNDLES = {
    "two_headed": ("two_headed", ("--calibration", "golden")),
    "sequence": ("sequence", ("--calibration", "golden")),
    "pictured": ("digits", ("--format", "tflite", "--name", "pictured")),
}
"""Several inputs and outputs, integers, and recurrence, in every precision; digits with golden pictures."""
_STROKES = {"1": ((60, 15), (60, 150)), "7": ((130, 100), (210, 100), (160, 210))}
"""Of the golden pictures: the points that a pen goes through."""


def sample_bundles(folder: Path, emit: Listener) -> Path:
    """Build the bundles that are not embedded in the app, or find them built; give their folder.

    Raises:
        ConversionError: One cannot be built; edgepack has said why.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for name, (sample, options) in _BUNDLES.items():
        with step(emit, f"build the bundle {name}"):
            pictures = _draw(folder) if name == "pictured" else ()
            golden = [word for picture in pictures for word in ("--golden", str(picture))]
            _build(sample, folder / name, (*options, *golden))
    return folder


def held_back(work: Path) -> Path:
    """Write the digits that no model was trained on as bytes: 64 grey values from 0 to 16, and the digit."""
    import numpy as np

    with np.load(_SAMPLES / "digits" / "test_data.npz") as data:
        grey = np.rint(data["image"].reshape(-1, 64) * 16).astype(np.uint8)
        rows = np.concatenate([grey, data["label"].astype(np.uint8)[:, None]], axis=1)
    path = work / "held_back.bin"
    path.write_bytes(rows.tobytes())
    return path


def judge(bundle: Path, report: Path) -> None:
    """Let edgepack judge the outputs in a self-test's report.

    Raises:
        VerificationFailed: They are not what the model computes, or the report is no report.
    """
    command = [
        *(sys.executable, "-m", "edgepack", "verify", str(bundle), "--runner", "device"),
        *("--device-report", str(report), "--quiet"),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise VerificationFailed(f"edgepack does not accept {report}", hint=done.stdout + done.stderr)


def _draw(folder: Path) -> Sequence[Path]:
    """Draw digits with dark blue ink on paper that is not quite white, neither in the middle."""
    from PIL import Image, ImageDraw

    for digit, points in _STROKES.items():
        picture = Image.new("RGB", (240, 220), (250, 245, 235))
        ImageDraw.Draw(picture).line(points, fill=(20, 20, 60), width=18)
        picture.save(folder / f"{digit}.png")
    return [folder / f"{digit}.png" for digit in _STROKES]


def _build(name: str, output: Path, options: Sequence[str]) -> None:
    command = [
        *(sys.executable, "-m", "edgepack", "build", f"{_SAMPLES / name / 'model.py'}:{name}"),
        *("--target", "android", *options, "--output", str(output), "--quiet"),
    ]
    if subprocess.run(command, stdout=subprocess.DEVNULL, check=False).returncode:
        raise ConversionError(f"the bundle {name} could not be built", hint="see above")
