"""What doctor looks at: Python, packages, processor, memory and disk."""

from __future__ import annotations

import os
import platform
import shutil
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import psutil

from edgepack import __version__
from edgepack.cache import default_root
from edgepack.cores import usable_cores
from edgepack.toolchain.packages import Extra, look_up_extras
from edgepack.toolchain.programs import FoundProgram, look_up_programs


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder that edgepack writes to.

    Attributes:
        path: Where it is or will be.
        free: Bytes left on its disk.
        writable: Whether it can be written to, or made.
    """

    path: Path
    free: int
    writable: bool


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """What was found on this machine.

    Attributes:
        edgepack: Its release.
        python: The interpreter's release and where it is.
        system: Operating system and machine, as Python names them.
        cores: Processors that this process may use.
        memory: Bytes in all.
        memory_free: Bytes that can be had without swapping.
        cache: Where finished artifacts are kept.
        scratch: Where a build works.
        extras: The base first.
        programs: What the ARM64 runner needs of the distribution.
    """

    edgepack: str
    python: tuple[str, str]
    system: str
    cores: int
    memory: int
    memory_free: int
    cache: Folder
    scratch: Folder
    extras: tuple[Extra, ...]
    programs: tuple[FoundProgram, ...]

    @property
    def usable(self) -> bool:
        """Whether edgepack itself can work, whatever the extras lack."""
        return self.extras[0].complete and self.scratch.writable


def diagnose() -> Diagnosis:
    """Look at this machine; nothing is imported, run or changed."""
    memory = psutil.virtual_memory()
    return Diagnosis(
        edgepack=__version__,
        python=(platform.python_version(), sys.executable),
        system=f"{platform.system()} {platform.machine()}",
        cores=usable_cores(),
        memory=memory.total,
        memory_free=memory.available,
        cache=_folder(default_root()),
        scratch=_folder(Path(tempfile.gettempdir())),
        extras=look_up_extras(),
        programs=look_up_programs(),
    )


def _folder(path: Path) -> Folder:
    existing = next(place for place in (path, *path.parents) if place.exists())
    return Folder(path, shutil.disk_usage(existing).free, os.access(existing, os.W_OK))
