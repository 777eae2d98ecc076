"""Getting a file from a public registry through the user's own Maven or pip set-up.

Addresses, mirrors, proxies and credentials are whatever the user has configured there; edgepack knows none.
"""

from __future__ import annotations

import importlib.util
import sys
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Protocol

from edgepack.errors import ToolError
from edgepack.toolchain.programs import MAVEN, call, find

_RESUMING_PIP = "25.1"
"""The first pip that can go on where a download was cut off."""


class Source(Protocol):
    """Where a file comes from."""

    def fetch(self, folder: Path, sha256: str) -> Path:
        """Download into an empty folder and give the file's path; the caller checks the digest.

        Raises:
            ToolError: The tool is not installed, or could not get the file.
        """
        ...

    def advice(self) -> str:
        """Say what to do when the file that came is not the one that was published."""
        ...


@dataclass(frozen=True, slots=True)
class MavenSource:
    """A file of a Maven repository.

    Attributes:
        group: For example "org.pytorch".
        artifact: For example "pytorch_android_lite".
        release: For example "1.12.2".
        packaging: "aar" or "jar".
    """

    group: str
    artifact: str
    release: str
    packaging: str = "aar"

    def __str__(self) -> str:
        return f"{self.group}:{self.artifact}:{self.release}"

    def fetch(self, folder: Path, sha256: str) -> Path:
        """Download with Maven's dependency plug-in; see `Source.fetch`."""
        del sha256  # Maven checks the repository's own checksums; ours is checked by the caller
        goal = "org.apache.maven.plugins:maven-dependency-plugin:copy"
        call(
            [
                *(find(MAVEN), "--batch-mode", "--quiet", goal),
                f"-Dartifact={self}:{self.packaging}",
                f"-DoutputDirectory={folder}",
            ],
            f"download {self} with Maven",
            timeout=3600,
        )
        return _only_file(folder, str(self))

    def advice(self) -> str:
        """Name the copy that Maven keeps; see `Source.advice`."""
        place = "/".join((*self.group.split("."), self.artifact, self.release))
        return f"remove {place} from Maven's local repository (~/.m2/repository) and try again"


@dataclass(frozen=True, slots=True)
class WheelSource:
    """A wheel of a Python package index.

    Attributes:
        project: For example "torch".
        release: For example "2.1.0".
        python: The Python release that the wheel is for, for example "3.11"; none is needed to use it.
        platform: The wheel's platform tag.
    """

    project: str
    release: str
    python: str
    platform: str

    def __str__(self) -> str:
        return f"{self.project}=={self.release}"

    def fetch(self, folder: Path, sha256: str) -> Path:
        """Download with pip; see `Source.fetch`."""
        if importlib.util.find_spec("pip") is None:
            raise ToolError(
                f"pip is not installed beside {sys.executable}; it is needed to download {self}",
                hint="python -m ensurepip",
            )
        requirements = folder / "requirements.txt"
        requirements.write_text(f"{self} --hash=sha256:{sha256}\n", encoding="ascii")
        from packaging.version import Version

        can_resume = Version(version("pip")) >= Version(_RESUMING_PIP)
        resuming = ("--resume-retries", "5") if can_resume else ()
        call(
            [
                *(sys.executable, "-m", "pip", "--disable-pip-version-check", "download", "--quiet"),
                *("--no-deps", "--only-binary=:all:", "--require-hashes", *resuming),
                *("--implementation", "cp", "--python-version", self.python, "--platform", self.platform),
                *("--dest", folder, "--requirement", requirements),
            ],
            f"download {self} with pip",
            timeout=3600,
        )
        requirements.unlink()
        return _only_file(folder, str(self))

    def advice(self) -> str:
        """Name pip's cache; see `Source.advice`."""
        return "run `pip cache purge` and try again"


def _only_file(folder: Path, name: str) -> Path:
    files = [path for path in folder.iterdir() if path.is_file()]
    if len(files) != 1:
        raise ToolError(f"the download of {name} gave {len(files)} files instead of one")
    return files[0]
