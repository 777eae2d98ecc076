"""The runtimes' own x86-64 libraries, made to run on this machine without a change.

Edgepack's bridge stands for Android's C library, and a launcher of our own starts Java.
"""

from __future__ import annotations

import platform
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from programs import JAVAC, java_home
from project import PROJECT

from edgepack.errors import UsageError
from edgepack.runners.guest_programs import make_bridge
from edgepack.runners.runtimes import unpack_libraries
from edgepack.toolchain.compiler import Compiler
from edgepack.toolchain.programs import NATIVE_COMPILER, find

_LAUNCHER = PROJECT / "jvm_tests" / "launcher.c"
_MACHINE = "x86_64"


@dataclass(frozen=True, slots=True)
class Natives:
    """Native code that is ready to run.

    Attributes:
        launcher: What starts Java; `launcher.c` says how it is called.
        machine: The library that is the Java virtual machine.
        libraries: The folder of the runtimes' libraries.
        bridge: The folder of what stands for Android's.
    """

    launcher: Path
    machine: Path
    libraries: Path
    bridge: Path


def make_natives(archives: Iterable[Path], work: Path) -> Natives:
    """Unpack libraries from Android archives and compile what they need.

    Raises:
        UsageError: This machine cannot execute them.
        ToolError: There is no compiler or no JDK, or the bridge lacks a symbol.
    """
    if platform.machine() != _MACHINE:
        raise UsageError(
            f"the JVM tests need an {_MACHINE} machine, and this is {platform.machine()}",
            hint="Robolectric draws on no other",
        )
    compiler = Compiler(find(NATIVE_COMPILER))
    home = java_home(find(JAVAC))
    made = Natives(
        work / "launcher", home / "lib" / "server" / "libjvm.so", work / "natives", work / "bridge"
    )
    made.libraries.mkdir()
    made.bridge.mkdir()
    for archive in archives:
        unpack_libraries(archive, (f"jni/{_MACHINE}/*.so",), made.libraries)
    make_bridge(sorted(made.libraries.iterdir()), compiler, made.bridge)
    headers = home / "include"
    compiler.compile(
        [
            *("-x", "c", "-O2", "-Wall", "-Wextra", f"-I{headers}", f"-I{headers / 'linux'}"),
            *(_LAUNCHER, "-o", made.launcher, "-ldl", "-lpthread"),
        ],
        "the launcher of the JVM tests",
    )
    return made
