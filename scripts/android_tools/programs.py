"""The programs that the build calls."""

from __future__ import annotations

from pathlib import Path

from edgepack.toolchain.programs import Program

JAVAC = Program(
    "javac",
    "compile the app",
    {"debian": "openjdk-17-jdk-headless", "fedora": "java-17-openjdk-devel", "arch": "jdk17-openjdk"},
)
JAVA = Program("java", "run Android's compiler", JAVAC.packages)
KEYTOOL = Program("keytool", "read keystores", JAVAC.packages)
AAPT2 = Program(
    "aapt2",
    "compile the app's resources",
    {"debian": "aapt", "fedora": "android-tools", "arch": "android-sdk-build-tools"},
)
ZIPALIGN = Program(
    "zipalign",
    "align the files in the app",
    {"debian": "zipalign", "fedora": "android-tools", "arch": "android-sdk-build-tools"},
)
APKSIGNER = Program(
    "apksigner",
    "sign the app",
    {"debian": "apksigner", "fedora": "apksigner", "arch": "android-sdk-build-tools"},
)


def java_home(javac: Path) -> Path:
    """Give the folder of the JDK that a javac belongs to."""
    return javac.resolve().parents[1]
