"""From the app's source to what goes into the APK; the same source gives the same bytes."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from programs import AAPT2, JAVA, JAVAC, java_home
from project import JAVA as SOURCES
from project import MAIN, PACKAGE, Versions

from edgepack.errors import UsageError
from edgepack.toolchain.programs import call, find

_ANDROID = "http://schemas.android.com/apk/res/android"


@dataclass(frozen=True, slots=True)
class Libraries:
    """What the app is compiled against.

    Attributes:
        android: Android itself; not part of the app.
        d8: The compiler to Android's bytecode.
        classes: The runtimes' classes, which go into the app.
    """

    android: Path
    d8: Path
    classes: tuple[Path, ...]


def link_resources(work: Path, android: Path, versions: Versions, *, debuggable: bool) -> Path:
    """Compile resources and manifest.

    Returns:
        An APK with nothing else; the class R is written to `work/generated`.
    """
    aapt2, compiled, linked = find(AAPT2), work / "resources.zip", work / "resources.apk"
    call([aapt2, "compile", "--dir", MAIN / "res", "-o", compiled], "compile the app's resources")
    call(
        [
            *(aapt2, "link", "-I", android, "--manifest", _write_manifest(work, versions)),
            "--java",
            work / "generated",
            "-o",
            linked,
            *("--min-sdk-version", versions.min_sdk, "--target-sdk-version", versions.target_sdk),
            *("--version-code", versions.app_code, "--version-name", versions.app_name),
            *(("--debug-mode",) if debuggable else ()),
            compiled,
        ],
        "link the app's resources",
    )
    return linked


def compile_java(work: Path, libraries: Libraries) -> Path:
    """Compile the app and the class R; give the folder of classes."""
    classes = work / "classes"
    sources = [path for folder in (*SOURCES, work / "generated") for path in sorted(folder.rglob("*.java"))]
    path = ":".join(map(str, (libraries.android, *libraries.classes)))
    options = ("--release", "17", "-encoding", "UTF-8", "-g", "-proc:none")
    call([find(JAVAC), *options, "-cp", path, "-d", classes, *sources], "compile the app")
    return classes


def compile_dex(work: Path, classes: Path, libraries: Libraries, versions: Versions) -> Sequence[Path]:
    """Turn the app's and the runtimes' classes into classes.dex, and further ones if one cannot hold them."""
    folder = work / "dex"
    folder.mkdir()
    call(
        [
            *(find(JAVA), "-Xmx1g", "-cp", libraries.d8, "com.android.tools.r8.D8"),
            *("--release", "--min-api", versions.min_sdk, "--output", folder),
            *("--lib", libraries.android, "--lib", java_home(find(JAVAC))),
            *sorted(classes.rglob("*.class")),
            *libraries.classes,
        ],
        "compile the app for Android",
    )
    return sorted(folder.glob("*.dex"), key=lambda path: (len(path.name), path.name))


def _write_manifest(work: Path, versions: Versions) -> Path:
    """Complete the source's manifest as the Android Gradle Plugin does."""
    values = {"pytorch": versions.pytorch, "tensorflowLite": versions.tensorflow_lite}
    text = (MAIN / "AndroidManifest.xml").read_text(encoding="utf-8")
    if unknown := set(_placeholders(text)) - set(values):
        raise UsageError(
            f"AndroidManifest.xml has placeholders of no known value: {', '.join(sorted(unknown))}"
        )
    ET.register_namespace("android", _ANDROID)
    manifest = ET.fromstring(re.sub(r"\$\{(\w+)\}", lambda match: values[match[1]], text))
    manifest.set("package", PACKAGE)
    application = manifest.find("application")
    assert application is not None
    # Android then maps the libraries out of the APK instead of unpacking them.
    application.set(f"{{{_ANDROID}}}extractNativeLibs", "false")
    path = work / "AndroidManifest.xml"
    ET.ElementTree(manifest).write(path, encoding="utf-8", xml_declaration=True)
    return path


def _placeholders(text: str) -> Iterable[str]:
    return re.findall(r"\$\{(\w+)\}", text)
