"""Golden cases: inputs and reference outputs, kept as raw files in the source's layout."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from edgepack.bundle.manifest import GoldenCase
from edgepack.model import ModelSpec
from edgepack.processing.steps import Postprocess, Preprocess


@dataclass(frozen=True, slots=True)
class GoldenSet:
    """Golden cases on disk.

    Attributes:
        root: The folder that the cases' paths are relative to: the bundle, or a build's workspace.
        model: Dtypes and shapes of the tensors.
        cases: In order.
        preprocess: What turns the cases' raw pictures into inputs.
        warnings: What the references cannot prove, for the report.
        postprocess: What turns outputs into answers.
    """

    root: Path
    model: ModelSpec
    cases: tuple[GoldenCase, ...]
    preprocess: tuple[Preprocess, ...] = ()
    warnings: tuple[str, ...] = ()
    postprocess: tuple[Postprocess, ...] = ()
