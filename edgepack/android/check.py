"""Says whether an app, with the runtimes that it pins or holds, can load and run a bundle's artifacts."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from itertools import chain
from pathlib import Path

from edgepack.android.abis import require_android
from edgepack.android.apk import read_apk
from edgepack.android.apk_runtimes import borrowed_runtimes
from edgepack.android.app import App, Pin
from edgepack.android.findings import AssetState, Finding, Level, app_findings, asset_state
from edgepack.android.gradle_lines import dependencies
from edgepack.android.gradle_project import read_project
from edgepack.android.libraries import NativeLibrary, libraries_of
from edgepack.android.modules import MODULES
from edgepack.bundle import Bundle, check_files, open_bundle
from edgepack.bundle.manifest import Artifact
from edgepack.errors import UsageError
from edgepack.events import Listener, ignore
from edgepack.options import RunnerChoice
from edgepack.report.model import Report
from edgepack.runners.runtime_store import InstalledRuntime, RuntimeStore
from edgepack.runners.runtimes import RUNTIMES
from edgepack.runners.static_gate import Objection, capabilities, check_statically
from edgepack.suggest import choices
from edgepack.workers.limits import Limits


@dataclass(frozen=True, slots=True)
class CheckOptions:
    """How to check.

    Attributes:
        runtimes: Releases to assume instead of those that the app names for the same formats.
        run: Whether to run the artifacts on ARM64 in exactly these releases.
        limits: What each job of that may use.
    """

    runtimes: tuple[str, ...] = ()
    run: bool = False
    limits: Limits = field(default_factory=Limits)


@dataclass(frozen=True, slots=True)
class AppRuntime:
    """A runtime of the app.

    Attributes:
        release: "group:artifact:version", or the id of a runtime that was added from a file.
        format: The artifact format that it executes.
        where: What says that the app has it.
        libraries: Its native libraries; empty where they are not known.
    """

    release: str
    format: str
    where: tuple[str, ...]
    libraries: tuple[NativeLibrary, ...]


@dataclass(frozen=True, slots=True)
class ArtifactVerdict:
    """Whether one artifact can be loaded.

    Attributes:
        artifact: Its id.
        runtime: The release that would execute it; empty where the app has none.
        objections: Why it cannot be loaded, or cannot be relied on to be; none when it can.
    """

    artifact: str
    runtime: str
    objections: tuple[Objection, ...]

    @property
    def loads(self) -> bool:
        """Whether nothing speaks against it."""
        return not self.objections


@dataclass(frozen=True, slots=True)
class AppCheck:
    """What was found out; true when the app can load every artifact, and where it was asked for, ran them.

    Attributes:
        app: The project or the APK.
        bundle: The bundle's name.
        runtimes: Those that the app has for the bundle's formats.
        verdicts: Per artifact and runtime.
        findings: What concerns the app as a whole.
        proof: How the artifacts ran in the app's runtimes on ARM64; None where that was not asked for.
    """

    app: Path
    bundle: str
    runtimes: tuple[AppRuntime, ...]
    verdicts: tuple[ArtifactVerdict, ...]
    findings: tuple[Finding, ...]
    proof: Report | None = None

    def __bool__(self) -> bool:
        """Whether there is no problem."""
        static = all(one.loads for one in self.verdicts)
        sound = not any(one.level == Level.PROBLEM for one in self.findings)
        return static and sound and (self.proof is None or bool(self.proof))


def check_app(
    path: Path, bundle: Path, options: CheckOptions | None = None, emit: Listener = ignore
) -> AppCheck:
    """Check an app against a bundle.

    Args:
        path: The folder of the app's Gradle project or module, or an APK.
        bundle: The bundle's folder or .zip.
        options: Which runtimes count, and whether to run.
        emit: Told of every step.

    Raises:
        BundleError: The bundle is damaged, or not safe to read.
        UsageError: The bundle is not for Android, or a runtime is unknown.
        SourceError: The app cannot be read.
        ToolError: A runtime, or what running on ARM64 takes, is not installed.
    """
    options = options or CheckOptions()
    runtimes, store = options.runtimes, RuntimeStore(emit=emit)
    with open_bundle(bundle) as opened, tempfile.TemporaryDirectory(prefix="edgepack-") as scratch:
        check_files(opened)
        app = _read(path, opened.name, store.installed(), Path(scratch), required=not runtimes)
        if not options.run:
            return _check(app, opened, runtimes, store.installed())
        with nullcontext(app) if runtimes else borrowed_runtimes(app, Path(scratch), store) as whole:
            installed = store.installed()
            result = _check(
                whole, opened, runtimes, installed, frozenset(one.release.id for one in installed)
            )
            return replace(result, proof=_prove(opened, result.runtimes, options.limits, emit))


def _check(
    app: App,
    bundle: Bundle,
    named: Sequence[str],
    installed: Sequence[InstalledRuntime],
    provable: frozenset[str] = frozenset(),
) -> AppCheck:
    """Look at everything that can be told without running anything.

    Args:
        app: The app.
        bundle: The bundle.
        named: Releases to assume instead of the app's.
        installed: Runtimes of this machine.
        provable: Releases that will be run, whose operators need not be known.
    """
    target = require_android(bundle.manifest)
    assets = asset_state(app, bundle)
    found = _runtimes(app, named, installed)
    by_release = {one.release: (one.format, one.libraries) for one in found}
    return AppCheck(
        app.path,
        bundle.name,
        found,
        _all_verdicts(bundle, found, assets, provable),
        tuple(app_findings(app, bundle.manifest, target, by_release, assets)),
    )


def _read(
    path: Path, name: str, installed: tuple[InstalledRuntime, ...], scratch: Path, *, required: bool
) -> App:
    if path.is_dir():
        return read_project(path, required=required)
    if not path.is_file():
        raise UsageError(
            f"there is no app at {path}", hint="give the folder of its Gradle project, or an .apk"
        )
    return read_apk(path, installed, scratch, name)


def _runtimes(
    app: App, named: Sequence[str], installed: Sequence[InstalledRuntime]
) -> tuple[AppRuntime, ...]:
    """Give the runtimes that count: the named ones, and the app's own for other formats."""
    formats = {runtime.release.id: runtime.release.format for runtime in installed}
    formats |= {release: known.format for release, known in RUNTIMES.items()}
    pins = [Pin(_known(release, formats), "--runtime") for release in named]
    covered = {_format(pin.release, formats) for pin in pins}
    pins += [pin for pin in app.pins if _format(pin.release, formats) not in covered]
    places: dict[str, list[str]] = {}
    for pin in pins:
        places.setdefault(pin.release, []).append(pin.where)
    return tuple(
        AppRuntime(release, _format(release, formats), tuple(where), _shipped(app, release, installed))
        for release, where in places.items()
    )


def _shipped(app: App, release: str, installed: Sequence[InstalledRuntime]) -> tuple[NativeLibrary, ...]:
    known = libraries_of(release, installed)
    return tuple(one for one in known if not app.abis or one.abi in app.abis)


def _format(release: str, formats: Mapping[str, str]) -> str:
    if release in formats:
        return formats[release]
    return MODULES[release.rpartition(":")[0]].format


def _known(release: str, formats: Mapping[str, str]) -> str:
    if release not in formats and release.rpartition(":")[0] not in MODULES:
        raise UsageError(
            f"unknown runtime {release!r}",
            hint=choices(release, [*formats, *(f"{module}:…" for module in MODULES)]),
        )
    return release


def _all_verdicts(
    bundle: Bundle, runtimes: Sequence[AppRuntime], assets: AssetState, provable: frozenset[str]
) -> tuple[ArtifactVerdict, ...]:
    each = (_verdicts(artifact, runtimes, bundle, assets, provable) for artifact in bundle.manifest.artifacts)
    return tuple(chain.from_iterable(each))


def _verdicts(
    artifact: Artifact,
    runtimes: Sequence[AppRuntime],
    bundle: Bundle,
    assets: AssetState,
    provable: frozenset[str],
) -> Iterator[ArtifactVerdict]:
    stale = [
        Objection(artifact.id, "", reason, hint) for reason, hint in assets.objections(artifact.file.path)
    ]
    fitting = [runtime for runtime in runtimes if runtime.format == artifact.format]
    if not fitting:
        releases = dependencies(bundle.manifest)
        wanted = [release for release in releases if RUNTIMES[release].format == artifact.format]
        reason = f"the app names no runtime for {artifact.format}"
        hint = f"add the dependency {wanted[0]}" if wanted else ""
        yield ArtifactVerdict(artifact.id, "", (Objection(artifact.id, "", reason, hint), *stale))
    for runtime in fitting:
        found = _objections(artifact, runtime.release, provable)
        yield ArtifactVerdict(artifact.id, runtime.release, (*found, *stale))


def _objections(artifact: Artifact, release: str, provable: frozenset[str]) -> tuple[Objection, ...]:
    if release in RUNTIMES and capabilities(RUNTIMES[release]):
        return check_statically(artifact.id, artifact, release)
    if release in provable:
        return ()  # running it says more than any list of operators
    module = MODULES.get(release.rpartition(":")[0])
    reason = f"edgepack does not know what {release} can load"
    return (
        Objection(artifact.id, release, reason, module.advice if module else "find out by running: --run"),
    )


def _prove(bundle: Bundle, runtimes: Sequence[AppRuntime], limits: Limits, emit: Listener) -> Report | None:
    """Run the artifacts in the app's runtimes, as far as these can be had."""
    from edgepack.verification import VerifyOptions, verify

    usable = [runtime for runtime in runtimes if runtime.release in RUNTIMES or runtime.libraries]
    formats = {runtime.format for runtime in usable}
    artifacts = tuple(artifact.id for artifact in bundle.manifest.artifacts if artifact.format in formats)
    if not artifacts:
        return None
    choice = RunnerChoice(("arm64",), tuple(runtime.release for runtime in usable))
    return verify(bundle.path, VerifyOptions(artifacts, choice, limits), emit)
