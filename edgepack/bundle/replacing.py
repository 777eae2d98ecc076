"""Putting something new in a place by one rename, so that it is there whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from edgepack.bundle.disk import remove, sibling, sync_folder, write_error


@contextmanager
def replacing(output: Path) -> Iterator[Path]:
    """Give a name beside the output to make something new at; the end of the block moves it into place.

    What is at the output until then is removed. If anything goes wrong, it stays as it is, and nothing of the
    new is left behind.

    Args:
        output: Absolute and free of symbolic links; the folders above it are made.

    Raises:
        UsageError: The disk is full, or does not allow it.
    """
    fresh = sibling(output, "tmp")
    with _parents(output), _cleaned_up(fresh, output):
        yield fresh
        _move_into_place(fresh, output)


@contextmanager
def _parents(output: Path) -> Iterator[None]:
    """Make the folders above the output, and take away those that were made if it comes to nothing."""
    made: list[Path] = []
    try:
        for folder in reversed(output.parents):
            if not folder.is_dir():
                folder.mkdir()
                made.append(folder)
        yield
    except BaseException as error:
        for folder in reversed(made):
            remove(folder)
        if isinstance(error, OSError):
            raise write_error(error, output) from error
        raise


@contextmanager
def _cleaned_up(fresh: Path, output: Path) -> Iterator[None]:
    try:
        yield
    except BaseException:
        remove(fresh)
        raise
    sync_folder(output.parent)


def _move_into_place(fresh: Path, output: Path) -> None:
    if not os.path.lexists(output):
        fresh.rename(output)
        return
    aside = sibling(output, "old")
    try:
        output.rename(aside)
        fresh.rename(output)
    except BaseException:
        if not os.path.lexists(output):
            aside.rename(output)
        raise
    remove(aside)
