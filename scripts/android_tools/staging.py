"""What building and testing the app have in common: its compiled classes, its resources and its assets."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import packages
from compiling import Libraries, compile_java, link_resources
from project import ROOT, versions

from edgepack.android.embed import embed
from edgepack.bundle.manifest import Manifest
from edgepack.errors import ConversionError
from edgepack.events import Listener, step
from edgepack.runners.java import class_file

BUNDLE = ROOT / "dist" / "digits"
"""The sample's bundle, which is built where it is missing."""
_SAMPLE = ROOT / "sample_models" / "digits"


@dataclass(frozen=True, slots=True)
class Staged:
    """The app, compiled.

    Attributes:
        libraries: What it was compiled against, and what of that goes into it.
        archives: The runtimes and what their classes need, for the native libraries among them.
        resources: An APK with resources and manifest only.
        classes: The folder of compiled classes.
        assets: The folder of assets.
        manifest: Of the bundle among them.
    """

    libraries: Libraries
    archives: tuple[Path, ...]
    resources: Path
    classes: Path
    assets: Path
    manifest: Manifest


def stage(work: Path, bundle: Path, emit: Listener, *, debuggable: bool) -> Staged:
    """Compile the app with a bundle in it.

    Args:
        work: An empty folder for all that is made.
        bundle: The bundle's folder or .zip.
        emit: Who is told of the steps.
        debuggable: Whether `adb shell run-as` may look into the installed app.

    Raises:
        BundleError: The bundle is damaged, of an unknown version, or not safe to read.
        UsageError: The bundle is not for Android.
        ToolError: A program or a download cannot be had, or the source does not compile.
    """
    if bundle == BUNDLE and not bundle.exists():
        with step(emit, "build the sample's bundle"):
            _build_sample()
    main = work / "main"
    main.mkdir()
    with step(emit, "embed the bundle"):
        manifest = embed(bundle, main).manifest
    cache = packages.downloads(emit)
    archives = tuple(cache.get(one) for one in packages.archives())
    classes = tuple(class_file(one, work) for one in archives)
    libraries = Libraries(cache.get(packages.ANDROID), cache.get(packages.D8), classes)
    with step(emit, "compile resources"):
        resources = link_resources(work, libraries.android, versions(), debuggable=debuggable)
    with step(emit, "compile classes"):
        compiled = compile_java(work, libraries)
    return Staged(libraries, archives, resources, compiled, main / "assets", manifest)


def _build_sample() -> None:
    """Build the digits with every precision, those that need calibration data too.

    Raises:
        ConversionError: It failed; edgepack has said why.
    """
    command = [
        *(sys.executable, "-m", "edgepack", "build", f"{_SAMPLE / 'model.py'}:digits", "--target", "android"),
        *("--calibration", str(_SAMPLE / "calibration.npz"), "--labels", str(_SAMPLE / "test_data.npz")),
        *("--output", str(BUNDLE)),
    ]
    if subprocess.run(command, stdout=sys.stderr, check=False).returncode:
        raise ConversionError("the sample's bundle could not be built", hint="see above")
