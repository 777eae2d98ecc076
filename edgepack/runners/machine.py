"""The emulated machine: how a guest program is started on a processor."""

from __future__ import annotations

import os
from pathlib import Path

from edgepack.runners.cpus import Cpu, write_files
from edgepack.runners.guest import Command
from edgepack.runners.guest_programs import GuestProgram
from edgepack.toolchain.programs import QEMU, find, is_native

_QUIET = {"OMP_NUM_THREADS": "1"}
"""What guests get to see of an environment: a pool of threads would not survive the fork for a job."""


def command_for(
    program: GuestProgram, cpu: Cpu, root: Path, emulator_options: tuple[str, ...] = ()
) -> Command:
    """Say how a program is started: by qemu, or as it is on a machine that is ARM64 itself.

    Args:
        program: What to start.
        cpu: The processor; on native ARM64 the machine's own is used whatever this says.
        root: An empty folder that becomes the guest's view of /, where it differs from the host's.
        emulator_options: Further options of qemu's.

    Raises:
        ToolError: qemu is not installed.
    """
    libraries = {"LD_LIBRARY_PATH": os.pathsep.join(map(str, program.library_path))}
    own = (str(program.path), "{control}", *program.arguments)
    path = {"PATH": os.environ.get("PATH", os.defpath)}
    if is_native():
        return Command(own, path | _QUIET | libraries)
    write_files(cpu, root)
    loader = root / "lib" / program.loader.name
    loader.parent.mkdir(parents=True, exist_ok=True)
    loader.symlink_to(program.loader)
    options = ["-cpu", cpu.name, "-L", str(root)]
    for name, value in (_QUIET | libraries).items():
        options += ["-E", f"{name}={value}"]
    return Command((str(find(QEMU)), *options, *emulator_options, *own), path)
