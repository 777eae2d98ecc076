"""The libraries that execute artifacts in Android apps, by their coordinates, as data."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Module:
    """A library of which there are releases.

    Attributes:
        format: The artifact format that it executes.
        advice: What to do about releases of which edgepack does not know what they can load.
    """

    format: str
    advice: str


_ADD = "get its .aar, `edgepack runtime add` it, and check with --runtime and --run"

MODULES = {
    "org.pytorch:pytorch_android_lite": Module(
        "torch_lite", f"pin org.pytorch:pytorch_android_lite:1.12.2; or {_ADD}"
    ),
    "org.pytorch:pytorch_android": Module(
        "torch_lite",
        "edgepack knows the lite runtime only: pin org.pytorch:pytorch_android_lite:1.12.2 instead",
    ),
    "org.tensorflow:tensorflow-lite": Module(
        "tflite", f"pin org.tensorflow:tensorflow-lite:2.16.1; or {_ADD}"
    ),
    "com.google.ai.edge.litert:litert": Module("tflite", _ADD),
    "com.google.android.gms:play-services-tflite-java": Module(
        "tflite",
        "each device's Play services decide which release runs, so nothing can be told beforehand: "
        "pin org.tensorflow:tensorflow-lite:2.16.1 instead",
    ),
}
"""By "group:artifact"."""

LARGE_PAGES = {
    "tflite": "com.google.ai.edge.litert:litert is built for them from 1.4.0 on: check that with --runtime "
    "and --run",
    "torch_lite": "no release of pytorch_android_lite is built for them, and there will be no more: ship the "
    ".tflite files, or build the library yourself with -Wl,-z,max-page-size=16384",
}
"""By format, what to move to for pages of 16 KB. https://github.com/google-ai-edge/LiteRT/issues/4286 and
https://github.com/pytorch/pytorch/issues/154449 hold what the makers say."""
