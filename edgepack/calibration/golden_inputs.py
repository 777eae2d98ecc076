"""The golden cases' own inputs, for whoever asks for them: they are few, and random unless given."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from edgepack.calibration.base import CalibrationRequest

if TYPE_CHECKING:
    from edgepack.samples import Row

NAME = "golden"


class GoldenInputs:
    """The word "golden"."""

    def recognises(self, source: str) -> bool:
        """Whether it is that word; see `CalibrationKind`."""
        return source == NAME

    def fingerprint(self, source: str) -> str:
        """Give the word: what decides the golden cases is counted by itself; see `CalibrationKind`."""
        return source

    def read(self, request: CalibrationRequest) -> Iterator[Row]:
        """Give the inputs of one case after another; see `CalibrationKind`."""
        from edgepack.golden_files import load_case

        for index in range(min(request.limit, len(request.golden.cases))):
            yield f"golden case {index}", load_case(request.golden, index)[0]


KIND = GoldenInputs()
