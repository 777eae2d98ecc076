"""The machines that Android runs on."""

from __future__ import annotations

from edgepack.bundle.manifest import Manifest
from edgepack.errors import UsageError
from edgepack.targets import Target, target_of

ABIS = ("arm64-v8a", "armeabi-v7a", "x86_64", "x86")
"""Android's names for them, https://developer.android.com/ndk/guides/abis."""


def require_android(manifest: Manifest) -> Target:
    """Give the target that a bundle was built for.

    Raises:
        BundleError: It is unknown.
        UsageError: It is no Android one.
    """
    target = target_of(manifest)
    if target.abi not in ABIS:
        raise UsageError(
            f"bundle {manifest.name} was built for {target.name}, not for Android",
            hint="build it with --target android",
        )
    return target
