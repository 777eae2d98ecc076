"""Programs that runners need from the distribution, and what installs them there."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from edgepack.errors import ToolError

NATIVE = "aarch64"
"""What Linux calls the machine on which nothing has to be emulated."""


@dataclass(frozen=True, slots=True)
class Program:
    """A program and the distributions' packages that hold it.

    Attributes:
        name: As it is called.
        purpose: What it is for, to complete "is needed to …".
        packages: Distribution, as os-release's ID spells it, to the packages.
    """

    name: str
    purpose: str
    packages: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Distribution:
    """A family of Linux distributions.

    Attributes:
        title: What people call it.
        command: What installs packages, to be completed by their names.
    """

    title: str
    command: str


DISTRIBUTIONS = {
    "debian": Distribution("Debian and Ubuntu", "sudo apt install"),
    "fedora": Distribution("Fedora", "sudo dnf install"),
    "arch": Distribution("Arch", "sudo pacman -S"),
}
"""By os-release's ID, or an element of its ID_LIKE."""

QEMU = Program(
    "qemu-aarch64",
    "run ARM64 programs on this machine",
    {"debian": "qemu-user", "fedora": "qemu-user", "arch": "qemu-user"},
)
CROSS_COMPILER = Program(
    "aarch64-linux-gnu-g++",
    "compile the programs that run inside the emulated machine",
    {
        "debian": "g++-aarch64-linux-gnu",
        "fedora": "gcc-c++-aarch64-linux-gnu sysroot-aarch64-fc$(rpm -E %fedora)-glibc",
        "arch": "aarch64-linux-gnu-gcc",
    },
)
NATIVE_COMPILER = Program(
    "g++",
    "compile the programs that run the artifacts",
    {"debian": "g++", "fedora": "gcc-c++", "arch": "gcc"},
)
HOST_COMPILER = Program(
    "gcc", "compile qemu's counting plugin", {"debian": "gcc libc6-dev", "fedora": "gcc", "arch": "gcc"}
)
MAVEN = Program(
    "mvn", "download Android's runtime libraries", {"debian": "maven", "fedora": "maven", "arch": "maven"}
)
ADB = Program(
    "adb",
    "talk to Android devices",
    {"debian": "adb", "fedora": "android-tools", "arch": "android-tools"},
)


def is_native() -> bool:
    """Whether this machine executes ARM64 instructions itself."""
    return platform.machine() == NATIVE


def needed_programs() -> tuple[Program, ...]:
    """Give what the ARM64 runner needs on this machine."""
    return (NATIVE_COMPILER, MAVEN) if is_native() else (QEMU, CROSS_COMPILER, MAVEN)


@dataclass(frozen=True, slots=True)
class FoundProgram:
    """A program, looked for.

    Attributes:
        name: As it is called.
        purpose: What it is for.
        path: Where it is; None when it is nowhere on PATH.
        command: What installs it on this distribution, or on each that we know.
    """

    name: str
    purpose: str
    path: str | None
    command: str


def look_up_programs() -> tuple[FoundProgram, ...]:
    """Look for what the ARM64 runner needs on this machine; nothing is run."""
    distribution = _distribution()
    return tuple(
        FoundProgram(one.name, one.purpose, shutil.which(one.name), install_hint(one, distribution))
        for one in needed_programs()
    )


def find(program: Program) -> Path:
    """Find a program on PATH.

    Raises:
        ToolError: It is not there; the hint says what to install.
    """
    found = shutil.which(program.name)
    if found is None:
        raise ToolError(
            f"{program.name} is not installed; it is needed to {program.purpose}",
            hint=install_hint(program, _distribution()),
        )
    return Path(found)


def install_hint(program: Program, distribution: str | None) -> str:
    """Say what installs a program: on the distribution, or on each when it is none that we know."""
    if distribution is not None:
        return f"{DISTRIBUTIONS[distribution].command} {program.packages[distribution]}"
    commands = [f"{one.title}: {one.command} {program.packages[name]}" for name, one in DISTRIBUTIONS.items()]
    return "; ".join(commands)


def call(command: Sequence[str | Path], doing: str, timeout: float = 900.0) -> str:
    """Run a program to its end.

    Args:
        command: The program and its arguments.
        doing: What it does, to complete "could not …".
        timeout: Seconds after which it is stopped.

    Returns:
        Its standard output.

    Raises:
        ToolError: It failed or took too long; the details hold what it printed.
    """
    environment = os.environ | {"LC_ALL": "C.UTF-8"}
    try:
        done = subprocess.run(
            [str(part) for part in command],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=timeout,
            env=environment,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise ToolError(
            f"could not {doing}: {command[0]} took longer than {timeout:g} s", hint="try again"
        ) from error
    except OSError as error:
        raise ToolError(f"could not {doing}: {error}") from error
    if done.returncode:
        output = (done.stdout + done.stderr).strip()
        raise ToolError(
            f"could not {doing}: {_telling_line(output)}",
            details={"command": " ".join(map(str, command)), "output": output[-4000:]},
        )
    return done.stdout


def _telling_line(output: str) -> str:
    """Give the line of a program's output that most likely says what went wrong."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    errors = [line for line in lines if "error" in line.lower()]
    return (errors or lines or ["it gave no reason"])[0][:500]


def _distribution() -> str | None:
    try:
        release = platform.freedesktop_os_release()
    except OSError:
        return None
    names = [release.get("ID", ""), *release.get("ID_LIKE", "").split()]
    return next((name for name in names if name in DISTRIBUTIONS), None)
