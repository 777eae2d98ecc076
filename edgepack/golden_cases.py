"""Making golden cases from a model."""

from __future__ import annotations

from pathlib import Path

from edgepack.bundle.manifest import GoldenCase
from edgepack.golden import GoldenSet
from edgepack.golden_files import write_arrays
from edgepack.model import ModelSpec
from edgepack.options import GoldenOptions
from edgepack.processing.steps import Processing
from edgepack.sources.base import LoadedModel, ModelInfo


def make_golden(
    model: LoadedModel, folder: Path, options: GoldenOptions, wanted: Processing | None = None
) -> tuple[ModelInfo, GoldenSet]:
    """Job: run a model on its golden inputs, make sure that the outputs prove something, and write all of it.

    Args:
        model: In this very process.
        folder: Where `golden/` goes.
        options: Where the inputs come from, and what is accepted.
        wanted: What turns pictures into inputs and outputs into answers, said by the user or the model.

    Returns:
        What is known of the model, and the cases.

    Raises:
        SourceError: The inputs do not fit, or the model fails, is not deterministic, or proves nothing.
    """
    from edgepack.golden_checks import check_degenerate, check_repeatable, check_stable_specs
    from edgepack.golden_inputs import draw_inputs
    from edgepack.golden_pictures import read_user_cases, write_pictures
    from edgepack.processing.binding import bind_postprocess, bind_preprocess

    wanted = wanted or Processing()
    preprocess = bind_preprocess(wanted.preprocess, [one.tensor for one in model.inputs])
    pictures: list[dict[str, bytes]] = []
    if options.files:
        feeds, pictures = read_user_cases(options.files, model.inputs, preprocess)
    else:
        feeds = draw_inputs(model.inputs, options.cases, options.seed)
    names = [one.tensor.name for one in model.inputs]
    results = [model([feed[name] for name in names]) for feed in feeds]
    again = model([feeds[0][name] for name in names])
    check_repeatable(results[0], again, model.suspects)
    outputs = check_stable_specs(results)
    warnings = check_degenerate(results, allowed=options.allow_degenerate)
    spec = ModelSpec(tuple(one.tensor for one in model.inputs), outputs)
    cases = tuple(
        GoldenCase(
            write_arrays(folder, f"golden/{index}/inputs", feed),
            write_arrays(folder, f"golden/{index}/outputs", result),
            write_pictures(folder, f"golden/{index}/raw", pictures[index] if pictures else {}),
        )
        for index, (feed, result) in enumerate(zip(feeds, results, strict=True))
    )
    processing = Processing(preprocess, bind_postprocess(wanted.postprocess, outputs))
    info = ModelInfo(model.framework, spec, model.digest(), tuple(model.warnings), processing)
    return info, GoldenSet(folder, spec, cases, preprocess, warnings, processing.postprocess)
