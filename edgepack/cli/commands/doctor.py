"""Say what this machine has and what it lacks.

Python, packages, memory, disk. Each extra of edgepack is complete or comes with the command that completes
it. An incomplete extra is no error, for nobody needs all of them: the exit code is 5 only when edgepack's
own base is incomplete or there is nowhere to work, and 0 otherwise.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from edgepack.cli.columns import columns
from edgepack.cli.command import Outcome, define
from edgepack.errors import ToolError

if TYPE_CHECKING:
    from edgepack.toolchain.doctor import Diagnosis, Folder
    from edgepack.toolchain.packages import Extra, Package
    from edgepack.toolchain.programs import FoundProgram


@define(__doc__)
def command() -> Outcome:
    """Show a `Diagnosis`."""
    from edgepack.toolchain.doctor import diagnose

    found = diagnose()
    return Outcome(_document(found), lambda: _text(found), 0 if found.usable else ToolError.exit_code)


def _document(found: Diagnosis) -> dict[str, Any]:
    from dataclasses import asdict

    folders = {"cache": found.cache, "scratch": found.scratch}
    return (
        asdict(found)
        | {name: asdict(folder) | {"path": str(folder.path)} for name, folder in folders.items()}
        | {"python": {"version": found.python[0], "executable": found.python[1]}}
        | {
            "extras": [
                asdict(one) | {"complete": one.complete, "command": one.command} for one in found.extras
            ]
        }
        | {"usable": found.usable}
    )


def _text(found: Diagnosis) -> str:
    from rich.filesize import decimal

    machine = [
        ("edgepack", found.edgepack),
        ("Python", f"{found.python[0]} ({found.python[1]})"),
        ("system", f"{found.system}, {found.cores} cores"),
        ("memory", f"{decimal(found.memory)}, {decimal(found.memory_free)} of it free"),
        ("cache", _folder(found.cache)),
        ("scratch", _folder(found.scratch)),
    ]
    return "\n\n".join([columns(machine), *map(_extra, found.extras), _programs(found.programs)])


def _folder(folder: Folder) -> str:
    from rich.filesize import decimal

    return f"{folder.path}, {decimal(folder.free)} free{'' if folder.writable else ', NOT WRITABLE'}"


def _programs(programs: Sequence[FoundProgram]) -> str:
    rows = [
        (one.name, one.path or "-", "" if one.path else f"install it by: {one.command}") for one in programs
    ]
    state = "complete" if all(one.path for one in programs) else "incomplete"
    return f"programs, to run artifacts on ARM64: {state}\n{columns(rows, indent='  ')}"


def _extra(extra: Extra) -> str:
    state = "complete" if extra.complete else f"incomplete, complete it by: {extra.command}"
    title = f"edgepack[{extra.name}]" if extra.name else "edgepack"
    rows = [(package.name, package.found or "-", _verdict(package)) for package in extra.packages]
    return f"{title}, to {extra.purpose}: {state}\n{columns(rows, indent='  ')}"


def _verdict(package: Package) -> str:
    if package.found is None:
        return "not installed"
    if not package.fits:
        return f"must be {package.wanted}"
    return "" if package.tested in (None, package.found) else f"will do; tested with {package.tested}"
