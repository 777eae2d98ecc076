"""Compiling the JVM tests and running them."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from jvm_packages import Robolectric
from natives import Natives
from programs import JAVAC
from project import PACKAGE, PROJECT
from staging import Staged

from edgepack.errors import VerificationFailed
from edgepack.toolchain.programs import call, find

_TESTS = PROJECT / "jvm_tests"
_SECONDS = 900.0
_CONFIG = "com/android/tools/test_config.properties"
"""Where Robolectric looks for the app's resources, as the Android Gradle Plugin writes it."""


@dataclass(frozen=True, slots=True)
class Suite:
    """Compiled tests.

    Attributes:
        names: Of the classes.
        path: The class path.
        systems: The folder of Robolectric's Android.
    """

    names: Sequence[str]
    path: Sequence[Path]
    systems: Path


def compile_tests(work: Path, staged: Staged, app: Path, robolectric: Robolectric) -> Suite:
    """Compile the tests against the app's own classes.

    Args:
        work: Where the classes go.
        staged: The app, compiled.
        app: The APK that is installed where the tests run.
        robolectric: What runs them.

    Raises:
        ToolError: There is no JDK, or they do not compile.
    """
    classes = work / "tests"
    sources = sorted((_TESTS / "java").rglob("*.java"))
    # Robolectric's own Android comes first; the jar is for the names of classes that it does not load itself.
    path = (staged.classes, *staged.libraries.classes, *robolectric.classes, staged.libraries.android)
    call(
        [
            *(find(JAVAC), "--release", "17", "-encoding", "UTF-8", "-g", "-proc:none"),
            *("-Xlint:all,-classfile,-processing", "-cp", os.pathsep.join(map(str, path))),
            *("-d", classes),
            *sources,
        ],
        "compile the JVM tests",
    )
    _write_config(classes, staged, app)
    names = [f"{PACKAGE}.{source.stem}" for source in sources if source.stem.endswith("Test")]
    return Suite(names, (classes, _TESTS / "resources", *path), robolectric.systems)


def run_tests(suite: Suite, natives: Natives, properties: Mapping[str, object], log: Path) -> None:
    """Run all tests in one Java virtual machine; what they say goes to standard output.

    Args:
        suite: The tests.
        natives: What they load.
        properties: What they ask for as Java's system properties `edgepack.NAME`.
        log: Where everything else goes: the runtimes' log, and Android's.

    Raises:
        VerificationFailed: A test failed, or all of them did not come to an end.
    """
    crash = log.with_name("crash.txt")
    options = _options(suite, natives, {"edgepack." + name: value for name, value in properties.items()})
    main = f"{PACKAGE.replace('.', '/')}/TestMain"
    command = [
        *(str(natives.launcher), str(natives.machine), f"-XX:ErrorFile={crash}"),
        *(*options, "--", main, *suite.names),
    ]
    environment = os.environ | {"LD_LIBRARY_PATH": f"{natives.bridge}:{natives.libraries}"}
    crash.unlink(missing_ok=True)
    with log.open("wb") as errors:
        try:
            done = subprocess.run(command, stderr=errors, env=environment, timeout=_SECONDS, check=False)
        except subprocess.TimeoutExpired as error:
            message = f"the app's JVM tests did not end within {_SECONDS:g} s"
            raise VerificationFailed(message, hint=f"see above, and {log}") from error
    if crash.exists():
        raise VerificationFailed("the app's JVM tests crashed", hint=f"see {crash} and {log}")
    if done.returncode:
        raise VerificationFailed("the app's JVM tests failed", hint=f"see above, and {log}")


def _options(suite: Suite, natives: Natives, properties: Mapping[str, object]) -> list[str]:
    """Give the virtual machine's options."""
    given = {
        "java.class.path": os.pathsep.join(map(str, suite.path)),
        "java.library.path": natives.libraries,
        # Robolectric and PyTorch unpack libraries and keep caches.
        "java.io.tmpdir": suite.systems.parent,
        "robolectric.offline": "true",
        "robolectric.dependency.dir": suite.systems,
        **properties,
    }
    return [
        "-Xmx1g",
        # Robolectric stands in for Android's file descriptors by Java's.
        "--add-opens=java.base/java.io=ALL-UNNAMED",
        *(f"-D{name}={value}" for name, value in given.items()),
    ]


def _write_config(classes: Path, staged: Staged, app: Path) -> None:
    values = {
        "android_custom_package": PACKAGE,
        "android_merged_manifest": staged.resources.with_name("AndroidManifest.xml"),
        "android_resource_apk": app,
    }
    config = classes / _CONFIG
    config.parent.mkdir(parents=True)
    config.write_text("".join(f"{name}={value}\n" for name, value in values.items()), encoding="utf-8")
