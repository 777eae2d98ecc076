"""Counting the instructions of an inference, by a plug-in for qemu that is compiled on this machine.

Time under emulation says nothing of time on a phone; the number of instructions repeats and compares.
"""

from __future__ import annotations

import hashlib
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from edgepack.cache import default_root
from edgepack.errors import ToolError
from edgepack.toolchain.downloads import locked
from edgepack.toolchain.programs import HOST_COMPILER, QEMU, call, find, is_native

_SOURCE = Path(__file__).parent / "guest" / "count_plugin.c"
_VERSIONS = (1, 2, 3, 4, 5, 6)
"""Versions of qemu's plug-in interface; the functions that are used are the same in all of them."""


@dataclass(frozen=True, slots=True)
class Counter:
    """Has qemu count.

    Attributes:
        options: What qemu is started with.
        folder: Where each job leaves its counts.
    """

    options: tuple[str, ...]
    folder: Path

    def read(self, pid: int) -> tuple[int, ...]:
        """Give the instructions of each inference of a job, in order."""
        try:
            return tuple(int(line) for line in (self.folder / str(pid)).read_text(encoding="ascii").split())
        except FileNotFoundError:
            return ()


def make_counter(folder: Path, cache: Path | None = None) -> Counter:
    """Prepare to count.

    Args:
        folder: For the counts; made here.
        cache: Where the compiled plug-in is kept; the user's cache when None.

    Raises:
        ToolError: There is no qemu here, none with plug-ins, or no compiler.
    """
    if is_native():
        raise ToolError(
            "instructions are counted by the emulator, and this machine needs none",
            hint="run it on a machine that is not ARM64",
        )
    plugin = _plugin((cache or default_root()) / "guests")
    folder.mkdir(parents=True)
    return Counter(("-plugin", f"{plugin},out={folder}"), folder)


def counter_if_any(folder: Path) -> Counter | None:
    """Prepare to count, or do without: for what only tells more when it is counted."""
    try:
        return make_counter(folder)
    except ToolError:
        return None


def _plugin(cache: Path) -> Path:
    qemu, compiler = find(QEMU), find(HOST_COMPILER)
    known = call([qemu, "--version"], "ask qemu for its version") + str(compiler)
    key = hashlib.sha256(_SOURCE.read_bytes() + known.encode()).hexdigest()[:32]
    place = cache / f"count-{key}.so"
    with locked(cache, key):
        if not place.exists():
            _compile(qemu, compiler, place)
    return place


def _compile(qemu: Path, compiler: Path, place: Path) -> None:
    with tempfile.TemporaryDirectory(prefix="work-", dir=place.parent) as folder:
        made = Path(folder) / "count.so"
        for version in _VERSIONS:
            flags = ["-shared", "-fPIC", "-O2", f"-DPLUGIN_VERSION={version}"]
            call([compiler, *flags, _SOURCE, "-o", made], "compile the counting plug-in")
            if _accepts(qemu, made):
                made.replace(place)
                return
    raise ToolError(
        f"{qemu} takes no plug-ins, so it cannot count instructions",
        hint="install the distribution's qemu-user, not qemu-user-static",
    )


def _accepts(qemu: Path, plugin: Path) -> bool:
    """Whether qemu loads a plug-in: then it goes on to complain of the program, which is none."""
    done = subprocess.run(
        [qemu, "-plugin", plugin, "/dev/null"], capture_output=True, text=True, errors="replace", check=False
    )
    return "plugin" not in done.stderr.lower()
