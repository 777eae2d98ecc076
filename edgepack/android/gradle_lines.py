"""The lines that an app's Gradle file needs for an embedded bundle."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import PurePosixPath

from edgepack.android.abis import require_android
from edgepack.bundle.manifest import Artifact, Manifest
from edgepack.runners.runtimes import RuntimeRelease, target_releases
from edgepack.runners.static_gate import capabilities, check_statically
from edgepack.targets import Target


def suffixes(manifest: Manifest) -> tuple[str, ...]:
    """Give the endings of the artifacts' names, without dots: files that the app must not compress.

    A compressed asset can't be mapped into memory, and trained weights hardly get smaller.
    """
    names = [PurePosixPath(artifact.file.path) for artifact in manifest.artifacts]
    return tuple(dict.fromkeys(name.suffix.removeprefix(".") for name in names if name.suffix))


def dependencies(manifest: Manifest) -> tuple[str, ...]:
    """Give the coordinates of the runtimes that the artifacts need, "group:artifact:release" each.

    For each format this is the first of the target's own releases that has all that the artifacts need.

    Raises:
        UsageError: The bundle is not for Android.
    """
    target = require_android(manifest)
    by_format: dict[str, list[Artifact]] = {}
    for artifact in manifest.artifacts:
        by_format.setdefault(artifact.format, []).append(artifact)
    found = (_fitting(target, format_, artifacts) for format_, artifacts in by_format.items())
    return tuple(release.id for release in found if release)


def gradle_text(manifest: Manifest, *, kotlin: bool) -> str:
    """Give the lines for build.gradle, or for build.gradle.kts.

    Args:
        manifest: Of the embedded bundle.
        kotlin: Whether the app's Gradle files are in Kotlin.

    Raises:
        UsageError: The bundle is not for Android.
    """
    endings, coordinates = suffixes(manifest), dependencies(manifest)
    return "\n".join(_kotlin(endings, coordinates) if kotlin else _groovy(endings, coordinates))


def _fitting(target: Target, format_: str, artifacts: Sequence[Artifact]) -> RuntimeRelease | None:
    releases = target_releases(target, format_)
    for release in releases:
        if capabilities(release) and not _objected(release, artifacts):
            return release
    return releases[0] if releases else None


def _objected(release: RuntimeRelease, artifacts: Sequence[Artifact]) -> bool:
    return any(check_statically(artifact.id, artifact, release.id) for artifact in artifacts)


def _groovy(endings: Sequence[str], coordinates: Sequence[str]) -> Iterator[str]:
    listed = ", ".join(f"'{ending}'" for ending in endings)
    return _blocks(f"noCompress {listed}", [f"implementation '{one}'" for one in coordinates])


def _kotlin(endings: Sequence[str], coordinates: Sequence[str]) -> Iterator[str]:
    listed = ", ".join(f'"{ending}"' for ending in endings)
    return _blocks(f"noCompress += listOf({listed})", [f'implementation("{one}")' for one in coordinates])


def _blocks(no_compress: str, implementations: Sequence[str]) -> Iterator[str]:
    yield from ("android {", "    androidResources {", f"        {no_compress}", "    }", "}")
    yield from ("dependencies {", *(f"    {line}" for line in implementations), "}")
