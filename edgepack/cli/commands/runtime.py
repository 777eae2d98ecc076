"""Manage the runtime libraries that artifacts are run in on ARM64.

A runtime is a release of the libraries that execute artifacts inside apps: PyTorch Mobile, TensorFlow Lite.
They are downloaded through your own Maven and pip set-up, by digest, and must pass a self-test on every
processor before they count as installed. They are kept in the user's cache, or in EDGEPACK_CACHE_DIR.

\b
  edgepack runtime list
  edgepack runtime add org.pytorch:pytorch_android_lite:1.12.2 org.tensorflow:tensorflow-lite:2.16.1
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from edgepack.cli.columns import columns
from edgepack.cli.command import Flags, Outcome, define, define_group
from edgepack.cli.progress import progress

if TYPE_CHECKING:
    from edgepack.events import Listener
    from edgepack.runners.runtime_store import InstalledRuntime, RuntimeStore

_OFFLINE = click.option("--offline", is_flag=True, help="Download nothing.")
_JAVA = click.option("--java", is_flag=True, help="With what `edgepack verify --through jvm` needs.")


@define("List the runtimes: what is installed, and what could be.")
def show() -> Outcome:
    """Show installed and known runtimes."""
    from edgepack.runners.runtimes import RUNTIMES

    installed = {one.release.id: one for one in _store().installed()}
    rows = [_row(one) for one in installed.values()]
    rows += [
        (one.id, one.format, "-", f"edgepack runtime add {one.id}")
        for one in RUNTIMES.values()
        if one.id not in installed
    ]
    document = {
        "installed": [_document(one) for one in installed.values()],
        "available": [name for name in RUNTIMES if name not in installed],
    }
    return Outcome(document, lambda: columns([("runtime", "executes", "size", ""), *rows]))


@define(
    "Install runtimes: those that target android uses, or the ones named.\n\n"
    "RUNTIME is an id that `edgepack runtime list` shows, or the path of an Android archive (.aar)."
)
@click.argument("runtimes", nargs=-1, metavar="[RUNTIME]...")
@_JAVA
@_OFFLINE
@click.pass_obj
def add(flags: Flags, /, runtimes: tuple[str, ...], *, java: bool, offline: bool) -> Outcome:
    """Install, and show what was installed."""
    from edgepack.runners.java import java_downloads
    from edgepack.runners.runtimes import default_release, find_release, release_of_file
    from edgepack.targets import find_target

    files = {text: Path(text) for text in runtimes if text.endswith(".aar")}
    releases = {
        text: release_of_file(files[text]) if text in files else find_release(text) for text in runtimes
    }
    if not releases:
        target = find_target("android")
        releases = {format_: default_release(target, format_) for format_ in target.formats}
    with progress(flags) as emit:
        store = _store(emit, offline=offline)
        installed = [store.add(release, files.get(text)) for text, release in releases.items()]
        for download in [one for release in releases.values() if java for one in java_downloads(release)]:
            store.downloads.get(download)
    return _listed(installed)


@define("Remove installed runtimes.")
@click.argument("runtimes", nargs=-1, required=True, metavar="RUNTIME...")
def remove(runtimes: tuple[str, ...]) -> Outcome:
    """Remove, and say so."""
    store = _store()
    for one in runtimes:
        store.remove(one)
    return Outcome({"removed": list(runtimes)}, lambda: f"removed {', '.join(runtimes)}")


@define("Write the downloads of installed runtimes into one file, for a machine without network.")
@click.argument("file", type=click.Path(path_type=Path))
@click.argument("runtimes", nargs=-1, metavar="[RUNTIME]...")
@_JAVA
@click.pass_obj
def export(flags: Flags, /, file: Path, runtimes: tuple[str, ...], *, java: bool) -> Outcome:
    """Write the file, and say what is in it."""
    from edgepack.runners.runtime_transfer import export_runtimes

    with progress(flags) as emit:
        names = export_runtimes(_store(emit), file, runtimes, java=java)
    return Outcome({"file": str(file), "runtimes": names}, lambda: f"{file}: {', '.join(names)}")


@define("Install the runtimes of a file that `edgepack runtime export` wrote.")
@click.argument("file", type=click.Path(path_type=Path))
@click.pass_obj
def import_(flags: Flags, /, file: Path) -> Outcome:
    """Install, and show what was installed."""
    from edgepack.runners.runtime_transfer import import_runtimes

    with progress(flags) as emit:
        installed = import_runtimes(_store(emit, offline=True), file)
    return _listed(installed)


@define("Remove downloads and compiled programs; installed runtimes stay, and what they need is made again.")
def prune() -> Outcome:
    """Remove, and say how much room that made."""
    freed = _store().prune()
    return Outcome({"bytes": freed}, lambda: f"freed {_size(freed)}")


command = define_group(__doc__, default=show)
command.add_command(show, "list")
command.add_command(add, "add")
command.add_command(remove, "remove")
command.add_command(export, "export")
command.add_command(import_, "import")
command.add_command(prune, "prune")


def _store(emit: Listener | None = None, *, offline: bool = False) -> RuntimeStore:
    from edgepack.events import ignore
    from edgepack.runners.runtime_store import RuntimeStore

    return RuntimeStore(offline=offline, emit=emit or ignore)


def _size(count: int) -> str:
    from rich.filesize import decimal

    return decimal(count)


def _listed(installed: list[InstalledRuntime]) -> Outcome:
    document = {"installed": [_document(one) for one in installed]}
    return Outcome(document, lambda: columns(_row(one) for one in installed))


def _row(runtime: InstalledRuntime) -> tuple[str, str, str, str]:
    return runtime.release.id, runtime.release.format, _size(runtime.bytes), f"installed in {runtime.folder}"


def _document(runtime: InstalledRuntime) -> dict[str, object]:
    return {
        "id": runtime.release.id,
        "format": runtime.release.format,
        "bytes": runtime.bytes,
        "folder": str(runtime.folder),
        "self_test": dict(runtime.self_test),
    }
