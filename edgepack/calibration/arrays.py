"""Stacked arrays: an .npz with one array per input, or a lone .npy for a model with one input."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from edgepack.calibration.base import CalibrationRequest
from edgepack.errors import SourceError
from edgepack.files import sha256_of

if TYPE_CHECKING:
    from edgepack.samples import Row


class StackedArrays:
    """[N, *input shape] each, or [N, *input shape without its first axis] where that has size 1."""

    def recognises(self, source: str) -> bool:
        """Whether the suffix is .npz or .npy; see `CalibrationKind`."""
        return Path(source).suffix.lower() in {".npz", ".npy"}

    def fingerprint(self, source: str) -> str:
        """Give the file's digest; see `CalibrationKind`."""
        return sha256_of(Path(source))

    def read(self, request: CalibrationRequest) -> Iterator[Row]:
        """Give samples evenly spaced over the file; see `CalibrationKind`."""
        from edgepack.samples import spread
        from edgepack.stacks import open_stacks

        path = Path(request.source)
        stacks = dict(open_stacks(path, request.scratch))
        if "" in stacks:
            if len(request.model.inputs) != 1:
                raise SourceError(
                    f"{path} holds one array, and the model has {len(request.model.inputs)} inputs",
                    hint="write an .npz with one array per input: numpy.savez(file, name=array, …)",
                )
            stacks = {request.model.inputs[0].name: stacks[""]}
        for index in spread(len(next(iter(stacks.values()))), request.limit):
            yield f"{path}, sample {index}", {name: stack[index] for name, stack in stacks.items()}


KIND = StackedArrays()
