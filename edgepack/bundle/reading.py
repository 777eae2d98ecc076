"""Opening bundles."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from edgepack.bundle.manifest import Artifact, Manifest

if TYPE_CHECKING:
    from edgepack.golden import GoldenSet


@dataclass(frozen=True, slots=True, weakref_slot=True)
class Bundle:
    """An opened bundle.

    One from a .zip lies in a temporary folder that goes away with `close`, at the end of a `with` block,
    or with the object.

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
        raise NotImplementedError

    def artifact(self, artifact_id: str) -> Artifact:
        """Give an artifact's description.

        Args:
            artifact_id: "format/precision".

        Raises:
            UsageError: The bundle has no such artifact; the hint names those it has.
        """
        raise NotImplementedError

    def artifact_path(self, artifact_id: str) -> Path:
        """Give the path of an artifact's file; see `artifact`."""
        raise NotImplementedError

    def close(self) -> None:
        """Remove the temporary folder of a bundle that came out of a .zip."""
        raise NotImplementedError

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def open_bundle(path: Path) -> Bundle:
    """Open a folder or a .zip, refusing whatever is not safe to read; `check_files` does the digests.

    Raises:
        BundleError: It is no bundle, of an unknown version, damaged, or holds paths that leave it.
    """
    raise NotImplementedError
