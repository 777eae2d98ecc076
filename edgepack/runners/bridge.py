"""The bridge that lets Android's libraries run on glibc: a `libc.so` that has every symbol they import.

Android's libraries ask for `libc.so`, `libm.so`, `liblog.so` and the like, with symbol versions of
their own. The bridge is one library under all those names. Each symbol in it is a single jump: to a function
of `guest/bionic.c` where Android's differs from glibc's, to glibc's function of that name otherwise. A symbol
that neither has is an error when the bridge is made, never a crash later.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from edgepack.errors import ToolError
from edgepack.toolchain.compiler import Compiler

PREFIX = "bionic_"
"""What stands before a name in `guest/bionic.c`."""

DIFFERENT = frozenset(
    (
        *("pthread_attr_init", "pthread_getattr_np", "pthread_barrier_init", "sem_init", "sem_wait"),
        *("sigaction", "sigsetjmp", "setjmp", "longjmp", "getaddrinfo", "freeaddrinfo"),
        *("mallinfo", "regcomp", "glob", "ftw", "nftw", "tcgetattr", "statvfs", "fscanf", "puts", "putchar"),
    )
)
"""Functions that glibc has by the same name with other structures, so that a jump would be wrong.

After bionic's headers for arm64; a library that imports one is refused until `guest/bionic.c` has it.
"""

_JUMPS = {"aarch64": "b {}", "x86_64": "jmp {}@PLT"}
"""By machine, the instruction that goes on at a symbol."""

_DATA = frozenset(("__sF",))
"""Data that `guest/bionic.c` defines by its own name: nothing jumps to data."""


@dataclass(frozen=True, slots=True)
class Import:
    """A symbol that a library expects from Android.

    Attributes:
        name: Its name.
        version: The version it is expected in; may be empty.
        weak: Whether the library can do without it.
    """

    name: str
    version: str
    weak: bool = False


def imports_of(libraries: Sequence[Path], compiler: Compiler) -> frozenset[Import]:
    """Give what the libraries import from outside their own circle.

    Raises:
        ToolError: One is no library that the toolchain can read.
    """
    wanted: set[Import] = set()
    own: set[str] = set()
    for library in libraries:
        for kind, symbol in compiler.symbols(library):
            name, _, version = symbol.partition("@")
            if kind in "Uwv":
                wanted.add(Import(name, version.strip("@"), weak=kind != "U"))
            else:
                own.add(name)
    return frozenset(one for one in wanted if one.name not in own)


def write_bridge(
    wanted: Iterable[Import], glibc: Mapping[str, str], own: Iterable[str], folder: Path, machine: str
) -> tuple[Path, Path]:
    """Write the bridge's assembly and its version script.

    Args:
        wanted: What has to be there, unless it is weak.
        glibc: Name to version of everything that glibc offers.
        own: The names that `guest/bionic.c` has, without its prefix.
        folder: Where the files go.
        machine: What it is for: "aarch64" or "x86_64".

    Returns:
        The assembly and the version script.

    Raises:
        ToolError: A symbol is in neither; the message names all of them.
    """
    have = set(own)
    known = have | _DATA | (glibc.keys() - DIFFERENT)
    ordered = sorted(
        (one for one in wanted if one.name in known or not one.weak), key=lambda one: (one.name, one.version)
    )
    _refuse_unknown([one.name for one in ordered], known)
    lines = [".text"]
    for name in dict.fromkeys(one.name for one in ordered if one.name not in _DATA):
        lines += _jump(name, have, glibc, _JUMPS[machine])
    lines.append('.section .note.GNU-stack,"",%progbits')
    assembly, script = folder / "bridge.S", folder / "bridge.map"
    assembly.write_text("\n".join(lines) + "\n", encoding="ascii")
    script.write_text(_version_script(ordered), encoding="ascii")
    return assembly, script


def needed_names(libraries: Sequence[Path], compiler: Compiler) -> frozenset[str]:
    """Give the names of the libraries that these need and that are not among them."""
    names = {name for library in libraries for name in compiler.needed(library)}
    return frozenset(names - {library.name for library in libraries})


def _refuse_unknown(names: Sequence[str], known: set[str]) -> None:
    missing = sorted({name for name in names if name not in known})
    if missing:
        raise ToolError(
            f"the bridge to Android's libraries lacks {', '.join(missing)}",
            hint="use a release that `edgepack runtime list` names",
            details={"symbols": missing},
        )


def _jump(name: str, own: set[str], glibc: Mapping[str, str], instruction: str) -> list[str]:
    head = [f".globl {name}", f".type {name},%function"]
    if name in own:
        return [*head, f"{name}: {instruction.format(PREFIX + name)}"]
    # Named apart from the symbol being defined, or the jump would lead to itself.
    alias = f"glibc_{name}"
    return [f".symver {alias}, {name}@{glibc[name]}", *head, f"{name}: {instruction.format(alias)}"]


def _version_script(ordered: Sequence[Import]) -> str:
    versions: dict[str, list[str]] = {}
    for one in ordered:
        if one.name not in _DATA:
            # A reference without a version takes a symbol of any.
            versions.setdefault(one.version or "LIBC", []).append(one.name)
    nodes = [
        f"{version} {{ global: {'; '.join(dict.fromkeys(names))}; }};" for version, names in versions.items()
    ]
    return "\n".join(nodes) + "\nEDGEPACK_PRIVATE { local: *; };\n"
