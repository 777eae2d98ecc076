"""Carrying runtimes to a machine without network: one file that holds their downloads.

The file is a zip of the archives as they were published, each under its digest. What is in it is trusted no
more than a download: `import_runtimes` accepts only what `RUNTIMES` and `java_downloads` lock by digest.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from zipfile import ZIP_STORED, BadZipFile, ZipFile

from edgepack.errors import SourceError, UsageError
from edgepack.runners.java import java_downloads
from edgepack.runners.runtime_store import InstalledRuntime, RuntimeStore
from edgepack.runners.runtimes import RUNTIMES, find_release
from edgepack.toolchain.downloads import Download


def export_runtimes(
    store: RuntimeStore, file: Path, runtime_ids: Sequence[str] = (), *, java: bool = False
) -> list[str]:
    """Write the downloads of runtimes into one file.

    Args:
        store: Where they are; a download that is not there any more is fetched.
        file: What to write.
        runtime_ids: Which; all that are installed when empty.
        java: Whether with what calling them through Java needs.

    Returns:
        The ids of what the file holds.

    Raises:
        UsageError: There is nothing to write, a runtime is unknown, or the file cannot be written.
        ToolError: A download cannot be had.
    """
    chosen = [find_release(one) for one in runtime_ids] or [one.release for one in store.installed()]
    downloads = {one.id: one.download for one in chosen if one.download is not None}
    if not downloads:
        raise UsageError("no runtime to export", hint="install one with `edgepack runtime add`")
    further = [one for release in chosen if java for one in java_downloads(release)]
    paths = {one: store.downloads.get(one) for one in (*downloads.values(), *further)}
    try:
        # The archives are compressed already.
        with ZipFile(file, "w", ZIP_STORED) as archive:
            for download, path in paths.items():
                archive.write(path, _member(download))
    except OSError as error:
        raise UsageError(f"cannot write {file}: {error.strerror}") from error
    return list(downloads)


def import_runtimes(store: RuntimeStore, file: Path) -> list[InstalledRuntime]:
    """Install the runtimes of a file that `export_runtimes` wrote.

    Raises:
        UsageError: The file cannot be read, or holds no runtime that this release of edgepack knows.
        SourceError: It is damaged.
        ToolError: A member has been altered, or the runtime failed its self-test.
    """
    found = []
    try:
        with ZipFile(file) as archive, tempfile.TemporaryDirectory(prefix="edgepack-") as folder:
            for release in RUNTIMES.values():
                own = (release.download,) if release.download else ()
                for download in (*own, *java_downloads(release)):
                    if _member(download) in archive.namelist():
                        store.downloads.add(download, Path(archive.extract(_member(download), folder)))
                if any(_member(one) in archive.namelist() for one in own):
                    found.append(release)
    except BadZipFile as error:
        raise SourceError(f"{file} is damaged: {error}", hint="export it again") from error
    except OSError as error:
        raise UsageError(f"cannot read {file}: {error.strerror}") from error
    if not found:
        raise UsageError(f"{file} holds no runtime that this release of edgepack knows")
    return [store.add(release) for release in found]


def _member(download: Download) -> str:
    return f"{download.sha256}/{download.filename}"
