"""The demo app's source, and the versions that Gradle and these scripts share."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PROJECT = ROOT / "android_demo"
MAIN = PROJECT / "app" / "src" / "main"
JAVA = (MAIN / "java", *(PROJECT / module / "src" / "main" / "java" for module in ("runtime", "pictures")))
PACKAGE = "dev.edgepack.demo"


@dataclass(frozen=True, slots=True)
class Versions:
    """What gradle/libs.versions.toml says.

    Attributes:
        min_sdk: The oldest Android that the app runs on, as its API level.
        target_sdk: The API level whose behaviour it expects.
        app_code: What Android tells releases of the app by.
        app_name: What people do.
        pytorch: The release of pytorch_android_lite.
        tensorflow_lite: The release of tensorflow-lite.
    """

    min_sdk: str
    target_sdk: str
    app_code: str
    app_name: str
    pytorch: str
    tensorflow_lite: str


@cache
def versions() -> Versions:
    table = tomllib.loads((PROJECT / "gradle" / "libs.versions.toml").read_text(encoding="utf-8"))["versions"]
    return Versions(
        min_sdk=table["minSdk"],
        target_sdk=table["targetSdk"],
        app_code=table["appCode"],
        app_name=table["appName"],
        pytorch=table["pytorch"],
        tensorflow_lite=table["tensorflowLite"],
    )
