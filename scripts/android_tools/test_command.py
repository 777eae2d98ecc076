"""scripts/android test: the app's own classes on the JVM, with real inference."""

from __future__ import annotations

import argparse
import shutil
import tempfile
from pathlib import Path

import jvm_packages
import packages
from apps import damaged_app, pack_app
from jvm import compile_tests, run_tests
from natives import make_natives
from pictures import write_pictures
from programs import AAPT2, JAVAC, ZIPALIGN
from project import PROJECT
from samples import held_back, judge, sample_bundles
from staging import BUNDLE, stage

from edgepack.events import Listener, step
from edgepack.toolchain.downloads import writing
from edgepack.toolchain.programs import NATIVE_COMPILER, find

SUMMARY = "run the app's classes on the JVM, with real inference"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    shown = BUNDLE.relative_to(PROJECT.parent)
    parser.add_argument(
        "--bundle", type=Path, default=BUNDLE, help=f"of the digits; {shown}, built where it is missing"
    )
    parser.add_argument(
        "--output",
        type=Path,
        default=PROJECT / "build" / "jvm_tests",
        help="the folder for pictures of screens, reports, the other samples' bundles and the log",
    )
    parser.add_argument(
        "--pictures", type=Path, help="a folder for small pictures of screens; docs/images has them"
    )


def run(arguments: argparse.Namespace, emit: Listener) -> None:
    for program in (JAVAC, AAPT2, ZIPALIGN, NATIVE_COMPILER):
        find(program)
    output: Path = arguments.output.absolute()
    with writing(output):
        for name in ("screens", "reports"):
            shutil.rmtree(output / name, ignore_errors=True)
            (output / name).mkdir(parents=True)
        with tempfile.TemporaryDirectory(prefix="work-", dir=output) as work:
            _run(Path(work), arguments.bundle.absolute(), output, emit)
    if arguments.pictures:
        write_pictures(output / "screens", arguments.pictures)
    print(f"\n{output}")


def _run(work: Path, bundle: Path, output: Path, emit: Listener) -> None:
    bundles = sample_bundles(output / "bundles", emit)
    staged = stage(work, bundle, emit, debuggable=True)
    robolectric = jvm_packages.fetch(packages.downloads(emit), work)
    with step(emit, "make the native libraries run here"):
        natives = make_natives(staged.archives, work)
    with step(emit, "compile the tests"):
        app = pack_app(staged, work / "app.apk")
        suite = compile_tests(work, staged, app, robolectric)
    properties = {
        "screens": output / "screens",
        "reports": output / "reports",
        "bundles": bundles,
        "held_back": held_back(work),
        "damaged_app": damaged_app(staged, work),
        "compressed_app": pack_app(staged, work / "compressed.apk", compressed=True),
        "empty_app": staged.resources,
    }
    with step(emit, "run the tests"):
        run_tests(suite, natives, properties, output / "log.txt")
    with step(emit, "judge the self-tests' outputs"):
        for report in sorted((output / "reports").iterdir()):
            judge(bundle if report.stem == staged.manifest.name else bundles / report.stem, report)
