"""Whether a bundle is whole: every file that it lists, as it was, and nothing else."""

from __future__ import annotations

from collections.abc import Iterator

from edgepack.bundle.consistency import MANIFEST, REPORTS, listed_files
from edgepack.bundle.reading import Bundle
from edgepack.bundle.tree import regular_files
from edgepack.errors import BundleError
from edgepack.files import sha256_of


def check_files(bundle: Bundle) -> None:
    """Check presence, size and sha256 of every file that the manifest lists, and that there is no other.

    Raises:
        BundleError: A file is missing, altered or not listed; the message names it, the details name all.
    """
    faults = list(_faults(bundle))
    if not faults:
        return
    more = f" (and {len(faults) - 1} more)" if len(faults) > 1 else ""
    raise BundleError(
        f"{bundle.path}: {faults[0]}{more}",
        hint="copy the bundle again, or build it again",
        details={"faults": faults},
    )


def unlisted_files(bundle: Bundle) -> list[str]:
    """Give the paths of files that lie in the bundle's folder and are no part of it."""
    known = {MANIFEST, *REPORTS, *(file.path for file in listed_files(bundle.manifest))}
    return [path for path in regular_files(bundle.root) if path not in known]


def _faults(bundle: Bundle) -> Iterator[str]:
    present = regular_files(bundle.root)
    for file in dict.fromkeys(listed_files(bundle.manifest)):
        if file.path not in present:
            yield f"file {file.path!r} is missing"
        elif present[file.path] != file.bytes:
            yield f"file {file.path!r} has {present[file.path]} bytes instead of {file.bytes}"
        elif _digest(bundle, file.path) != file.sha256:
            yield f"file {file.path!r} was altered: its sha256 is not the manifest's"
    for path in unlisted_files(bundle):
        yield f"file {path!r} is not listed in the manifest"


def _digest(bundle: Bundle, path: str) -> str:
    try:
        return sha256_of(bundle.root / path)
    except OSError as error:
        raise BundleError(
            f"cannot read {path!r} of {bundle.path}: {error.strerror}", hint="check its permissions"
        ) from error
