"""What the build takes from Maven Central, locked by digest.

Downloads lie in edgepack's cache, outside of the clone, each under its digest: once there, the network is not
asked again.
"""

from __future__ import annotations

from project import versions

from edgepack.cache import default_root
from edgepack.events import Listener
from edgepack.runners.java import APIS
from edgepack.runners.runtimes import find_release
from edgepack.toolchain.downloads import Download, DownloadCache
from edgepack.toolchain.fetching import MavenSource


def _jar(group: str, artifact: str, release: str, sha256: str, size: int) -> Download:
    return Download(MavenSource(group, artifact, release, "jar"), f"{artifact}-{release}.jar", sha256, size)


D8 = _jar(
    "com.android.tools",
    "r8",
    "8.5.35",
    "4733945987ee0a840fafc34080b135259e01678412e07212b23f706334290294",
    16_745_967,
)
"""The compiler from Java's bytecode to Android's."""

ANDROID = _jar(
    "org.robolectric",
    "android-all",
    "14-robolectric-10818077",
    "6be2218c6a53fe3c57bc22ebdc723edcb7270a8a6f187545708aa5c0ed813977",
    137_666_235,
)
"""Android 14 as Robolectric publishes it; the SDK's android.jar is not on Maven Central. It also holds what
apps must not use, so javac does not refuse that; Android Studio does."""


def archives() -> tuple[Download, ...]:
    """The runtimes, in the releases that the app's version catalogue pins, and what their classes need."""
    pinned = (
        f"org.pytorch:pytorch_android_lite:{versions().pytorch}",
        f"org.tensorflow:tensorflow-lite:{versions().tensorflow_lite}",
    )
    releases = [find_release(name) for name in pinned]
    wanted = ((one.download, *APIS[one.engine].further) for one in releases)
    return tuple(download for downloads in wanted for download in downloads if download is not None)


def downloads(emit: Listener) -> DownloadCache:
    return DownloadCache(default_root() / "downloads", emit=emit)
