"""What concerns an app as a whole: its assets, machines, pages of 16 KB, and what could not be understood."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import PurePosixPath

from edgepack.android.app import App
from edgepack.android.embed import ASSETS, Differences, compare
from edgepack.android.gradle_lines import suffixes
from edgepack.android.libraries import PAGE, NativeLibrary
from edgepack.android.modules import LARGE_PAGES
from edgepack.bundle import Bundle, open_bundle
from edgepack.bundle.manifest import Manifest
from edgepack.errors import BundleError
from edgepack.runners.runtimes import ANDROID_ENGINES
from edgepack.targets import Target

type Libraries = Mapping[str, tuple[str, Sequence[NativeLibrary]]]
"""Release to its format and its libraries."""

PLAY_RULE = "which Google Play has asked of apps for Android 15 and later since November 2025"
"""https://developer.android.com/guide/practices/page-sizes."""


class Level(StrEnum):
    """How bad something is."""

    PROBLEM = "problem"
    WARNING = "warning"
    NOTE = "note"


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that the developer should know.

    Attributes:
        level: Only problems make the check fail.
        about: What it concerns: a file, a library, a release, an artifact.
        message: In one sentence.
        hint: What to do; may be empty.
    """

    level: Level
    about: str
    message: str
    hint: str = ""


@dataclass(frozen=True, slots=True)
class AssetState:
    """How the bundle lies among the app's assets.

    Attributes:
        found: Whether it is there at all.
        left_out: Artifacts that the app has chosen not to embed.
        differences: Folder to what differs there from the bundle.
        faults: Folder to why it cannot be read.
        compressed: Paths inside the bundle that the APK holds compressed.
    """

    found: bool
    left_out: frozenset[str]
    differences: Mapping[str, Differences]
    faults: Mapping[str, str]
    compressed: frozenset[str]

    def objections(self, path: str) -> Iterator[tuple[str, str]]:
        """Say what is wrong with an artifact's file, and what to do."""
        if any(path in found.stale or path in found.missing for found in self.differences.values()):
            yield "its file among the app's assets is stale", "edgepack embed"
        if path in self.compressed and PurePosixPath(path).suffix == ".tflite":
            yield "its file is compressed in the APK and cannot be mapped", "add noCompress 'tflite'"


def asset_state(app: App, bundle: Bundle) -> AssetState:
    """Compare what lies among the assets with the bundle, as far as the app has chosen to embed it.

    Raises:
        BundleError: The bundle is damaged.
    """
    differences, faults, found = {}, {}, False
    known = {artifact.id for artifact in bundle.manifest.artifacts}
    left_out: set[str] = set()
    for folder in app.source_sets:
        embedded = folder / ASSETS / bundle.name
        if not embedded.is_dir():
            continue
        found = True
        shown = f"{ASSETS}/{bundle.name}" if app.is_built else str(embedded)
        try:
            manifest = open_bundle(embedded).manifest
        except BundleError as error:
            faults[shown] = error.message
            continue
        chosen = [artifact.id for artifact in manifest.artifacts if artifact.id in known]
        left_out |= known - set(chosen)
        differences[shown] = compare(
            bundle, folder, artifacts=chosen, golden=bool(manifest.golden)
        ).differences
    prefix = f"{ASSETS}/{bundle.name}/"
    compressed = frozenset(one.removeprefix(prefix) for one in app.compressed)
    return AssetState(found, frozenset(left_out), differences, faults, compressed)


def app_findings(
    app: App, manifest: Manifest, target: Target, libraries: Libraries, assets: AssetState
) -> Iterator[Finding]:
    """Give everything that does not concern one artifact alone.

    Args:
        app: The app.
        manifest: Of the bundle.
        target: That the bundle was built for.
        libraries: The app's runtimes.
        assets: See `asset_state`.
    """
    for line in app.unclear:
        yield Finding(
            Level.WARNING,
            line.where,
            f"not understood: {line.text} ({line.reason})",
            "find out with --run"
            if app.is_built
            else "if this is a runtime of the app, name it with --runtime",
        )
    yield from _machine_findings(app, target)
    yield from _asset_findings(manifest, assets)
    yield from _compression_findings(app, manifest, assets)
    yield from _page_findings(app, libraries)


def _machine_findings(app: App, target: Target) -> Iterator[Finding]:
    if app.abis and target.abi not in app.abis:
        yield Finding(
            Level.PROBLEM,
            target.abi,
            f"the bundle is for {target.abi}, and the app is built for {', '.join(app.abis)} only",
            "add it to abiFilters, or build the bundle for another target",
        )
        return
    engines = [library for library in app.libraries if library.name in ANDROID_ENGINES]
    for name in dict.fromkeys(library.name for library in engines):
        if target.abi not in {library.abi for library in engines if library.name == name}:
            yield Finding(Level.PROBLEM, name, f"the APK has no {name} for {target.abi}", "build it again")


def _asset_findings(manifest: Manifest, assets: AssetState) -> Iterator[Finding]:
    files = {artifact.file.path for artifact in manifest.artifacts}
    for folder, fault in assets.faults.items():
        yield Finding(Level.PROBLEM, folder, fault, "remove the folder and `edgepack embed` again")
    for folder, found in assets.differences.items():
        kinds = (("missing", found.missing), ("stale", found.stale), ("extra", found.extra))
        named = [f"{path} is {kind}" for kind, paths in kinds for path in paths if path not in files]
        if named:
            yield Finding(Level.PROBLEM, folder, "; ".join(named), "edgepack embed")
    if not assets.found:
        yield Finding(
            Level.NOTE, ASSETS, f"bundle {manifest.name} is not among the app's assets", "edgepack embed"
        )
    for artifact in manifest.artifacts:
        if artifact.id in assets.left_out:
            yield Finding(Level.NOTE, artifact.id, "the app does not embed it")


def _compression_findings(app: App, manifest: Manifest, assets: AssetState) -> Iterator[Finding]:
    files = {artifact.file.path for artifact in manifest.artifacts}
    for path in sorted(assets.compressed & files):
        if not path.endswith(".tflite"):
            yield Finding(
                Level.WARNING, path, "it is compressed in the APK, which gains next to nothing", "noCompress"
            )
    for suffix in () if app.is_built else suffixes(manifest):
        if suffix not in app.stored:
            yield Finding(
                Level.WARNING,
                f".{suffix}",
                f"no build file says noCompress '{suffix}': compressed, such a file cannot be mapped",
                "`edgepack embed` prints the lines",
            )


def _page_findings(app: App, runtimes: Libraries) -> Iterator[Finding]:
    others = list(app.libraries)
    for release, (format_, libraries) in runtimes.items():
        builds = {library.build_id for library in libraries if library.build_id}
        held = [library for library in others if library.build_id in builds]
        others = [library for library in others if library not in held]
        yield from _small_pages(release, held if app.is_built else libraries, LARGE_PAGES[format_])
        yield from _stripped(release, held, libraries)
        if not libraries:
            message = "the size of its libraries and of their pages is not known"
            yield Finding(Level.NOTE, release, message, "check the built .apk as well")
    yield from _small_pages("other libraries", others, "update what brings them into the app")
    if app.misplaced:
        yield Finding(
            Level.WARNING,
            ", ".join(app.misplaced),
            f"in the APK, this does not start on a page of 16 KB, {PLAY_RULE}",
            "zipalign -P 16, or the Android Gradle plugin from 8.5.1 on",
        )


def _stripped(
    release: str, held: Sequence[NativeLibrary], known: Sequence[NativeLibrary]
) -> Iterator[Finding]:
    sizes = {library.build_id: library.bytes for library in known}
    names = [library.name for library in held if library.bytes != sizes[library.build_id]]
    if names:
        message = (
            f"the APK's {', '.join(dict.fromkeys(names))} was stripped: the build is the same, the size not"
        )
        yield Finding(Level.NOTE, release, message, "--run uses the library as it was published")


def _small_pages(about: str, libraries: Sequence[NativeLibrary], hint: str) -> Iterator[Finding]:
    small = [library for library in libraries if library.has_large_pages and library.alignment < PAGE]
    if small:
        names = ", ".join(dict.fromkeys(library.name for library in small))
        abis = ", ".join(dict.fromkeys(library.abi for library in small))
        message = f"{names} cannot be loaded with pages of 16 KB ({abis}), {PLAY_RULE}"
        yield Finding(Level.WARNING, about, message, hint)
