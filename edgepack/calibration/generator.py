"""Python code that gives samples: "file.py:attr" or "package.module:attr"."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import islice
from typing import TYPE_CHECKING, Any

from edgepack.calibration.base import CalibrationRequest
from edgepack.errors import EdgepackError, SourceError
from edgepack.sources.paths import split_target

if TYPE_CHECKING:
    from edgepack.samples import Row

_FORM = "name an iterable of arrays or dicts, or a function of no arguments that gives one"
_SKIP = "mend that sample, or leave it out, in the code; samples are counted from 0"


class Generator:
    """An iterable of arrays or of dicts of arrays by name, or a callable without arguments that gives one."""

    def recognises(self, source: str) -> bool:
        """Whether the text has the form of a target; see `CalibrationKind`."""
        return split_target(source) is not None

    def fingerprint(self, source: str) -> None:
        """Give None: what Python code gives is known only once it has run."""

    def read(self, request: CalibrationRequest) -> Iterator[Row]:
        """Give the first samples that the code gives; see `CalibrationKind`."""
        from edgepack.sources.python import imported
        from edgepack.sources.texts import evidence, summarise

        index = 0
        with imported(request.source) as found:
            try:
                samples = iter(found() if callable(found) else found)
                for sample in islice(samples, request.limit):
                    yield f"{request.source}, sample {index}", _arrays(sample, request)
                    index += 1
            except EdgepackError:
                raise
            except Exception as error:
                what = f"failed at sample {index}" if index else "gave no samples"
                raise SourceError(
                    f"{request.source} {what}: {summarise(error)}",
                    hint=_SKIP if index else _FORM,
                    details=evidence(error),
                ) from error


KIND = Generator()


def _arrays(sample: Any, request: CalibrationRequest) -> dict[str, Any]:
    import numpy as np

    if isinstance(sample, Mapping):
        return {str(name): np.asarray(array) for name, array in sample.items()}
    if len(request.model.inputs) != 1:
        raise SourceError(
            f"{request.source} gives arrays, and the model has {len(request.model.inputs)} inputs",
            hint="give a dict with an array for every input",
        )
    return {request.model.inputs[0].name: np.asarray(sample)}
