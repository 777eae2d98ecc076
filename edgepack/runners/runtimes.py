"""The runtime libraries that artifacts can be run in on ARM64, as data.

A row says where a release comes from, not that it works: that is for the self-test at its installation.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from zipfile import BadZipFile, ZipFile

from edgepack.errors import SourceError, ToolError, UsageError
from edgepack.files import sha256_of
from edgepack.suggest import choices
from edgepack.targets import Target
from edgepack.toolchain.downloads import Download
from edgepack.toolchain.fetching import MavenSource, WheelSource

ANDROID_LIBRARIES = "jni/arm64-v8a/*.so"
"""Where an Android archive keeps its libraries for 64-bit ARM."""


@dataclass(frozen=True, slots=True)
class RuntimeRelease:
    """One release of a runtime.

    Attributes:
        id: As the user and the registry spell it: "group:artifact:release" or "project==release".
        format: The artifact format that it executes.
        engine: A key of `edgepack.runners.guest_programs.ENGINES`: how it is driven.
        members: Patterns of the libraries' paths inside the archive.
        download: Where it comes from; None for a file of the user's own.
    """

    id: str
    format: str
    engine: str
    members: tuple[str, ...]
    download: Download | None

    @property
    def title(self) -> str:
        """Name and release, for reports."""
        name, release = self.id.replace("==", ":").split(":")[-2:]
        return f"{name} {release}"

    @property
    def slug(self) -> str:
        """The id as a file name."""
        return self.id.replace(":", "-").replace("==", "-")


def find_release(text: str) -> RuntimeRelease:
    """Give the release of that id.

    Raises:
        UsageError: There is none; the hint names the nearest.
    """
    if text not in RUNTIMES:
        raise UsageError(f"unknown runtime {text!r}", hint=choices(text, RUNTIMES))
    return RUNTIMES[text]


def target_releases(target: Target, format_: str) -> list[RuntimeRelease]:
    """Give the target's own releases for a format that can be run on ARM64 here; there may be none."""
    titles = [f"{one.name} {one.release}" for one in target.runtimes if one.format == format_]
    return [one for one in RUNTIMES.values() if one.title in titles]


def default_release(target: Target, format_: str) -> RuntimeRelease:
    """Give the release that a target's artifacts of this format are proven on.

    Raises:
        UsageError: The target has none that can be run here.
    """
    found = target_releases(target, format_)
    if not found:
        raise UsageError(
            f"target {target.name} names no runtime for {format_} that can be run on ARM64 here",
            hint="choose one with --runtime; `edgepack runtime list` shows which there are",
        )
    return found[0]


def release_of_file(path: Path) -> RuntimeRelease:
    """Describe an Android archive of the user's own by what is in it.

    Raises:
        SourceError: It is no archive, has no library for 64-bit ARM, or none that we can drive.
    """
    try:
        with ZipFile(path) as archive:
            members = archive.namelist()
    except (OSError, BadZipFile) as error:
        raise SourceError(f"{path} is no Android archive: {error}", hint="give an .aar file") from error
    libraries = {Path(member).name for member in members if Path(member).match(ANDROID_LIBRARIES)}
    if not libraries:
        raise SourceError(
            f"{path} has no library for arm64-v8a", hint="use an archive that was built for 64-bit ARM"
        )
    engines = [engine for library, engine in ANDROID_ENGINES.items() if library in libraries]
    if not engines:
        raise SourceError(
            f"{path} holds {', '.join(sorted(libraries))}, none of which edgepack can drive",
            hint=f"it can drive {' and '.join(ANDROID_ENGINES)}",
        )
    format_, engine = engines[0]
    return RuntimeRelease(
        f"{path.stem}:{sha256_of(path)[:12]}", format_, engine, (ANDROID_LIBRARIES,), download=None
    )


def unpack_libraries(archive: Path, members: Sequence[str], folder: Path) -> None:
    """Unpack libraries side by side.

    Args:
        archive: An Android archive or a wheel.
        members: Patterns of their paths inside it.
        folder: Where they go; made if need be.

    Raises:
        ToolError: The archive is damaged.
    """
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with ZipFile(archive) as opened:
            for member in opened.namelist():
                # Only the last part of a member's path is used, so none can lead out of the folder.
                if any(Path(member).match(pattern) for pattern in members):
                    with opened.open(member) as source, (folder / Path(member).name).open("wb") as target:
                        shutil.copyfileobj(source, target, 1 << 20)
    except (BadZipFile, EOFError) as error:
        raise ToolError(f"{archive.name} is damaged: {error}", hint="get the archive again") from error


ANDROID_ENGINES = {
    "libtensorflowlite_jni.so": ("tflite", "tflite"),
    "libpytorch_jni_lite.so": ("torch_lite", "lite_interpreter_android"),
}
"""The library by which an Android archive is known, to the format and the engine."""


def _android(format_: str, engine: str, download: Download) -> RuntimeRelease:
    return RuntimeRelease(str(download), format_, engine, (ANDROID_LIBRARIES,), download)


def _wheel(format_: str, engine: str, members: tuple[str, ...], download: Download) -> RuntimeRelease:
    return RuntimeRelease(str(download), format_, engine, members, download)


RUNTIMES = {
    row.id: row
    for row in (
        _android(
            "torch_lite",
            "lite_interpreter_android",
            Download(
                MavenSource("org.pytorch", "pytorch_android_lite", "1.12.2"),
                "pytorch_android_lite-1.12.2.aar",
                "ca58bf74952e50c1ead7d058462680c6b6306877f55e0d612cba0ed8725c95c2",
                62_264_616,
            ),
        ),
        _android(
            "tflite",
            "tflite",
            Download(
                MavenSource("org.tensorflow", "tensorflow-lite", "2.16.1"),
                "tensorflow-lite-2.16.1.aar",
                "34b065817e294e7dd3569504e8b9454938ceae453b6a459da54d5f6e45d3c94e",
                6_230_530,
            ),
        ),
        _wheel(
            "torch_lite",
            "lite_interpreter_wheel",
            ("torch/lib/libtorch_cpu.so", "torch/lib/libc10.so", "torch/lib/libgomp*"),
            Download(
                WheelSource("torch", "1.12.1", "3.9", "manylinux2014_aarch64"),
                "torch-1.12.1-cp39-cp39-manylinux2014_aarch64.whl",
                "6cf6f54b43c0c30335428195589bd00e764a6d27f3b9ba637aaa8c11aaf93073",
                55_714_845,
            ),
        ),
        _wheel(
            "torch_lite",
            "lite_interpreter_wheel",
            ("torch/lib/libtorch_cpu.so", "torch/lib/libc10.so", "torch.libs/*"),
            Download(
                WheelSource("torch", "2.1.0", "3.11", "manylinux2014_aarch64"),
                "torch-2.1.0-cp311-cp311-manylinux2014_aarch64.whl",
                "8132efb782cd181cc2dcca5e58effbe4217cdb2581206ac71466d535bf778867",
                84_158_846,
            ),
        ),
        _wheel(
            "tflite",
            "litert",
            ("ai_edge_litert/libLiteRt.so",),
            Download(
                WheelSource("ai-edge-litert", "2.1.2", "3.11", "manylinux_2_27_aarch64"),
                "ai_edge_litert-2.1.2-cp311-cp311-manylinux_2_27_aarch64.whl",
                "7dc4afc4b67797e77d879e35ad558e60f746be7c1e616a6653bd2cbf1ffef9ad",
                12_633_093,
            ),
        ),
    )
}
"""All known releases by id."""
