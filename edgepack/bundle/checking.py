"""Whether a bundle is whole: every file that it lists, as it was, and nothing else."""

from __future__ import annotations

from edgepack.bundle.reading import Bundle


def check_files(bundle: Bundle) -> None:
    """Check presence, size and sha256 of every file that the manifest lists, and that there is no other.

    Raises:
        BundleError: A file is missing, altered or not listed; the message names it.
    """
    raise NotImplementedError
