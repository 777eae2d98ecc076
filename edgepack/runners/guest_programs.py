"""Building the programs that run inside the emulated machine, once for each compiler, runtime and source."""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from zipfile import ZipFile

from edgepack.files import sha256_of
from edgepack.runners.bridge import PREFIX, imports_of, needed_names, write_bridge
from edgepack.toolchain.compiler import CPP_LIBRARIES, GUEST_LIBRARIES, Compiler, glibc_symbols
from edgepack.toolchain.downloads import locked

_SOURCES = Path(__file__).parent / "guest"
_PROGRAM = "guest"
_FLAGS = ("-O2", "-fPIC", "-Wall", "-Wextra")
_PREBUILT = (
    # Android's linker leaves local symbols where GNU's would not, and the libraries resolve among themselves.
    "-Wl,--unresolved-symbols=ignore-in-shared-libs,--no-copy-dt-needed-entries,--no-warnings",
    "-Wl,-rpath-link,/nonexistent",
)
_C_RUNTIME = ("-nodefaultlibs", "-lgcc", "-lgcc_eh", "-lc")
"""Without the C++ runtime: a program of an Android engine uses the runtime's own."""


@dataclass(frozen=True, slots=True)
class Engine:
    """How a runtime is driven.

    Attributes:
        sources: The files of `guest/` beside the server.
        flags: For compiling it.
        linked: Libraries of the runtime that the program is linked with.
        opened: The library of the runtime that the program is told to open; empty for none.
        bridged: Whether the libraries are Android's and need the bridge.
        headers: Folders of further headers inside the archive; the first holds the others.
    """

    sources: tuple[str, ...]
    flags: tuple[str, ...] = ()
    linked: tuple[str, ...] = ()
    opened: str = ""
    bridged: bool = False
    headers: tuple[str, ...] = ()


ENGINES = {
    "tflite": Engine(("tflite.c",), opened="libtensorflowlite_jni.so", bridged=True),
    "lite_interpreter_android": Engine(
        ("lite_interpreter_android.cpp",),
        flags=("-std=c++17", "-nostdinc++"),
        linked=("libpytorch_jni_lite.so", "libc++_shared.so"),
        bridged=True,
    ),
    "lite_interpreter_wheel": Engine(
        ("lite_interpreter_wheel.cpp",),
        flags=("-std=c++17", "-D_GLIBCXX_USE_CXX11_ABI=0"),  # as the wheels were compiled
        linked=("libtorch_cpu.so", "libc10.so"),
        headers=("torch/include",),
    ),
    "litert": Engine(("litert.c",), opened="libLiteRt.so"),
}
"""All engines by name."""


@dataclass(frozen=True, slots=True)
class GuestProgram:
    """A program that is ready to be started.

    Attributes:
        path: The program.
        arguments: Its arguments after the control socket.
        library_path: The folders that its libraries are in, first to last.
        loader: The dynamic loader that it asks for.
    """

    path: Path
    arguments: tuple[str, ...]
    library_path: tuple[Path, ...]
    loader: Path


def build(
    engine: Engine, libraries: Path, archive: Callable[[], Path], compiler: Compiler, cache: Path
) -> GuestProgram:
    """Give the program that drives a runtime; compile it if no one has yet.

    Args:
        engine: How the runtime is driven.
        libraries: The folder of the runtime's libraries.
        archive: Gives what the runtime was published as; called when headers are needed from it.
        compiler: For ARM64.
        cache: The folder where finished programs are kept.

    Raises:
        ToolError: The bridge lacks a symbol that the libraries import, part of the toolchain is missing,
            or the cache cannot be written to.
    """
    members = sorted(libraries.glob("*.so*"))
    glibc = [compiler.library(name) for name in GUEST_LIBRARIES]
    place = cache / _key(engine, members, compiler, glibc)
    with locked(cache, place.name):
        if not (place / _PROGRAM).exists():
            _make(engine, members, archive, compiler, place)
    if not engine.bridged:
        glibc += [compiler.library(name) for name in CPP_LIBRARIES]
    folders = (place, libraries, *dict.fromkeys(path.parent for path in glibc))
    arguments = (str(libraries / engine.opened),) if engine.opened else ()
    return GuestProgram(place / _PROGRAM, arguments, folders, glibc[0])


def _key(engine: Engine, libraries: Iterable[Path], compiler: Compiler, glibc: Iterable[Path]) -> str:
    digest = hashlib.sha256(f"{engine}\n{compiler.path}\n{compiler.version}\n".encode())
    recipe = [Path(__file__), Path(__file__).with_name("bridge.py")]
    for path in (*sorted(_SOURCES.iterdir()), *recipe, *glibc, *libraries):
        digest.update(f"{path.name} {sha256_of(path)}\n".encode())
    return digest.hexdigest()[:32]


def _make(
    engine: Engine,
    libraries: Sequence[Path],
    archive: Callable[[], Path],
    compiler: Compiler,
    place: Path,
) -> None:
    with tempfile.TemporaryDirectory(prefix="work-", dir=place.parent) as folder:
        work = Path(folder)
        if engine.bridged:
            make_bridge(libraries, compiler, work)
        headers = _unpack_headers(engine, archive(), work) if engine.headers else None
        _make_program(engine, libraries, headers, compiler, work)
        if headers:
            shutil.rmtree(headers)
        shutil.rmtree(place, ignore_errors=True)
        work.chmod(0o755)
        os.rename(work, place)
        work.mkdir()  # for the context to remove


def make_bridge(libraries: Sequence[Path], compiler: Compiler, folder: Path) -> None:
    """Make what stands for Android's own libraries on glibc, under all their names.

    Args:
        libraries: Those of a runtime.
        compiler: For the machine that they are for.
        folder: Where the libraries go; the dynamic loader has to look there first.

    Raises:
        ToolError: The bridge lacks a symbol that the libraries import, or does not compile.
    """
    # Two libraries: what differs from glibc calls glibc, and must not meet the jumps of the same names.
    own = folder / "libbionic.so"
    compiler.compile(
        [*("-x", "c", "-shared"), *_FLAGS, _SOURCES / "bionic.c", "-o", own, "-Wl,-soname,libbionic.so"],
        "the bridge to Android's libraries",
    )
    functions = [name.removeprefix(PREFIX) for _, name in compiler.symbols(own) if name.startswith(PREFIX)]
    wanted = imports_of(libraries, compiler)
    assembly, script = write_bridge(wanted, glibc_symbols(compiler), functions, folder, compiler.machine)
    compiler.compile(
        [
            *("-shared", assembly, own, "-o", folder / "libc.so", "-Wl,-soname,libc.so"),
            *(f"-Wl,--version-script={script}", "-Wl,-z,now", "-Wl,--no-as-needed", "-lm"),
        ],
        "the bridge to Android's libraries",
    )
    for name in needed_names(libraries, compiler) - {"libc.so"}:
        (folder / name).symlink_to("libc.so")


def _unpack_headers(engine: Engine, archive: Path, folder: Path) -> Path:
    headers = folder / "headers"
    with ZipFile(archive) as opened:
        wanted = [name for name in opened.namelist() if name.startswith(engine.headers[0] + "/")]
        opened.extractall(headers, wanted)
    return headers


def _make_program(
    engine: Engine, libraries: Sequence[Path], headers: Path | None, compiler: Compiler, folder: Path
) -> None:
    objects = []
    included = [f"-isystem{headers / folder}" for folder in engine.headers] if headers else []
    guard: list[tuple[str, list[str]]] = [("stack_guard.c", [])] if engine.bridged else []
    own = [(source, [*engine.flags, *included]) for source in engine.sources]
    for source, flags in (("server.c", []), *guard, *own):
        language = "c" if source.endswith(".c") else "c++"
        objects.append(folder / f"{source}.o")
        compiler.compile(
            ["-x", language, *_FLAGS, *flags, "-c", _SOURCES / source, "-o", objects[-1]], f"guest/{source}"
        )
    linked = [path for path in libraries if path.name in engine.linked]
    runtime = _C_RUNTIME if engine.bridged else ()
    compiler.compile([*objects, *linked, *_PREBUILT, *runtime, "-o", folder / _PROGRAM], "the guest program")
    for made in objects:
        made.unlink()
