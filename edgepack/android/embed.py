"""Puts a bundle into an Android app's assets, and says whether what lies there is up to date."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from edgepack.android.abis import require_android
from edgepack.bundle import Bundle, check_files, from_json, open_bundle
from edgepack.bundle.consistency import MANIFEST, listed_files
from edgepack.bundle.document import dumps
from edgepack.bundle.manifest import FileRef, Manifest
from edgepack.bundle.output import foreign
from edgepack.bundle.replacing import replacing
from edgepack.bundle.tree import regular_files
from edgepack.errors import InternalError, UsageError
from edgepack.files import copy_hashed, sha256_of

ASSETS = "assets/edgepack"
"""Where embedded bundles lie, below the folder that holds an app's AndroidManifest.xml."""

_NOT_PACKED = (".*", "*.scc", "*~", "cvs", "thumbs.db", "picasa.ini")
_NO_FOLDER_PACKED = "_*"
"""Names that Android's build leaves out of the assets unless it is told otherwise, the last for folders only:
gDefaultIgnoreAssets in AaptAssets.cpp of the Android sources, matched without regard to case."""


@dataclass(frozen=True, slots=True)
class Differences:
    """How the files of an embedded bundle differ from those that should be there, by path, sorted.

    Attributes:
        missing: Not there.
        stale: There with other content.
        extra: There, and should not be.
        same: As they should be.
    """

    missing: tuple[str, ...]
    stale: tuple[str, ...]
    extra: tuple[str, ...]
    same: tuple[str, ...]

    @property
    def current(self) -> bool:
        """Whether there are none."""
        return not (self.missing or self.stale or self.extra)


@dataclass(frozen=True, slots=True)
class Embedded:
    """A bundle among an app's assets.

    Attributes:
        folder: Where it lies, or would lie.
        manifest: What it holds.
        bytes: The size of all its files.
        differences: What was found there before anything was written.
    """

    folder: Path
    manifest: Manifest
    bytes: int
    differences: Differences


def embed(
    bundle: str | Path | Bundle,
    into: str | Path,
    *,
    artifacts: Sequence[str] | None = None,
    golden: bool = True,
) -> Embedded:
    """Write a bundle into an app's assets; what is there already and current is not touched.

    The folder `assets/edgepack/<bundle name>` becomes a bundle in its own right, without reports. It appears
    by one rename; files whose content does not change are kept as they are.

    Args:
        bundle: A bundle, or the path of its folder or .zip.
        into: The folder that holds the app's AndroidManifest.xml, such as app/src/main.
        artifacts: Only these ids, or all when None.
        golden: Whether the golden cases come along: the app's self-test needs them, inference does not.

    Returns:
        Where it lies and what it holds; `differences` tells what was changed.

    Raises:
        BundleError: The bundle is damaged, of an unknown version, or not safe to read.
        UsageError: There is no such folder or artifact, the bundle is not for Android, something that is not
            edgepack's lies in the bundle's place, or it cannot be written to.
    """
    with _planned(bundle, into, artifacts, golden=golden) as plan:
        _refuse_foreign(plan)
        found = _compare(plan)
        if not found.current:
            _write(plan, found)
        return _embedded(plan, found)


def compare(
    bundle: str | Path | Bundle,
    into: str | Path,
    *,
    artifacts: Sequence[str] | None = None,
    golden: bool = True,
) -> Embedded:
    """Find out what `embed` would change, and change nothing.

    Args:
        bundle: As for `embed`, and so are the others.
        into: See there.
        artifacts: See there.
        golden: See there.

    Returns:
        Where it would lie, and how that differs from what lies there.

    Raises:
        BundleError: As for `embed`; also a link or another thing that is no plain file among the assets.
        UsageError: There is no such folder or artifact, or the bundle is not for Android.
    """
    with _planned(bundle, into, artifacts, golden=golden) as plan:
        return _embedded(plan, _compare(plan))


@dataclass(frozen=True, slots=True)
class _Plan:
    """What is to be where.

    Attributes:
        root: The bundle's folder.
        shown: The folder to write, as the user spells it.
        folder: The same, absolute, with every link followed but one of this name itself.
        manifest: What is to be embedded.
        text: Its manifest.json.
        files: What it lists, by path.
    """

    root: Path
    shown: Path
    folder: Path
    manifest: Manifest
    text: bytes
    files: Mapping[str, FileRef]


@contextmanager
def _planned(
    bundle: str | Path | Bundle, into: str | Path, artifacts: Sequence[str] | None, *, golden: bool
) -> Iterator[_Plan]:
    into = Path(into)
    if not into.is_dir():
        raise UsageError(
            f"there is no folder {into}",
            hint="give the one that holds the app's AndroidManifest.xml, such as app/src/main",
        )
    with nullcontext(bundle) if isinstance(bundle, Bundle) else open_bundle(Path(bundle)) as opened:
        check_files(opened)
        require_android(opened.manifest)
        text = _manifest_text(opened, artifacts, golden=golden)
        manifest = from_json(json.loads(text))
        shown = into / ASSETS / opened.name
        folder = (into / ASSETS).resolve() / opened.name
        files = {file.path: file for file in listed_files(manifest)}
        _refuse_unpackable(opened.name, files)
        if folder.is_relative_to(opened.root.resolve()):
            raise UsageError(
                f"bundle {opened.path} would be embedded into itself",
                hint="give the bundle that `edgepack build` wrote, not the one in the app",
            )
        yield _Plan(opened.root, shown, folder, manifest, text, files)


def _manifest_text(bundle: Bundle, artifacts: Sequence[str] | None, *, golden: bool) -> bytes:
    """Give the manifest to embed: the bundle's own to the byte, unless something is left out."""
    data = (bundle.root / MANIFEST).read_bytes()
    wanted = {bundle.artifact(one).id for one in artifacts or ()}
    document = json.loads(data)
    chosen = [one for one in document["artifacts"] if artifacts is None or one["id"] in wanted]
    if len(chosen) == len(document["artifacts"]) and (golden or not document["golden"]):
        return data
    document["artifacts"] = chosen
    if not golden:
        document["golden"] = []
    document["build_key"] = ""  # this is not what that build wrote
    return dumps(document).encode(errors="backslashreplace")


def _refuse_unpackable(name: str, files: Mapping[str, FileRef]) -> None:
    for path in (f"{name}/{path}" for path in files):
        *folders, file = path.lower().split("/")
        if any(fnmatchcase(part, pattern) for part in (*folders, file) for pattern in _NOT_PACKED) or any(
            fnmatchcase(folder, _NO_FOLDER_PACKED) for folder in folders
        ):
            raise UsageError(
                f"{path!r} would be missing in the app: Android's build leaves out what has such a name",
                hint="build the bundle with another --name, or give the model's input another name",
            )


def _refuse_foreign(plan: _Plan) -> None:
    if plan.folder.is_symlink():
        reason = "it is a symbolic link"
    elif plan.folder.exists() and not plan.folder.is_dir():
        reason = "it is a file"
    else:
        reason = foreign(plan.folder)
    if reason:
        raise UsageError(
            f"{plan.shown} is not edgepack's to replace: {reason}",
            hint="move it elsewhere or remove it, then embed again",
        )


def _compare(plan: _Plan) -> Differences:
    present = regular_files(plan.folder) if plan.folder.exists() else {}
    wanted = [MANIFEST, *plan.files]
    same = {path for path in wanted if path in present and _is_same(plan, path)}
    return Differences(
        missing=tuple(sorted(path for path in wanted if path not in present)),
        stale=tuple(sorted(path for path in wanted if path in present and path not in same)),
        extra=tuple(sorted(present.keys() - set(wanted))),
        same=tuple(sorted(same)),
    )


def _is_same(plan: _Plan, path: str) -> bool:
    there = plan.folder / path
    if path == MANIFEST:
        return there.read_bytes() == plan.text
    file = plan.files[path]
    return there.stat().st_size == file.bytes and sha256_of(there) == file.sha256


def _write(plan: _Plan, found: Differences) -> None:
    with replacing(plan.folder) as fresh:
        for path in (MANIFEST, *plan.files):
            target = fresh / path
            target.parent.mkdir(parents=True, exist_ok=True)
            if path in found.same:
                _keep(plan.folder / path, target)
            elif path == MANIFEST:
                target.write_bytes(plan.text)
            else:
                _copy(plan.root / path, target, plan.files[path])


def _keep(there: Path, target: Path) -> None:
    """Take a file over, time stamps and all."""
    try:
        os.link(there, target)
    except OSError:
        shutil.copy2(there, target)  # a disk that knows no second name for a file


def _copy(source: Path, target: Path, file: FileRef) -> None:
    with source.open("rb") as original, target.open("xb") as copy:
        if copy_hashed(original, copy) != (file.sha256, file.bytes):
            raise InternalError(f"{file.path} changed while it was being copied")


def _embedded(plan: _Plan, found: Differences) -> Embedded:
    size = len(plan.text) + sum(file.bytes for file in plan.files.values())
    return Embedded(plan.shown, plan.manifest, size, found)
