"""Reads an app's Gradle project: its catalogues, build files and properties."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from edgepack.android.app import App
from edgepack.android.catalogue import read_catalogue
from edgepack.android.gradle_source import merge_variables, read_source, strip_comments
from edgepack.errors import SourceError

_SKIPPED = frozenset(("build", "node_modules", "buildSrc"))
"""Folders without build files of the app's own, besides hidden ones."""
_SETTINGS = ("settings.gradle", "settings.gradle.kts")


def read_project(path: Path, *, required: bool) -> App:
    """Read what a project, or one module of it, says of runtimes, machines and assets.

    Args:
        path: The folder of the project or the module. The project's own files are read as well for a module.
        required: Whether there must be Gradle files.

    Raises:
        SourceError: There are no Gradle files, or one cannot be read.
    """
    root = _root(path)
    files = list(dict.fromkeys((*_build_files(path), *_own(root))))
    if required and not files:
        raise SourceError(
            f"{path} has no Gradle files",
            hint="give the folder of the app's project, an .apk, or its runtimes with --runtime",
        )
    codes = {file: strip_comments(_text(file)) for file in files}
    catalogues = [
        read_catalogue(file, _shown(file, root)) for file in sorted(root.glob("gradle/*.versions.toml"))
    ]
    variables = merge_variables(list(codes.values()), _properties(root / "gradle.properties"))
    found = [read_source(code, _shown(file, root), catalogues, variables) for file, code in codes.items()]
    return App(
        path=path,
        pins=tuple(dict.fromkeys(pin for one in found for pin in one.pins)),
        unclear=tuple(dict.fromkeys(line for one in found for line in one.unclear)),
        abis=tuple(dict.fromkeys(abi for one in found for abi in one.abis)),
        source_sets=tuple(folder.parent for folder in _asset_folders(path)),
        stored=frozenset(suffix for one in found for suffix in one.stored),
    )


def _root(path: Path) -> Path:
    """Give the project's folder: the nearest one with settings, or the module's own where there is none."""
    for folder in (path, *path.resolve().parents):
        if any((folder / name).is_file() for name in _SETTINGS):
            return folder
    return path


def _build_files(path: Path) -> Iterator[Path]:
    for folder, folders, names in os.walk(path):
        folders[:] = sorted(name for name in folders if name not in _SKIPPED and not name.startswith("."))
        yield from (Path(folder, name) for name in sorted(names) if name.endswith((".gradle", ".gradle.kts")))


def _own(root: Path) -> list[Path]:
    # Gradle keeps its cache in a folder that is called .gradle.
    return sorted(one for one in (*root.glob("*.gradle"), *root.glob("*.gradle.kts")) if one.is_file())


def _asset_folders(path: Path) -> list[Path]:
    return sorted((*path.glob("src/*/assets"), *path.glob("*/src/*/assets")))


def _properties(path: Path) -> dict[str, str]:
    """Read a file of "name=value" lines; other forms of Java's properties are rare in Gradle's."""
    if not path.is_file():
        return {}
    pairs = (line.partition("=") for line in _text(path).splitlines() if not line.lstrip().startswith("#"))
    return {name.strip(): value.strip() for name, equals, value in pairs if equals}


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SourceError(
            f"cannot read {path}: {error}", hint="check the file and its permissions"
        ) from error


def _shown(path: Path, root: Path) -> str:
    resolved = path.resolve()
    return (
        resolved.relative_to(root.resolve()).as_posix()
        if resolved.is_relative_to(root.resolve())
        else str(path)
    )
