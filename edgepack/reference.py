"""Loading the source and making its golden cases, in the worker that then holds the model."""

from __future__ import annotations

from pathlib import Path

from edgepack.golden_cases import make_golden
from edgepack.options import GoldenOptions
from edgepack.processing.steps import Processing
from edgepack.sources import load_model
from edgepack.sources.base import SourceRequest
from edgepack.workers import Kept


def load_reference(
    request: SourceRequest, folder: Path, options: GoldenOptions, processing: Processing | None = None
) -> Kept:
    """Setup of the model's worker: load, run the golden cases, and keep the model for the backends' jobs.

    Answers:
        ModelInfo and GoldenSet; the cases lie in `folder`.
    """
    model = load_model(request)
    said = processing or Processing()
    declared = model.declared_processing()
    wanted = Processing(said.preprocess or declared.preprocess, said.postprocess or declared.postprocess)
    return Kept(model, make_golden(model, folder, options, wanted))
