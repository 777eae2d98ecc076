"""What the JVM tests take from Maven Central beside the build's packages: Robolectric, JUnit, all they need.

`jvm_jars.txt` locks it: one file a line, by its Maven coordinates, sha256 and size in bytes.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from edgepack.runners.java import class_file
from edgepack.toolchain.downloads import Download, DownloadCache
from edgepack.toolchain.fetching import MavenSource

_LOCK = Path(__file__).with_name("jvm_jars.txt")
_SYSTEM = "android-all-instrumented"
"""Android's own classes as Robolectric runs them; it loads them itself, from a folder."""


@dataclass(frozen=True, slots=True)
class Robolectric:
    """Robolectric on disk.

    Attributes:
        classes: For the class path.
        systems: The folder that holds Android's classes.
    """

    classes: tuple[Path, ...]
    systems: Path


def fetch(cache: DownloadCache, work: Path) -> Robolectric:
    """Get all of it; what is in the cache already is only checked.

    Raises:
        ToolError: Something cannot be downloaded.
    """
    systems = work / "systems"
    systems.mkdir()
    classes = []
    for download in locked():
        path = cache.get(download)
        if path.name.startswith(_SYSTEM):
            (systems / path.name).symlink_to(path)
        else:
            classes.append(class_file(path, work))
    return Robolectric(tuple(classes), systems)


def locked() -> Iterator[Download]:
    """Give all files of the lock."""
    for line in _LOCK.read_text(encoding="ascii").splitlines():
        coordinates, sha256, size = line.split()
        group, artifact, release, packaging = (*coordinates.split(":"), "jar")[:4]
        source = MavenSource(group, artifact, release, packaging)
        yield Download(source, f"{artifact}-{release}.{packaging}", sha256, int(size))
