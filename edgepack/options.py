"""What a build is asked to do, as one frozen value."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from edgepack.precision import Gates
from edgepack.processing.steps import Processing
from edgepack.sources.base import SourceRequest
from edgepack.workers.limits import Limits


@dataclass(frozen=True, slots=True)
class GoldenOptions:
    """Where golden cases come from.

    Attributes:
        cases: How many seeded cases are drawn.
        seed: Of the generator.
        files: The user's own cases instead: an .npz each, or pictures, or folders of pictures.
        allow_degenerate: Accept references that are constant by nature.
    """

    cases: int = 3
    seed: int = 0
    files: tuple[Path, ...] = ()
    allow_degenerate: bool = False


@dataclass(frozen=True, slots=True)
class CalibrationOptions:
    """Where calibration data comes from; see `edgepack.calibration`.

    Attributes:
        source: An .npz or .npy, a folder of pictures, "file.py:attr", or "golden"; None for no data.
        limit: How many samples are used of those that there are.
    """

    source: str | None = None
    limit: int = 128


@dataclass(frozen=True, slots=True)
class LabelOptions:
    """Where labelled data comes from; see `edgepack.labels`.

    Attributes:
        file: An .npz with the inputs by name and the array `label`, or a folder with a folder of pictures for
            each class; None for no data.
        output: The output whose largest value is the answer; None for the model's only one.
    """

    file: Path | None = None
    output: str | None = None


IO = ("int8", "float32")
"""What a fully quantised .tflite file may take and give: its own integers (int16 for int16x8), or floats."""
AUTO = "auto"


@dataclass(frozen=True, slots=True)
class QuantisationOptions:
    """How quantised artifacts are made and what they must achieve.

    Attributes:
        io: One of `IO`.
        keep_float: Regular expressions for the layers that are left in float, or just "auto" to find out
            which must be.
        gates: What artifacts must achieve besides their precisions' own tolerances.
    """

    io: str = IO[0]
    keep_float: tuple[str, ...] = ()
    gates: Gates = field(default_factory=Gates)


RUNNERS = ("host", "arm64", "device")
"""Where artifacts can be run, by name."""


@dataclass(frozen=True, slots=True)
class RunnerChoice:
    """Where artifacts have to be right.

    Attributes:
        names: Of `RUNNERS`.
        runtimes: For arm64, ids of runtimes; a format that none of them executes runs in the target's own.
        cpus: For arm64, names of processor profiles; the target's when empty.
        through_java: For arm64, whether runtimes are called through their Java classes, as apps do.
        serial: For device, what adb calls it; None for the only one that is connected.
        device_report: For device, a report that was shared, instead of a device that is connected.
    """

    names: tuple[str, ...] = ("host",)
    runtimes: tuple[str, ...] = ()
    cpus: tuple[str, ...] = ()
    through_java: bool = False
    serial: str | None = None
    device_report: Path | None = None


@dataclass(frozen=True, slots=True)
class BuildOptions:
    """One build.

    Attributes:
        source: The model.
        target: A name of `edgepack.targets.TARGETS`.
        output: Where the bundle goes: a folder, or a file that ends in .zip.
        name: Of the bundle and the stem of its files.
        formats: Only these formats of the target, or all when empty.
        precisions: Only these precisions, or the target's when empty.
        golden: Where golden cases come from.
        calibration: Where quantisers learn a model's ranges.
        labels: What accuracy is told from.
        quantisation: How quantised artifacts are made and what they must achieve.
        processing: What turns pictures into inputs and outputs into answers; what it leaves open is
            the model's to say.
        runners: Where each artifact has to be right before it ships.
        limits: What each worker's job may use.
        script: For PyTorch Mobile: script the module instead of tracing it.
        bytecode: For PyTorch Mobile: the bytecode version to backport to.
        keep_going: Ship what was proven when something that should have worked did not.
        keep_failed: Where the evidence of failures is kept, if anywhere.
        force: Replace an output that is not a bundle.
        cache: Use finished artifacts of earlier builds.
    """

    source: SourceRequest
    target: str
    output: Path
    name: str
    formats: tuple[str, ...] = ()
    precisions: tuple[str, ...] = ()
    golden: GoldenOptions = field(default_factory=GoldenOptions)
    calibration: CalibrationOptions = field(default_factory=CalibrationOptions)
    labels: LabelOptions = field(default_factory=LabelOptions)
    quantisation: QuantisationOptions = field(default_factory=QuantisationOptions)
    processing: Processing = field(default_factory=Processing)
    runners: RunnerChoice = field(default_factory=RunnerChoice)
    limits: Limits = field(default_factory=Limits)
    script: bool = False
    bytecode: int | None = None
    keep_going: bool = False
    keep_failed: Path | None = None
    force: bool = False
    cache: bool = True
