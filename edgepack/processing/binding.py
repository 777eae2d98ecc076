"""Bringing a contract and a model together: which tensor it is for, and whether it leads there."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from math import prod

from edgepack.errors import SourceError, UsageError
from edgepack.model import TensorSpec
from edgepack.processing.extents import Extent, final_extent
from edgepack.processing.parsing import parse_postprocess, parse_preprocess
from edgepack.processing.steps import (
    LARGEST_BLOCK,
    LAYOUTS,
    Bgr,
    BlockSum,
    Grayscale,
    Labels,
    Layout,
    Mean,
    Postprocess,
    Preprocess,
    Processing,
    Stage,
    Std,
)
from edgepack.suggest import choices


def declared_processing(module: object) -> Processing:
    """Give the contract that a model states in its attributes, for its only input and output.

    Args:
        module: May have `edgepack_preprocess` and `edgepack_postprocess`, texts as on the command line, and
            `edgepack_labels`, the names of the classes.

    Raises:
        SourceError: An attribute is of another kind, or its text cannot be read.
    """
    before = _texts(module, "edgepack_preprocess", parse_preprocess)
    after = _texts(module, "edgepack_postprocess", parse_postprocess)
    names = getattr(module, "edgepack_labels", ())
    if not isinstance(names, list | tuple) or not all(isinstance(one, str) for one in names):
        raise SourceError(
            "edgepack_labels of the model is not a tuple of texts",
            hint='for example edgepack_labels = ("cat", "dog")',
        )
    if names:
        steps = after[0].steps if after else ()
        after = (replace(after[0] if after else Postprocess("", ()), steps=(*steps, Labels(tuple(names)))),)
    return Processing(before, after)


def bind_preprocess(contracts: Sequence[Preprocess], inputs: Sequence[TensorSpec]) -> tuple[Preprocess, ...]:
    """Name the input of each contract, and say which layout it ends in.

    Raises:
        SourceError: There is no such input, or the steps do not lead to its shape and dtype.
    """
    bound = []
    for contract, spec in _matched([one.input for one in contracts], contracts, inputs, "input"):
        _check_sums(contract)
        extent, channels = final_extent(contract), _final_channels(contract)
        steps = contract.steps
        if not any(isinstance(step, Layout) for step in steps):
            steps = (*steps, _find_layout(extent, channels, spec))
        _check_dtype(contract, spec)
        _check_shape(steps, extent, channels, spec)
        bound.append(Preprocess(spec.name, steps))
    return tuple(bound)


def bind_postprocess(
    contracts: Sequence[Postprocess], outputs: Sequence[TensorSpec]
) -> tuple[Postprocess, ...]:
    """Name the output of each contract.

    Raises:
        SourceError: There is no such output, it has another number of classes than there are labels, or a
            step is repeated.
    """
    bound = []
    for contract, spec in _matched([one.output for one in contracts], contracts, outputs, "output"):
        for op in {step.op for step in contract.steps}:
            if sum(step.op == op for step in contract.steps) > 1:
                raise SourceError(f"step {op!r} is given twice for output {spec}", hint="give it once")
        for step in contract.steps:
            if isinstance(step, Labels) and spec.shape[-1:] != (len(step.names),):
                raise SourceError(
                    f"there are {len(step.names)} labels, and output {spec} has another last axis"
                )
        if "float" not in spec.dtype and any(not isinstance(step, Labels) for step in contract.steps):
            raise SourceError(f"softmax is for floats, and output {spec} has none")
        bound.append(Postprocess(spec.name, contract.steps))
    return tuple(bound)


def contract_of_only_input(
    contracts: Sequence[Preprocess], inputs: Sequence[TensorSpec]
) -> tuple[TensorSpec, Preprocess]:
    """Give the one input that a picture can be for, and its contract, which was bound.

    Raises:
        SourceError: There are several inputs, or no contract.
    """
    if len(inputs) != 1:
        raise SourceError(
            f"a picture alone is no sample: the model has {len(inputs)} inputs",
            hint="give an .npz with an array for every input",
        )
    for contract in contracts:
        if contract.input == inputs[0].name:
            return inputs[0], contract
    raise SourceError(
        f"nothing says how a picture becomes {inputs[0]}",
        hint='for example --preprocess "resize 256, crop 224, scale 1/255", or the model\'s attribute '
        "edgepack_preprocess",
    )


def _texts[T](module: object, attribute: str, parse: Callable[[str], T]) -> tuple[T, ...]:
    text = getattr(module, attribute, ())
    texts = (text,) if isinstance(text, str) else text
    if not isinstance(texts, list | tuple) or not all(isinstance(one, str) for one in texts):
        raise SourceError(f"{attribute} of the model is neither a text nor a tuple of texts")
    try:
        return tuple(parse(one) for one in texts)
    except UsageError as error:
        raise SourceError(f"{attribute} of the model: {error.message}", error.hint) from error


def _matched[T](
    names: Sequence[str], contracts: Sequence[T], specs: Sequence[TensorSpec], kind: str
) -> list[tuple[T, TensorSpec]]:
    known = {spec.name: spec for spec in specs}
    found: dict[str, tuple[T, TensorSpec]] = {}
    for given, contract in zip(names, contracts, strict=True):
        name = given or (specs[0].name if len(specs) == 1 else "")
        if not name:
            raise SourceError(
                f"the model has {len(specs)} {kind}s, and the processing does not say which it is for",
                hint=f"write its name and a colon before the steps: {', '.join(known)}",
            )
        if name not in known:
            raise SourceError(
                f"processing for {kind} {name!r}: the model has none", hint=choices(name, known)
            )
        if name in found:
            raise SourceError(f"processing for {kind} {name!r} is given twice")
        found[name] = contract, known[name]
    return list(found.values())


def _final_channels(contract: Preprocess) -> int:
    """Give the number of channels that any picture ends with."""
    channels = 3
    for step in contract.steps:
        match step:
            case Grayscale() | Bgr() if channels == 1:
                raise SourceError(f"step {step.op!r} comes after 'grayscale', which leaves one channel")
            case Grayscale():
                channels = 1
            case Mean(values) | Std(values) if len(values) not in (1, channels):
                raise SourceError(f"step {step.op!r} has {len(values)} values for {channels} channels")
    return channels


def _fits(order: str, extent: Extent, channels: int, shape: tuple[int, ...]) -> bool:
    axes = dict(zip(order, shape, strict=False))
    return (
        len(order) == len(shape)
        and axes.get("n", 1) == 1
        and axes["c"] == channels
        and extent.allows(axes["h"], axes["w"])
    )


def _find_layout(extent: Extent, channels: int, spec: TensorSpec) -> Layout:
    possible = [order for order in LAYOUTS if _fits(order, extent, channels, spec.shape)]
    if len(possible) == 1:
        return Layout(possible[0])
    if possible:
        raise SourceError(
            f"input {spec} could be {' or '.join(possible)}", hint=f"end with: layout {possible[0]}"
        )
    raise _misfit(extent, channels, spec)


def _check_shape(steps: Sequence[object], extent: Extent, channels: int, spec: TensorSpec) -> None:
    layout = steps[-1]
    assert isinstance(layout, Layout)
    if not _fits(layout.order, extent, channels, spec.shape):
        raise _misfit(extent, channels, spec)


def _misfit(extent: Extent, channels: int, spec: TensorSpec) -> SourceError:
    return SourceError(
        f"the preprocessing gives {extent} with {channels} channel{'s' * (channels > 1)}, "
        f"and the input is {spec}",
        hint="resize or crop to its height and width; grayscale gives one channel",
    )


def _check_sums(contract: Preprocess) -> None:
    side = prod(step.block for step in contract.steps if isinstance(step, BlockSum))
    if side > LARGEST_BLOCK:
        most = f"{LARGEST_BLOCK}x{LARGEST_BLOCK}"
        raise SourceError(f"blocksum adds up {side}x{side} pixels; {most} are the most")


def _check_dtype(contract: Preprocess, spec: TensorSpec) -> None:
    fractions = any(step.stage == Stage.NUMBERS for step in contract.steps)
    kind = "fractions" if fractions else "whole numbers"
    # Without scale, mean or std the values are whole numbers from 0 up, 255 at most unless blocks are summed.
    counted = any(isinstance(step, BlockSum) for step in contract.steps)
    allowed = ("float32", "float64", "float16")
    whole = ("int32", "int64") if counted else ("uint8", "int16", "int32", "int64")
    if spec.dtype not in allowed and (fractions or spec.dtype not in whole):
        raise SourceError(
            f"the preprocessing gives {kind}, and the input is {spec}",
            hint="leave scale, mean and std to the model" if fractions else "",
        )
