"""Calibration data: representative inputs, from which quantisers learn the ranges of a model's tensors."""

from __future__ import annotations

from edgepack.golden import GoldenSet
from edgepack.model import ModelSpec
from edgepack.options import BuildOptions
from edgepack.samples import Samples

type Calibration = Samples


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
        MissingTool: Pillow, which pictures need, is not installed.
    """
    raise NotImplementedError
