"""Folders of pictures, one for each class, as labelled data."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from edgepack.errors import SourceError
from edgepack.golden import GoldenSet
from edgepack.model import TensorSpec
from edgepack.processing.binding import contract_of_only_input
from edgepack.processing.pictures import SUFFIXES, is_picture, list_pictures, picture_input
from edgepack.processing.steps import Labels
from edgepack.suggest import choices

if TYPE_CHECKING:
    from edgepack.samples import Row


def open_class_folders(
    folder: Path, output: TensorSpec, golden: GoldenSet
) -> tuple[tuple[int, ...], Iterator[Row]]:
    """Give the class of every picture, and the inputs made of them one by one, both in the same order.

    A folder is called as its class in the model's labels, or by the class's index. Where the model names no
    classes and there are as many folders, they are its classes in the order of their names, as for
    torchvision.datasets.ImageFolder.

    Args:
        folder: Holds the folders.
        output: The output whose largest value is the answer.
        golden: Has the contracts of pictures and answers.

    Raises:
        SourceError: A folder stands for no class, a picture lies in no folder, or there are none.
    """
    spec, contract = contract_of_only_input(golden.preprocess, golden.model.inputs)
    stray = next((path for path in sorted(folder.iterdir()) if is_picture(path) and path.is_file()), None)
    if stray is not None:
        raise SourceError(
            f"{stray} lies in no folder of a class", hint=f"put it into {folder / 'CLASS' / stray.name}"
        )
    pictures = {one.name: list_pictures(one) for one in sorted(folder.iterdir()) if one.is_dir()}
    pictures = {name: paths for name, paths in pictures.items() if paths}
    if not pictures:
        raise SourceError(
            f"{folder} holds no folders of pictures",
            hint=f"one for each class; they end in {', '.join(SUFFIXES)}",
        )
    indices = _class_indices(folder, list(pictures), output, _class_names(output, golden))
    labels = tuple(index for index, paths in zip(indices, pictures.values(), strict=True) for _ in paths)
    rows = (
        (str(path), {spec.name: picture_input(path, contract, spec)})
        for paths in pictures.values()
        for path in paths
    )
    return labels, rows


def _class_names(output: TensorSpec, golden: GoldenSet) -> tuple[str, ...]:
    steps = (step for one in golden.postprocess if one.output == output.name for step in one.steps)
    return next((step.names for step in steps if isinstance(step, Labels)), ())


def _class_indices(
    folder: Path, found: Sequence[str], output: TensorSpec, names: Sequence[str]
) -> Sequence[int]:
    unknown = [name for name in found if name not in names]
    if not unknown:
        twice = next((name for name in found if names.count(name) > 1), None)
        if twice is not None:
            raise SourceError(
                f"{folder / twice}: the model has several classes of that name",
                hint="call folders by indices",
            )
        return [names.index(name) for name in found]
    if all(name.isdecimal() for name in found):
        return [int(name) for name in found]
    if names:
        raise SourceError(f"{folder / unknown[0]}: the model has no such class", choices(unknown[0], names))
    if len(found) != output.elements:
        raise SourceError(
            f"{folder} holds {len(found)} folders of pictures, and {output} has {output.elements} classes",
            hint='name the classes, in order: --postprocess "labels names.txt"',
        )
    return range(len(found))
