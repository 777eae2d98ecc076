"""Installs runtimes out of an APK that no known release explains, for as long as they are tried."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path, PurePosixPath
from zipfile import ZipFile, ZipInfo

from edgepack.android.app import App, Pin
from edgepack.runners.runtime_store import RuntimeStore
from edgepack.runners.runtimes import release_of_file

_FOLDER = "lib/arm64-v8a"
_COMPANIONS = ("libc++_shared.so", "libfbjni.so")
"""Libraries that runtimes bring along and need."""


@contextmanager
def borrowed_runtimes(app: App, scratch: Path, store: RuntimeStore) -> Iterator[App]:
    """Install the unknown runtimes of an APK, and give the app with pins for them.

    Leaving removes what was not installed before.

    Args:
        app: A project, which comes back as it is, or an APK.
        scratch: A folder for archives.
        store: Where they are installed.

    Raises:
        SourceError: One cannot be driven.
        ToolError: One fails its self-test, or a program for that is missing.
    """
    unknown = [one for one in app.unclear if app.is_built and one.where.startswith(f"{_FOLDER}/")]
    before = {one.release.id for one in store.installed()}
    pins: list[Pin] = []
    try:
        for one in unknown:
            archive = _archive(app.path, PurePosixPath(one.where).name, scratch)
            pins.append(Pin(store.add(release_of_file(archive), archive).release.id, one.where))
        explained = {pin.where for pin in pins}
        unclear = tuple(one for one in app.unclear if one.where not in explained)
        yield replace(app, pins=(*app.pins, *pins), unclear=unclear)
    finally:
        for pin in pins:
            if pin.release not in before:
                store.remove(pin.release)


def _archive(apk: Path, main: str, scratch: Path) -> Path:
    """Put a runtime's libraries into an Android archive, which is the same for the same libraries."""
    path = scratch / f"{apk.stem}-{PurePosixPath(main).stem}.aar"
    with ZipFile(apk) as source, ZipFile(path, "w") as archive:
        held = set(source.namelist())
        for name in (main, *_COMPANIONS):
            if f"{_FOLDER}/{name}" in held:
                archive.writestr(ZipInfo(f"jni/arm64-v8a/{name}"), source.read(f"{_FOLDER}/{name}"))
    return path
