"""A folder of pictures, for a model with one input and a preprocessing contract."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from edgepack.calibration.base import CalibrationRequest
from edgepack.errors import SourceError
from edgepack.files import digest_of_folder
from edgepack.processing.pictures import SUFFIXES, is_picture, list_pictures, picture_input

if TYPE_CHECKING:
    from edgepack.samples import Row


class PictureFolder:
    """Pictures of any size, also in folders within the folder."""

    def recognises(self, source: str) -> bool:
        """Whether it is a folder; see `CalibrationKind`."""
        return Path(source).is_dir()

    def fingerprint(self, source: str) -> str:
        """Give a digest of all pictures and their names; see `CalibrationKind`."""
        return digest_of_folder(Path(source), is_picture)

    def read(self, request: CalibrationRequest) -> Iterator[Row]:
        """Give pictures evenly spaced over the sorted paths, as inputs; see `CalibrationKind`."""
        from edgepack.processing.binding import contract_of_only_input
        from edgepack.samples import spread

        spec, contract = contract_of_only_input(request.golden.preprocess, request.model.inputs)
        folder = Path(request.source)
        paths = list_pictures(folder)
        if not paths:
            raise SourceError(f"{folder} holds no pictures", hint=f"they end in {', '.join(SUFFIXES)}")
        for index in spread(len(paths), request.limit):
            yield str(paths[index]), {spec.name: picture_input(paths[index], contract, spec)}


KIND = PictureFolder()
