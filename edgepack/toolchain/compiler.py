"""The compiler for ARM64 programs, and what can be learnt from it about ARM64 libraries."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from edgepack.errors import ToolError
from edgepack.toolchain.programs import CROSS_COMPILER, NATIVE_COMPILER, call, find, is_native

LOADER = "ld-linux-aarch64.so.1"
"""The dynamic loader of 64-bit ARM Linux, part of glibc."""
GUEST_LIBRARIES = (LOADER, "libc.so.6", "libm.so.6")
CPP_LIBRARIES = ("libstdc++.so.6", "libgcc_s.so.1")


@dataclass(frozen=True)
class Compiler:
    """A compiler for Linux, mostly on ARM64, with its binutils and its glibc.

    Attributes:
        path: Of g++.
    """

    path: Path

    @cached_property
    def version(self) -> str:
        """One line that names release and build."""
        return call([self.path, "--version"], "ask the ARM64 compiler for its version").partition("\n")[0]

    @cached_property
    def machine(self) -> str:
        """What its programs run on, such as "aarch64"."""
        return call([self.path, "-dumpmachine"], "ask the compiler for its machine").partition("-")[0]

    def compile(self, arguments: Sequence[str | Path], what: str) -> None:
        """Run the compiler.

        Raises:
            ToolError: It refuses; the details hold what it printed.
        """
        call([self.path, *arguments], f"compile {what}")

    def library(self, name: str) -> Path:
        """Find a library of the guest's glibc or C++ runtime, where the compiler finds it.

        Raises:
            ToolError: It is not there.
        """
        found = call([self.path, f"-print-file-name={name}"], f"look for {name}").strip()
        path = Path(found)
        if not path.is_absolute() or not path.exists():
            raise ToolError(
                f"{name} for ARM64 is not installed; it comes with the cross compiler's C library",
                hint="install the whole cross compiler: `edgepack doctor` names its packages",
            )
        return path.parent.resolve() / name

    def symbols(self, library: Path) -> Iterator[tuple[str, str]]:
        """Give the dynamic symbols of a library: nm's letter for the kind, and the name with its version."""
        for line in call([self._tool("nm"), "-D", library], f"read {library.name}").splitlines():
            parts = line.split()
            if len(parts) >= 2:
                yield parts[-2], parts[-1]

    def needed(self, library: Path) -> list[str]:
        """Give the names of the libraries that a library needs."""
        text = call([self._tool("readelf"), "-d", library], f"read {library.name}")
        return re.findall(r"\(NEEDED\).*\[(.+)\]", text)

    def _tool(self, name: str) -> str:
        return call([self.path, f"-print-prog-name={name}"], f"look for {name}").strip()


def find_compiler() -> Compiler:
    """Find the compiler for ARM64.

    Raises:
        ToolError: It is not installed.
    """
    return Compiler(find(NATIVE_COMPILER if is_native() else CROSS_COMPILER))


def glibc_symbols(compiler: Compiler) -> dict[str, str]:
    """Give the functions of the guest's glibc: name to the version that new programs bind to."""
    found = {}
    for library in ("libc.so.6", "libm.so.6"):
        for _, symbol in compiler.symbols(compiler.library(library)):
            name, default, version = symbol.partition("@@")
            if default:
                found[name] = version
    return found
