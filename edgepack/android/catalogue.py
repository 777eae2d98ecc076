"""Gradle's version catalogues, https://docs.gradle.org/current/userguide/version_catalogs.html."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from edgepack.android.versions import Version, plain, rich
from edgepack.errors import SourceError


@dataclass(frozen=True, slots=True)
class Entry:
    """A library of a catalogue.

    Attributes:
        module: "group:artifact".
        version: Its release, or why that cannot be told.
        where: The file and the alias.
    """

    module: str
    version: Version
    where: str


@dataclass(frozen=True, slots=True)
class Catalogue:
    """A version catalogue.

    Attributes:
        name: What build files call it, most often "libs".
        entries: Its libraries by accessor: the alias with dots for "-" and "_".
        bundles: Accessor to the accessors of what is in it.
        versions: By accessor.
    """

    name: str
    entries: Mapping[str, Entry]
    bundles: Mapping[str, tuple[str, ...]]
    versions: Mapping[str, Version]

    def find(self, accessor: str) -> tuple[Entry, ...]:
        """Give what a build file means by an accessor, such as "tensorflow.lite" or "bundles.ml"."""
        names = self.bundles.get(accessor.removeprefix("bundles."), ()) if "bundles." in accessor else ()
        return tuple(self.entries[name] for name in (*names, accessor) if name in self.entries)


def read_catalogue(path: Path, shown: str) -> Catalogue:
    """Read a catalogue.

    Args:
        path: Of a file that ends in .versions.toml.
        shown: What to call it.

    Raises:
        SourceError: It cannot be read.
    """
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SourceError(f"cannot read {shown}: {error}", hint="check the file") from error
    versions = {alias: rich(value) for alias, value in _table(document, "versions").items()}
    libraries = _table(document, "libraries")
    entries = {accessor(alias): _entry(value, versions, shown, alias) for alias, value in libraries.items()}
    return Catalogue(
        name=path.name.removesuffix(".versions.toml"),
        entries={name: entry for name, entry in entries.items() if entry},
        bundles={
            accessor(alias): tuple(accessor(str(one)) for one in names)
            for alias, names in _table(document, "bundles").items()
            if isinstance(names, list)
        },
        versions={accessor(alias): version for alias, version in versions.items()},
    )


def accessor(alias: str) -> str:
    """Give the name by which build files call an alias."""
    return re.sub(r"[-_.]", ".", alias)


def _table(document: Mapping[str, object], name: str) -> Mapping[str, object]:
    table = document.get(name)
    return table if isinstance(table, dict) else {}


def _entry(value: object, versions: Mapping[str, Version], shown: str, alias: str) -> Entry | None:
    where = f"{shown}: {alias}"
    if isinstance(value, str):
        group, _, rest = value.partition(":")
        name, _, version = rest.partition(":")
        return Entry(f"{group}:{name}", plain(version), where)
    if not isinstance(value, dict):
        return None
    module = value.get("module") or f"{value.get('group')}:{value.get('name')}"
    return Entry(str(module), _version(value.get("version"), versions), where)


def _version(value: object, versions: Mapping[str, Version]) -> Version:
    if isinstance(value, dict) and "ref" in value:
        missing = Version(fault=f"[versions] has no {value['ref']!r}")
        return versions.get(str(value["ref"]), missing)
    return rich(value)
