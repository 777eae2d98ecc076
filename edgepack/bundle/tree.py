"""What lies in a bundle's folder, looked at without following anything that leads out of it."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

from edgepack.errors import BundleError


def regular_files(root: Path) -> dict[str, int]:
    """Give every file's path, relative and with forward slashes, and its size in bytes.

    Raises:
        BundleError: There is a symbolic link or another thing that is no plain file, or a folder cannot be
            read; the message names it.
    """
    try:
        return dict(_walk(root, ""))
    except OSError as error:
        raise BundleError(
            f"cannot read the bundle: {error.filename!r}: {error.strerror}",
            hint="check the permissions of its folders",
        ) from error


def _walk(folder: Path, prefix: str) -> Iterator[tuple[str, int]]:
    with os.scandir(folder) as entries:
        for entry in sorted(entries, key=lambda entry: entry.name):
            path = prefix + entry.name
            if entry.is_symlink():
                raise BundleError(
                    f"the bundle holds a symbolic link: {path!r}",
                    hint="a link may lead out of the bundle: put the file itself in its place",
                )
            if entry.is_dir(follow_symlinks=False):
                yield from _walk(Path(entry.path), f"{path}/")
                continue
            status = entry.stat(follow_symlinks=False)
            if not stat.S_ISREG(status.st_mode):
                raise BundleError(
                    f"the bundle holds something that is no plain file: {path!r}", hint="remove it"
                )
            yield path, status.st_size
