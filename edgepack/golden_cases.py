"""Making golden cases from a model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from edgepack.bundle.manifest import GoldenCase
from edgepack.golden import GoldenSet
from edgepack.golden_files import write_arrays
from edgepack.model import ModelSpec
from edgepack.options import GoldenOptions
from edgepack.processing.binding import bind_postprocess, bind_preprocess
from edgepack.processing.steps import Preprocess, Processing
from edgepack.sources.base import LoadedModel, ModelInfo

if TYPE_CHECKING:
    from edgepack.compare import Array


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
    # Not at the top: a build names this job and leaves it, and numpy with it, to a worker.
    from edgepack.golden_checks import check_degenerate, check_stable_specs
    from edgepack.golden_inputs import undeclared_ranges

    wanted = wanted or Processing()
    preprocess = bind_preprocess(wanted.preprocess, [one.tensor for one in model.inputs])
    feeds, pictures = _choose_inputs(model, options, preprocess)
    names = [one.tensor.name for one in model.inputs]
    results = [model([feed[name] for name in names]) for feed in feeds]
    random = _check_deterministic(model, [feeds[0][name] for name in names], results[0])
    outputs = check_stable_specs(results)
    warnings = (*random, *check_degenerate(results, allowed=options.allow_degenerate))
    if not options.files:
        warnings += undeclared_ranges(model.inputs)
    spec = ModelSpec(tuple(one.tensor for one in model.inputs), outputs)
    cases = tuple(
        _write_case(folder, f"golden/{index}", *parts)
        for index, parts in enumerate(zip(feeds, results, pictures, strict=True))
    )
    processing = Processing(preprocess, bind_postprocess(wanted.postprocess, outputs))
    info = ModelInfo(model.framework, spec, model.digest(), tuple(model.warnings), processing)
    return info, GoldenSet(folder, spec, cases, preprocess, warnings, processing.postprocess)


def _check_deterministic(
    model: LoadedModel, inputs: Sequence[Array], outputs: Mapping[str, Array]
) -> tuple[str, ...]:
    """Make sure that a model's outputs follow from its inputs alone, and say where that cannot be told."""
    from edgepack.golden_checks import check_random, check_repeatable, check_stateless

    check_repeatable(outputs, model(inputs), model.suspects)
    if fresh := model.first_run:
        check_stateless(fresh.outputs, model(fresh.inputs), model.suspects)
    return check_random(partial(model, inputs), outputs, model.random_parts())


def _choose_inputs(
    model: LoadedModel, options: GoldenOptions, preprocess: Sequence[Preprocess]
) -> tuple[list[dict[str, Array]], list[dict[str, bytes]]]:
    """Give each case's inputs, and the pictures that they were made from, both by name."""
    from edgepack.golden_inputs import draw_inputs
    from edgepack.golden_pictures import read_user_cases

    if options.files:
        return read_user_cases(options.files, model.inputs, preprocess)
    feeds = draw_inputs(model.inputs, options.cases, options.seed)
    return feeds, [{} for _ in feeds]


def _write_case(
    root: Path,
    folder: str,
    feed: Mapping[str, Array],
    result: Mapping[str, Array],
    pictures: Mapping[str, bytes],
) -> GoldenCase:
    from edgepack.golden_pictures import write_pictures

    return GoldenCase(
        write_arrays(root, f"{folder}/inputs", feed),
        write_arrays(root, f"{folder}/outputs", result),
        write_pictures(root, f"{folder}/raw", pictures),
    )
