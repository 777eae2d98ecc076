"""Writing bundles: whole, or not at all."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from edgepack.bundle.manifest import FileRef, Manifest


def file_ref(source: Path, path: str) -> FileRef:
    """Describe a file that will lie at `path` in the bundle.

    Raises:
        OSError: It cannot be read.
    """
    raise NotImplementedError


def check_output(output: Path, *, force: bool = False) -> None:
    """Refuse an output that `write_bundle` would refuse; call it before the work, not only after.

    Args:
        output: A folder, or a file that ends in .zip.
        force: Allow what is there to be replaced although it is not a bundle.

    Raises:
        UsageError: It holds something else than a bundle, is a folder nobody should replace, or cannot
            be written to.
    """
    raise NotImplementedError


def write_bundle(
    output: Path,
    manifest: Manifest,
    files: Mapping[str, Path],
    *,
    reports: Mapping[str, str] | None = None,
    force: bool = False,
) -> Path:
    """Write a bundle beside its final place and rename it; one that is there already is replaced then.

    Args:
        output: A folder, or a file that ends in .zip.
        manifest: What goes into manifest.json.
        files: Path in the bundle to where the file lies now, for every path that the manifest lists.
        reports: "report.json" and "report.html" to their text.
        force: Replace what is there although it is not a bundle.

    Returns:
        Where the bundle lies, absolute.

    Raises:
        UsageError: See `check_output`; also a full disk. Nothing is left behind, an old bundle is intact.
        InternalError: The files are not those of the manifest.
    """
    raise NotImplementedError
