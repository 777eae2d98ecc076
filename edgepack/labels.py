"""Labelled data: inputs with their right answers, to tell a model's accuracy."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from edgepack.golden import GoldenSet
from edgepack.model import ModelSpec
from edgepack.options import BuildOptions
from edgepack.samples import Samples

if TYPE_CHECKING:
    from edgepack.compare import Array


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

    def samples(self) -> Iterator[dict[str, Array]]:
        """Give one sample after another; see `Samples.samples`."""
        return self.inputs.samples()

    def digest(self) -> str:
        """Sha256 over inputs, labels and the output's name."""
        raise NotImplementedError


def open_labels(options: BuildOptions, model: ModelSpec, golden: GoldenSet) -> LabelledData | None:
    """Job: read the labelled data that the user named, check all of it, and put it into the workspace."""
    raise NotImplementedError


def accuracy(outputs: Iterable[Array], labels: Sequence[int]) -> float:
    """Give the share of outputs, from 0 to 1, whose largest value is where the label says."""
    raise NotImplementedError


def agreement(first: Iterable[Array], second: Iterable[Array]) -> float:
    """Give the share of cases, from 0 to 1, in which two runs give the same answer."""
    raise NotImplementedError
