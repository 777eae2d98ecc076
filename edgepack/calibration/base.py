"""What a kind of calibration data must offer."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from edgepack.golden import GoldenSet
from edgepack.model import ModelSpec

if TYPE_CHECKING:
    from edgepack.samples import Row


@dataclass(frozen=True, slots=True)
class CalibrationRequest:
    """What the user asked for, and of which model.

    Attributes:
        source: As typed.
        limit: How many samples are wanted at most.
        model: Inputs and outputs.
        golden: The golden cases, and the contract that turns pictures into inputs.
        scratch: An empty folder.
    """

    source: str
    limit: int
    model: ModelSpec
    golden: GoldenSet
    scratch: Path


class CalibrationKind(Protocol):
    """One kind of calibration data; every method but `read` is quick and imports nothing heavy."""

    def recognises(self, source: str) -> bool:
        """Whether the text names data of this kind."""
        ...

    def fingerprint(self, source: str) -> str | None:
        """Sha256 over the files that alone decide the data, or None when code must run to know.

        Raises:
            OSError: A file cannot be read.
        """
        ...

    def read(self, request: CalibrationRequest) -> Iterator[Row]:
        """Give the samples one by one; called inside a worker.

        Raises:
            SourceError: The data cannot be read; the message names the file.
            ToolError: A package is missing; the hint names the extra.
        """
        ...
