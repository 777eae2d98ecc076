"""What can be wrong with a file of numpy's that a user gives."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from edgepack.errors import SourceError
from edgepack.suggest import did_you_mean


@contextmanager
def reading_arrays(path: Path) -> Iterator[None]:
    """Explain what goes wrong while an .npz or .npy is read.

    Args:
        path: What is read inside.

    Raises:
        SourceError: The file is missing, damaged, or holds pickled objects.
    """
    if not path.is_file():
        near = did_you_mean(path.name, [one.name for one in path.parent.glob("*.np[yz]")])
        raise SourceError(f"no such file: {path}", hint=near)
    try:
        yield
    except (ValueError, OSError, EOFError, KeyError, zipfile.BadZipFile, zlib.error) as error:
        # numpy words it in two ways, for a file that it reads and for one that it maps.
        if "Object arrays" in str(error) or "Python objects" in str(error):
            raise SourceError(
                f"{path} holds an array of Python objects, and reading it would run code",
                hint="write arrays of numbers: .astype('float32')",
            ) from error
        # What numpy does not know it takes for a pickle, and tells how to load it all the same.
        known = "pickle" not in str(error)
        raise SourceError(
            f"{path} is not an .npz or .npy file, or is damaged" + (f": {error}" if known else ""),
            hint="write it with numpy.save(file, array) or numpy.savez(file, name=array)",
        ) from error
