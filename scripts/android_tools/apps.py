"""The APKs that the JVM tests run in: without code, which is on the class path."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

from packaging import Contents, pack
from staging import Staged

from edgepack.android.gradle_lines import suffixes


def pack_app(staged: Staged, apk: Path, *, compressed: bool = False) -> Path:
    """Pack resources and assets as the build does, or with models that are compressed by mistake."""
    stored = () if compressed else suffixes(staged.manifest)
    contents = Contents(staged.resources, (), staged.assets, stored, (), ())
    pack(contents, apk)
    return apk


def damaged_app(staged: Staged, work: Path) -> Path:
    """Pack an app in which one byte of every artifact is another."""
    assets = work / "damaged_assets"
    shutil.copytree(staged.assets, assets)
    for artifact in assets.glob("edgepack/*/artifacts/*"):
        content = bytearray(artifact.read_bytes())
        content[len(content) // 2] ^= 1
        artifact.write_bytes(content)
    return pack_app(replace(staged, assets=assets), work / "damaged.apk")
