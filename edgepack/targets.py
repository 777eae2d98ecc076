"""The targets as data: what a build makes for each, and where that has to run.

A new target is one more row in `TARGETS`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from edgepack.errors import BundleError, UsageError
from edgepack.precision import PRECISIONS
from edgepack.suggest import choices

if TYPE_CHECKING:
    from edgepack.bundle.manifest import Manifest

type Plan = tuple[tuple[str, str], ...]
"""Format and precision of each artifact that a build makes, in order."""


@dataclass(frozen=True, slots=True)
class Runtime:
    """The library that executes one format on a target.

    Attributes:
        name: Of the Android archive or the Python wheel.
        release: The one that artifacts are proven on.
        format: The format it executes.
        bytecode: For PyTorch Mobile: the lowest and the highest bytecode version it loads.
    """

    name: str
    release: str
    format: str
    bytecode: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class Target:
    """A kind of device.

    Attributes:
        name: How the user spells it.
        summary: One line for `edgepack targets`.
        abi: The machine's binary interface: Android's name for it, or GNU's on plain Linux.
        cpus: The processors that stand for the range of devices, slow to fast, by qemu's names.
        formats: Format name to the precisions that a build makes of it, both in order.
        runtimes: At least one for each format.
        on_request: "format/precision" of what a build makes only when the precision is asked for by name.
    """

    name: str
    summary: str
    abi: str
    cpus: tuple[str, ...]
    formats: Mapping[str, tuple[str, ...]]
    runtimes: tuple[Runtime, ...]
    on_request: tuple[str, ...] = ()

    def plan(self, formats: Sequence[str] = (), precisions: Sequence[str] = (), *, calibrated: bool) -> Plan:
        """Say which (format, precision) pairs a build makes.

        Args:
            formats: Only these, or all of the target's when empty.
            precisions: Only these, or when empty all of the format's that are not on request.
            calibrated: Whether there is calibration data; without it, precisions that need it are left out.

        Raises:
            UsageError: The target has no such format or precision, or not this precision in this format; or a
                precision that was asked for needs calibration data and there is none.
        """
        for name in formats:
            _require(name, self.formats, f"target {self.name} has no format {name!r}")
        offered = dict.fromkeys(name for names in self.formats.values() for name in names)
        for name in precisions:
            _require(name, offered, f"target {self.name} has no precision {name!r}")
            if PRECISIONS[name].calibrated and not calibrated:
                raise UsageError(
                    f"precision {name} needs calibration data: inputs from which to learn the model's ranges",
                    hint="give some with --calibration DATA: an .npz, a folder of pictures, or file.py:attr; "
                    "--calibration golden takes the golden cases",
                )
        pairs = tuple(
            (format_, name)
            for format_, names in self.formats.items()
            for name in names
            if (not formats or format_ in formats) and (not precisions or name in precisions)
            if calibrated or not PRECISIONS[name].calibrated
            if precisions or f"{format_}/{name}" not in self.on_request
        )
        if not pairs:
            raise UsageError(
                f"target {self.name} has no {' or '.join(precisions)} in {' or '.join(formats)}",
                hint="run `edgepack targets` to see what goes together",
            )
        return pairs


def find_target(name: str) -> Target:
    """Give the target of that name.

    Raises:
        UsageError: There is none; the hint names the nearest.
    """
    _require(name, TARGETS, f"unknown target {name!r}")
    return TARGETS[name]


def target_of(manifest: Manifest) -> Target:
    """Give the target that a bundle was built for.

    Raises:
        BundleError: This edgepack knows none of that name.
    """
    if manifest.target not in TARGETS:
        raise BundleError(
            f"bundle {manifest.name} was built for the target {manifest.target!r}, which is unknown here",
            hint=f"use the edgepack that built it, or build it again; known are {', '.join(TARGETS)}",
        )
    return TARGETS[manifest.target]


def _require(name: str, known: Iterable[str], message: str) -> None:
    names = list(known)
    if name not in names:
        raise UsageError(message, hint=choices(name, names))


_FORMATS = {
    "torch_lite": ("float32", "dynamic", "int8"),
    "tflite": ("float32", "float16", "dynamic", "int8", "int16x8"),
}
# It leaves convolutions in float, which are most of most networks that phones run.
_ON_REQUEST = ("torch_lite/dynamic",)
_ANDROID_RUNTIMES = (
    Runtime("pytorch_android_lite", "1.12.2", "torch_lite", bytecode=(4, 9)),
    Runtime("tensorflow-lite", "2.16.1", "tflite"),
)

TARGETS = {
    row.name: row
    for row in (
        Target(
            "android",
            "Android phones and tablets, 64-bit ARM",
            abi="arm64-v8a",
            cpus=("cortex-a53", "cortex-a76"),
            formats=_FORMATS,
            runtimes=_ANDROID_RUNTIMES,
            on_request=_ON_REQUEST,
        ),
        Target(
            "android-armv7",
            "older and low-cost Android devices, 32-bit ARM",
            abi="armeabi-v7a",
            cpus=("armv7",),
            formats=_FORMATS,
            runtimes=_ANDROID_RUNTIMES,
            on_request=_ON_REQUEST,
        ),
        Target(
            "linux-arm64",
            "single-board computers and servers, 64-bit ARM Linux",
            abi="aarch64-linux-gnu",
            cpus=("cortex-a53", "cortex-a76"),
            formats=_FORMATS,
            runtimes=(
                Runtime("torch", "2.1.0", "torch_lite", bytecode=(4, 9)),
                Runtime("ai-edge-litert", "2.1.2", "tflite"),
            ),
            on_request=_ON_REQUEST,
        ),
    )
}
"""All known targets by name."""
