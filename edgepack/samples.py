"""Samples of a model's inputs on disk: written once, checked as they are written, then read one at a time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from edgepack.model import TensorSpec

if TYPE_CHECKING:
    from edgepack.compare import Array


@dataclass(frozen=True, slots=True)
class Samples:
    """Complete sets of inputs, in a build's workspace; can be pickled and opened in any process.

    Attributes:
        folder: Holds one file per input, `0.bin`, …: the samples one after another, as raw bytes.
        specs: The model's inputs, in order.
        count: How many samples there are.
        sha256: Of all of it, in hexadecimal.
        warnings: What makes them poor data, for the report.
    """

    folder: Path
    specs: tuple[TensorSpec, ...]
    count: int
    sha256: str
    warnings: tuple[str, ...] = ()

    def samples(self) -> Iterator[dict[str, Array]]:
        """Give one sample after another: an array of the source's shape and dtype for every input.

        The files are mapped, never read whole; the arrays are the caller's own and may be written to.
        """
        import numpy as np

        stacks = {
            spec.name: np.memmap(
                self.folder / f"{index}.bin", spec.dtype, "r", shape=(self.count, *spec.shape)
            )
            for index, spec in enumerate(self.specs)
        }
        for index in range(self.count):
            yield {name: np.array(stack[index]) for name, stack in stacks.items()}

    def digest(self) -> str:
        """Sha256 over names, dtypes, shapes and values: equal exactly when the samples are."""
        return self.sha256
