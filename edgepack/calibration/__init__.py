"""Calibration data: representative inputs, from which quantisers learn the ranges of a model's tensors.

It is never made up: without data from the user there is none, and golden inputs serve only when asked for.
"""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path

from edgepack.calibration import arrays, generator, golden_inputs, pictures
from edgepack.calibration.base import CalibrationKind, CalibrationRequest
from edgepack.errors import SourceError
from edgepack.golden import GoldenSet
from edgepack.model import ModelSpec
from edgepack.options import BuildOptions
from edgepack.samples import Samples, write_samples
from edgepack.suggest import did_you_mean

KINDS: tuple[CalibrationKind, ...] = (golden_inputs.KIND, generator.KIND, pictures.KIND, arrays.KIND)
"""All kinds; a text belongs to the first that recognises it."""

FEW = 16
"""Below this many samples the report warns: the measured ranges then leave out much of what inputs can do."""


def find_calibration(source: str) -> CalibrationKind:
    """Tell what kind of calibration data a text names, without reading anything.

    Raises:
        SourceError: No kind recognises it, or there is no such file.
    """
    kind = next((kind for kind in KINDS if kind.recognises(source)), None)
    path = Path(source)
    if kind is None or (kind is arrays.KIND and not path.is_file()):
        near = [one.name for one in path.parent.iterdir()] if path.parent.is_dir() else []
        raise SourceError(
            f"no such calibration data: {source}",
            hint=f"{did_you_mean(path.name, [golden_inputs.NAME, *near])} give an .npz or .npy, a folder of "
            "pictures, file.py:attr, or golden".strip(),
        )
    return kind


def open_calibration(options: BuildOptions, model: ModelSpec, golden: GoldenSet) -> Samples | None:
    """Job: read the calibration data that the user named, check all of it, and put it into the workspace.

    Args:
        options: `options.calibration` names the data and how much of it is wanted.
        model: The inputs that every sample must have.
        golden: Its root is the workspace; its contract turns pictures into inputs.

    Returns:
        The samples, on disk, which any process can read; None when the user named no data.

    Raises:
        SourceError: The data cannot be read, or is not what the model takes.
        ToolError: Pillow, which pictures need, is not installed.
    """
    wanted = options.calibration
    if wanted.source is None:
        return None
    kind = find_calibration(wanted.source)
    place = Path(tempfile.mkdtemp(prefix="calibration-", dir=golden.root))
    with tempfile.TemporaryDirectory(dir=place) as scratch:
        request = CalibrationRequest(wanted.source, wanted.limit, model, golden, Path(scratch))
        found = write_samples(
            place / "samples", model.inputs, kind.read(request), fewer="lower --calibration-limit"
        )
    warnings = [f"calibration data: {warning}" for warning in found.warnings]
    if found.count < FEW:
        warnings.append(
            f"calibration data: {found.count} samples are few, and quantised files may clip what others "
            "hold; some 100 typical ones are better"
        )
    return replace(found, warnings=tuple(warnings))


__all__ = ["FEW", "KINDS", "Samples", "find_calibration", "open_calibration"]
