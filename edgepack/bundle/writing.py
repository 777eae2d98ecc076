"""Writing bundles: whole, or not at all."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import IO, BinaryIO, Protocol

from edgepack.bundle.archive import zip_sink
from edgepack.bundle.consistency import MANIFEST, REPORTS, listed_files
from edgepack.bundle.disk import sync_folder
from edgepack.bundle.document import dumps, to_json
from edgepack.bundle.manifest import FileRef, Manifest
from edgepack.bundle.output import check_output
from edgepack.bundle.replacing import replacing
from edgepack.errors import InternalError
from edgepack.files import copy_hashed, sha256_of


def file_ref(source: Path, path: str) -> FileRef:
    """Describe a file that will lie at `path` in the bundle.

    Raises:
        OSError: It cannot be read.
    """
    return FileRef(path, sha256_of(source), source.stat().st_size)


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
        Where the bundle lies: absolute, and free of symbolic links.

    Raises:
        UsageError: See `check_output`; also a full disk. Nothing is left behind, an old bundle is intact.
        InternalError: The manifest is not sound, or the files are not those that it lists.
    """
    texts = {MANIFEST: dumps(to_json(manifest)), **(reports or {})}
    listed = {file.path: file for file in listed_files(manifest)}
    if files.keys() != listed.keys() or not texts.keys() <= {MANIFEST, *REPORTS}:
        odd = sorted(files.keys() ^ listed.keys() | texts.keys() - {MANIFEST, *REPORTS})
        raise InternalError(f"the files of bundle {manifest.name} are not those of its manifest: {odd}")
    check_output(output, force=force)
    output = output.resolve()
    zipped = output.suffix.lower() == ".zip"
    with replacing(output) as fresh, _sink(fresh, zipped=zipped) as sink:
        for path, text in sorted(texts.items()):
            # A path that is no UTF-8 may be quoted in it; what is written then is JSON's escape too.
            data = text.encode(errors="backslashreplace")
            _add(sink, path, io.BytesIO(data), len(data))
        for path, file in sorted(listed.items()):
            with _source(files[path]) as source:
                _check(file, *_add(sink, path, source, file.bytes))
    return output


class _Sink(Protocol):
    def create(self, path: str, size: int) -> AbstractContextManager[IO[bytes]]: ...


class _FolderSink:
    """Takes a bundle's files into a new folder."""

    def __init__(self, root: Path) -> None:
        root.mkdir()
        self._root = root

    @contextmanager
    def create(self, path: str, size: int) -> Iterator[IO[bytes]]:  # noqa: ARG002  a .zip needs the size
        destination = self._root / path
        destination.parent.mkdir(parents=True, exist_ok=True)
        with destination.open("xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())


@contextmanager
def _sink(fresh: Path, *, zipped: bool) -> Iterator[_Sink]:
    if not zipped:
        yield _FolderSink(fresh)
        for folder, _, _ in os.walk(fresh):
            sync_folder(Path(folder))
        return
    with fresh.open("xb") as file:
        with zip_sink(file) as sink:
            yield sink
        file.flush()
        os.fsync(file.fileno())


def _add(sink: _Sink, path: str, source: BinaryIO, size: int) -> tuple[str, int]:
    with sink.create(path, size) as destination:
        return copy_hashed(source, destination)


def _source(path: Path) -> BinaryIO:
    try:
        return path.open("rb")
    except OSError as error:
        raise InternalError(f"a file for the bundle is gone: {error}") from error


def _check(file: FileRef, sha256: str, count: int) -> None:
    if (sha256, count) != (file.sha256, file.bytes):
        raise InternalError(f"{file.path} changed after it was verified")
