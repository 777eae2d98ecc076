"""A small bundle, and the files it is made from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from bundle_parts import Parts, make_parts


@pytest.fixture
def parts(tmp_path) -> Parts:
    """The parts of one bundle."""
    return make_parts(tmp_path / "workspace")


@pytest.fixture
def other_parts(tmp_path) -> Parts:
    """The parts of a bundle of the same name with other content."""
    drawn = make_parts(tmp_path / "other-workspace", seed=1)
    return replace(drawn, manifest=replace(drawn.manifest, build_key="other"))


@pytest.fixture
def bundle_path(parts, tmp_path) -> Path:
    """A bundle on disk, in a folder of its own."""
    return parts.write(tmp_path / "out" / "tiny")


@pytest.fixture
def snapshot() -> Callable[[Path], dict[str, bytes]]:
    """Give every file below a folder, hidden ones too, with its content."""

    def take(folder: Path) -> dict[str, bytes]:
        return {
            path.relative_to(folder).as_posix(): path.read_bytes()
            for path in sorted(folder.rglob("*"))
            if path.is_file()
        }

    return take
