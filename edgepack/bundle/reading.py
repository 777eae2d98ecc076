"""Opening bundles."""

from __future__ import annotations

import atexit
import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, NoReturn, Self

from edgepack.bundle.archive import read_member, unpack
from edgepack.bundle.consistency import MANIFEST
from edgepack.bundle.document import from_json
from edgepack.bundle.manifest import Artifact, Manifest
from edgepack.bundle.tree import regular_files
from edgepack.errors import BundleError, UsageError
from edgepack.suggest import choices

if TYPE_CHECKING:
    from edgepack.golden import GoldenSet

_MANIFEST_LIMIT = 64 * 2**20
_NOT_A_BUNDLE = "give the folder or .zip that `edgepack build` wrote"


@dataclass(frozen=True, slots=True)
class Bundle:
    """An opened bundle.

    One from a .zip is unpacked into a temporary folder, which goes away with `close`, at the end of a
    `with` block, or when Python ends.

    Attributes:
        path: What was opened: a folder or a .zip.
        root: The folder that the manifest's paths are relative to.
        manifest: What the bundle says of itself.
    """

    path: Path
    root: Path
    manifest: Manifest

    @property
    def name(self) -> str:
        """The bundle's name."""
        return self.manifest.name

    @property
    def golden(self) -> GoldenSet:
        """The golden cases, on disk."""
        # Not at the top: edgepack.golden needs this package's manifest.
        from edgepack.golden import GoldenSet

        preprocess = self.manifest.processing.preprocess
        return GoldenSet(self.root, self.manifest.model, self.manifest.golden, preprocess)

    def artifact(self, artifact_id: str) -> Artifact:
        """Give an artifact's description.

        Args:
            artifact_id: "format/precision".

        Raises:
            UsageError: The bundle has no such artifact; the hint names those it has.
        """
        artifacts = {artifact.id: artifact for artifact in self.manifest.artifacts}
        if artifact_id not in artifacts:
            raise UsageError(
                f"bundle {self.name} has no artifact {artifact_id!r}",
                hint=choices(str(artifact_id), artifacts),
            )
        return artifacts[artifact_id]

    def artifact_path(self, artifact_id: str) -> Path:
        """Give the path of an artifact's file; see `artifact`."""
        return self.root / self.artifact(artifact_id).file.path

    def close(self) -> None:
        """Remove the temporary folder of a bundle that came out of a .zip."""
        if self.root != self.path:
            shutil.rmtree(self.root, ignore_errors=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def open_bundle(path: str | Path) -> Bundle:
    """Open a folder or a .zip, refusing whatever is not safe to read; `check_files` looks at the digests.

    Raises:
        BundleError: It is no bundle, of an unknown version, damaged, or holds paths or links that may lead
            out of it.
        UsageError: There is no room to unpack the .zip.
    """
    path = Path(path).absolute()
    if path.is_dir():
        return Bundle(path, path, _read_folder(path))
    if not path.is_file():
        raise BundleError(f"there is no bundle at {path}", hint=_NOT_A_BUNDLE)
    root = unpack(path)
    atexit.register(shutil.rmtree, root, ignore_errors=True)
    try:
        return Bundle(path, root, _read_folder(root, path))
    except BaseException:
        shutil.rmtree(root, ignore_errors=True)
        raise


def read_manifest(path: Path) -> Manifest:
    """Read only the manifest of a bundle, of a .zip without unpacking the rest.

    Raises:
        BundleError: See `open_bundle`.
    """
    if path.is_dir():
        return _read_folder(path)
    return _parse(read_member(path, MANIFEST, _MANIFEST_LIMIT), path)


def _read_folder(root: Path, path: Path | None = None) -> Manifest:
    path = path or root
    size = regular_files(root).get(MANIFEST)
    if size is None:
        raise BundleError(f"{path} is not a bundle: it has no {MANIFEST}", hint=_NOT_A_BUNDLE)
    if size > _MANIFEST_LIMIT:
        raise BundleError(f"{path}: {MANIFEST} has {size} bytes, too many to be one", hint=_NOT_A_BUNDLE)
    try:
        return _parse((root / MANIFEST).read_bytes(), path)
    except OSError as error:
        raise BundleError(
            f"{path}: cannot read {MANIFEST}: {error.strerror}", hint="check its permissions"
        ) from error


def _parse(data: bytes, path: Path) -> Manifest:
    try:
        document = json.loads(data.decode(), parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise BundleError(
            f"{path}: {MANIFEST} is not JSON: {error}", hint="build the bundle again"
        ) from error
    try:
        return from_json(document)
    except BundleError as error:
        raise BundleError(f"{path}: {error.message}", error.hint, error.details) from error


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON number")
