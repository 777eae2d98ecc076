"""Labelled data: inputs with their right answers, to tell a model's accuracy."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from edgepack.errors import SourceError, UsageError
from edgepack.golden import GoldenSet
from edgepack.model import ModelSpec, TensorSpec
from edgepack.options import BuildOptions
from edgepack.samples import Row, Samples, write_samples
from edgepack.suggest import choices

if TYPE_CHECKING:
    from edgepack.compare import Array

LABEL = "label"
"""The name of the labels' array, as data sets have it."""


@dataclass(frozen=True, slots=True)
class LabelledData:
    """Samples with a label each; can be pickled and opened in any process.

    Attributes:
        inputs: The samples, on disk.
        output: The output whose largest value is the answer.
        labels: One per sample, each an index into that output's classes.
    """

    inputs: Samples
    output: str
    labels: tuple[int, ...]

    @property
    def count(self) -> int:
        """How many samples there are."""
        return self.inputs.count

    @property
    def warnings(self) -> tuple[str, ...]:
        """What makes them poor data, for the report."""
        constant = len(set(self.labels)) == 1
        warnings = [f"labelled data: {warning}" for warning in self.inputs.warnings]
        return (*warnings, *(("labelled data: all labels are the same",) if constant else ()))

    def samples(self) -> Iterator[dict[str, Array]]:
        """Give one sample after another; see `Samples.samples`."""
        return self.inputs.samples()

    def digest(self) -> str:
        """Sha256 over inputs, labels and the output's name."""
        text = f"{self.inputs.digest()} {self.output} {self.labels}"
        return hashlib.sha256(text.encode()).hexdigest()


def open_labels(options: BuildOptions, model: ModelSpec, golden: GoldenSet) -> LabelledData | None:
    """Job: read the labelled data that the user named, check all of it, and put it into the workspace.

    Args:
        options: `options.labels` names an .npz with one stack of samples per input, as for calibration, and
            the whole numbers `label`, [N] or [N, 1]; or a folder with a folder of pictures for each class.
        model: The inputs that every sample must have, and the outputs one of which gives the answer.
        golden: Its root is the workspace; it has the contracts of pictures and answers.

    Raises:
        SourceError: The file cannot be read, or does not fit the model.
        UsageError: The model has several outputs and none is named, or not the one that is.
        ToolError: Pillow, which pictures need, is not installed.
    """
    if options.labels.file is None:
        return None
    output = _class_output(model, options.labels.output)
    place = Path(tempfile.mkdtemp(prefix="labels-", dir=golden.root))
    with tempfile.TemporaryDirectory(dir=place) as scratch:
        labels, rows = _open(options.labels.file, output, golden, Path(scratch))
        inputs = write_samples(place / "samples", model.inputs, rows)
    return LabelledData(inputs, output.name, labels)


def top_answer(output: Array) -> int:
    """Give the index of the largest value; of several, the first. NaN is no value."""
    import numpy as np

    values = np.asarray(output).ravel()
    if values.dtype.kind == "f" and np.isnan(values).any():
        return -1
    return int(values.argmax())


def _class_output(model: ModelSpec, name: str | None) -> TensorSpec:
    outputs = {spec.name: spec for spec in model.outputs}
    if name is None and len(outputs) > 1:
        raise UsageError(
            f"the model has {len(outputs)} outputs, and labels belong to one",
            hint=f"use --labels-output: {', '.join(outputs)}",
        )
    name = name or model.outputs[0].name
    if name not in outputs:
        raise UsageError(f"--labels-output: the model has no output {name!r}", hint=choices(name, outputs))
    spec = outputs[name]
    if not spec.shape or spec.elements != spec.shape[-1] or spec.elements < 2:
        raise SourceError(
            f"output {spec} does not hold one value for each class",
            hint="labels are for classifiers, whose output is [classes] or [1, classes]",
        )
    return spec


def _open(
    path: Path, output: TensorSpec, golden: GoldenSet, scratch: Path
) -> tuple[tuple[int, ...], Iterator[Row]]:
    """Give the labels, checked, and the samples, which are read one by one."""
    if path.is_dir():
        from edgepack.labelled_pictures import open_class_folders

        labels, rows = open_class_folders(path, output, golden)
    else:
        from edgepack.stacks import open_stacks

        stacks = dict(open_stacks(path, scratch))
        labels = _pop_labels(path, stacks, golden.model)
        rows = _rows(path, stacks, len(labels))
    for index, label in enumerate(labels):
        if not 0 <= label < output.elements:
            raise SourceError(
                f"{path}: label {label} of sample {index} is none of the classes of output {output.name!r}",
                hint=f"they count from 0 to {output.elements - 1}",
            )
    return labels, rows


def _pop_labels(path: Path, stacks: dict[str, Array], model: ModelSpec) -> tuple[int, ...]:
    if LABEL in {spec.name for spec in model.inputs}:
        raise SourceError(f"an input of the model is called {LABEL!r}, and so is the array of labels")
    if LABEL not in stacks:
        raise SourceError(
            f"{path} has no array {LABEL!r}", hint="numpy.savez(file, input=samples, label=labels)"
        )
    array = stacks.pop(LABEL)
    if array.dtype.kind not in "iu" or array.size != len(array):
        raise SourceError(
            f"{path}: {LABEL!r} is {array.dtype}{list(array.shape)}, not one whole number per sample",
            hint="give class indices, not names or one-hot rows",
        )
    return tuple(int(label) for label in array.ravel())


def _rows(path: Path, stacks: dict[str, Array], count: int) -> Iterator[Row]:
    for index in range(count):
        yield f"{path}, sample {index}", {name: stack[index] for name, stack in stacks.items()}
