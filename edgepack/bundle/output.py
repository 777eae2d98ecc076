"""Where a bundle may be written, and what may be replaced by one."""

from __future__ import annotations

import json
import os
from pathlib import Path

from edgepack.bundle.checking import unlisted_files
from edgepack.bundle.consistency import MANIFEST
from edgepack.bundle.disk import sibling, write_error
from edgepack.bundle.manifest import SCHEMA
from edgepack.bundle.reading import open_bundle, read_manifest
from edgepack.errors import BundleError, UsageError


def check_output(output: Path, *, force: bool = False) -> None:
    """Refuse an output that `write_bundle` would refuse; call it before the work, not only after.

    Args:
        output: A folder, or a file that ends in .zip.
        force: Allow what is there to be replaced although it is not a bundle.

    Raises:
        UsageError: It holds something other than a bundle, is a folder that nobody should replace, lies in
            another bundle, or cannot be written to.
    """
    resolved = output.resolve()
    _refuse_dangerous(resolved)
    _try_to_write(resolved)
    _refuse_inside_bundle(resolved)
    reason = "" if force else foreign(resolved)
    if reason:
        raise UsageError(
            f"{output} is there already and is not a bundle: {reason}",
            hint="choose another output, or replace it with --force",
        )


def foreign(output: Path) -> str:
    """Say why what is there is not ours to replace, or nothing: only a bundle without strangers' files is."""
    if not os.path.lexists(output):
        return ""
    try:
        if not output.is_dir():
            read_manifest(output)
            return ""
        if not any(output.iterdir()):
            return ""
        strangers = unlisted_files(open_bundle(output))
    except BundleError as error:
        return error.message
    except OSError as error:
        return str(error)
    return f"it holds {strangers[0]!r}, which is no part of one" if strangers else ""


def _refuse_dangerous(output: Path) -> None:
    home = Path(os.path.expanduser("~"))
    for place, name in ((Path.cwd(), "current directory"), (home.resolve(), "home directory")):
        if output == place or output in place.parents:
            what = f"the {name}" if output == place else f"a folder that holds the {name}"
            raise UsageError(
                f"refusing to replace {output}: it is {what}", hint="name a new folder inside it"
            )
    if output.is_mount():
        raise UsageError(
            f"refusing to replace {output}: a disk is mounted there", hint="name a new folder inside it"
        )


def _refuse_inside_bundle(output: Path) -> None:
    """Keep strangers' files out of a bundle: one that holds any is never replaced without --force."""
    for parent in output.parents:
        if _is_bundle(parent):
            raise UsageError(
                f"cannot write {output} into {parent}: that is a bundle",
                hint="choose an output beside it",
            )


def _is_bundle(folder: Path) -> bool:
    """Whether a folder says that it is one; browser extensions have a manifest.json, too."""
    try:
        document = json.loads((folder / MANIFEST).read_bytes())
    except (OSError, ValueError, RecursionError):
        return False
    family = SCHEMA.partition("/")[0]
    return isinstance(document, dict) and str(document.get("schema")).partition("/")[0] == family


def _try_to_write(output: Path) -> None:
    """Make and remove a folder as near to the output as there is one: permissions alone tell too little."""
    nearest = next(parent for parent in output.parents if os.path.lexists(parent))
    if not nearest.is_dir():
        raise UsageError(f"cannot write {output}: {nearest} is a file", hint="choose another output")
    trial = sibling(nearest / output.name, "try")
    try:
        trial.mkdir()
        trial.rmdir()
    except OSError as error:
        raise write_error(error, output) from error
