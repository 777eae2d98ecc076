"""Which extras of edgepack are complete, told from package metadata without importing anything."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, requires, version

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from edgepack.errors import ToolError

EXTRAS = {
    "": "inspect bundles, embed them into apps",
    "torch": "load PyTorch models, make and run .ptl files",
    "tflite": "load ONNX models, make and run .tflite files",
    "tensorflow": "make .tflite files of models that the first converter refuses",
    "images": "read pictures: golden cases, calibration data, inputs of run",
    "plots": "draw the plots of report.html",
}
"""What each extra is for; the base is the nameless one."""

TESTED = {
    "ai-edge-litert": "2.1.2",
    "ai-edge-quantizer": "0.5.1",
    "numpy": "2.2.6",
    "onnx": "1.20.1",
    "onnx2tf": "2.6.9",
    "onnxruntime": "1.26.0",
    "onnxscript": "0.6.2",
    "tensorflow": "2.21.0",
    "pillow": "13.0.0",
    "torch": "2.9.1",
}
"""The releases that edgepack's own tests run with, of those packages that decide what a build makes."""


@dataclass(frozen=True, slots=True)
class Package:
    """One package that an extra asks for.

    Attributes:
        name: On the package index.
        wanted: The releases that will do, as pip spells them; empty for any.
        found: The installed release; None when there is none.
        fits: Whether the installed one will do.
        tested: The release that edgepack's own tests run with; None when none is pinned.
    """

    name: str
    wanted: str
    found: str | None
    fits: bool
    tested: str | None


@dataclass(frozen=True, slots=True)
class Extra:
    """An extra of edgepack and how much of it is installed.

    Attributes:
        name: The extra; empty for the base.
        purpose: What it is for.
        packages: All that it asks for.
    """

    name: str
    purpose: str
    packages: tuple[Package, ...]

    @property
    def complete(self) -> bool:
        """Whether every package is there in a release that will do."""
        return all(package.fits for package in self.packages)

    @property
    def command(self) -> str:
        """What installs it."""
        return install_command(self.name)


def install_command(extra: str) -> str:
    """Give the command that installs an extra, or the base."""
    return f"pip install 'edgepack[{extra}]'" if extra else "pip install edgepack"


def look_up_extras() -> tuple[Extra, ...]:
    """Compare every extra with what is installed."""
    return tuple(
        Extra(name, purpose, tuple(_look_up(one) for one in _requirements("edgepack", name)))
        for name, purpose in EXTRAS.items()
    )


def missing_tool(module: str) -> ToolError | None:
    """Give the error for a module that could not be imported, if one of the extras brings its package."""
    wanted = canonicalize_name(module.partition(".")[0])
    for name in EXTRAS:
        if any(canonicalize_name(one.name) == wanted for one in _requirements("edgepack", name)):
            return ToolError(f"the package {wanted} is not installed", hint=install_command(name))
    return None


def _requirements(package: str, extra: str) -> Iterator[Requirement]:
    """Give what an extra adds to a package's base, or the base's own when it is empty."""
    for text in requires(package) or ():
        requirement = Requirement(text)
        if not _applies(requirement, extra) or (extra and _applies(requirement, "")):
            continue
        yield requirement
        for further in requirement.extras:
            yield from _installed_requirements(requirement.name, further)


def _applies(requirement: Requirement, extra: str) -> bool:
    return requirement.marker is None or requirement.marker.evaluate({"extra": extra})


def _installed_requirements(package: str, extra: str) -> Iterator[Requirement]:
    try:
        yield from _requirements(package, extra)
    except PackageNotFoundError:
        return


def _look_up(requirement: Requirement) -> Package:
    name = canonicalize_name(requirement.name)
    try:
        found = version(name)
    except PackageNotFoundError:
        found = None
    fits = found is not None and requirement.specifier.contains(found, prereleases=True)
    return Package(name, str(requirement.specifier), found, fits, TESTED.get(name))
