"""What is measured against what, and the limits."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from measure import Command

ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent
IMAGE = "image:float32[1,3,224,224]"
MOBILENET = "sample_models/mobilenet_v2/model.py:mobilenet_v2"
VGG = "torchvision.models:vgg11"


@dataclass(frozen=True, slots=True)
class Case:
    """One benchmark.

    Attributes:
        name: For the command line.
        what: One line for the table.
        make: Gives baseline and edgepack's command, for a scratch folder.
        repeat: How many times each is timed.
        time_limit: Largest ratio of the median wall times.
        memory_limit: Largest ratio of the peaks over all processes, where memory is measured at all.
        prepare: A command that has to have run before.
    """

    name: str
    what: str
    make: Callable[[Path], tuple[Command, Command]]
    repeat: int
    time_limit: float
    memory_limit: float | None = None
    prepare: Callable[[Path], Command] | None = None


def environment(folder: Path) -> Mapping[str, str]:
    """The user's environment with a cache of the benchmark's own."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("EDGEPACK_")}
    return {**kept, "EDGEPACK_CACHE_DIR": str(folder / "cache")}


def edgepack(folder: Path, *arguments: str, leftover: Path | None = None) -> Command:
    """One call of edgepack, with settings and a cache of its own."""
    return Command((str(BIN / "edgepack"), *arguments), environment(folder), leftover)


def python(folder: Path, *arguments: str) -> Command:
    """One call of Python, likewise."""
    return Command((sys.executable, *arguments), environment(folder))


def nothing(folder: Path) -> Command:
    """An interpreter that starts and ends."""
    return python(folder, "-c", "pass")


def show_help(folder: Path) -> tuple[Command, Command]:
    """`edgepack --help`, against starting Python."""
    return nothing(folder), edgepack(folder, "--help")


def import_package(folder: Path) -> tuple[Command, Command]:
    """`import edgepack`, against starting Python."""
    return nothing(folder), python(folder, "-c", "import edgepack")


def build_onnx(folder: Path) -> Command:
    """A build of the sample that is an ONNX model."""
    source = "sample_models/from_onnx/model.onnx"
    return edgepack(folder, "build", source, "--target", "android", "-o", str(folder / "onnx"))


def rebuild(folder: Path) -> tuple[Command, Command]:
    """The same build again, out of the cache, against starting Python."""
    return nothing(folder), build_onnx(folder)


def build(source: str) -> Callable[[Path], tuple[Command, Command]]:
    """A cold build of an image network, against the bare library calls."""

    def make(folder: Path) -> tuple[Command, Command]:
        bare, output = folder / "bare", folder / "bundle"
        bare.mkdir(exist_ok=True)
        chain = str(Path(__file__).with_name("bare_chain.py"))
        options = ("--target", "android", "--precision", "float32", "--no-cache", "-o", str(output))
        return (
            python(folder, "-W", "ignore", chain, source, str(bare)),
            edgepack(folder, "build", source, "--input", IMAGE, *options, leftover=output),
        )

    return make


def five(step: str) -> Callable[[Path], Command]:
    """A step of five_precisions.py."""
    script = str(Path(__file__).with_name("five_precisions.py"))
    return lambda folder: python(folder, "-W", "ignore", script, step, str(folder))


CASES = (
    Case("help", "edgepack --help, against python -c pass", show_help, 15, 10),
    Case("import", "import edgepack, against python -c pass", import_package, 15, 3),
    Case(
        "rebuild", "unchanged build of an .onnx, against python -c pass", rebuild, 15, 30, prepare=build_onnx
    ),
    Case("mobilenet_v2", "cold build of mobilenet_v2, against bare library calls", build(MOBILENET), 5, 1.3),
    Case("vgg11", "cold build of vgg11, against bare library calls", build(VGG), 3, 1.5, memory_limit=1.25),
    Case(
        "precisions",
        "all .tflite precisions of mobilenet_v2, verified, against onnx2tf through TensorFlow",
        lambda folder: (five("onnx2tf")(folder), five("edgepack")(folder)),
        1,
        1 / 6,
        prepare=five("prepare"),
    ),
)
