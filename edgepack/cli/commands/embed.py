"""Put a bundle into an Android app's assets.

BUNDLE is a folder or a .zip. Below the folder that holds the app's AndroidManifest.xml, such as app/src/main,
its files become assets/edgepack/<bundle name>, a bundle in its own right: artifacts, manifest and golden
cases, but no reports. Files are compared by digest, and those that are current are not touched. What lies
there and is not edgepack's is refused, never overwritten.

\b
  edgepack embed dist/digits --into MyApp/app/src/main
  edgepack embed dist/digits --into MyApp/app/src/main --check

With --check nothing is written, and the exit code is 1 when the assets are not what they should be: for the
app's continuous integration.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from edgepack.cli.columns import columns
from edgepack.cli.command import Outcome, define
from edgepack.cli.phrases import counted
from edgepack.errors import VerificationFailed

if TYPE_CHECKING:
    from edgepack.android.embed import Embedded


@define(__doc__)
@click.argument("bundle", type=click.Path(path_type=Path))
@click.option(
    "--into",
    required=True,
    type=click.Path(path_type=Path),
    metavar="FOLDER",
    help="The folder that holds AndroidManifest.xml.",
)
@click.option("--artifact", "artifacts", multiple=True, metavar="ID", help="Only this one. Repeatable.")
@click.option("--no-golden", is_flag=True, help="Leave the golden cases out.")
@click.option("--check", is_flag=True, help="Write nothing; exit with 1 when the assets are stale.")
def command(
    bundle: Path,
    into: Path,
    artifacts: tuple[str, ...],
    *,
    no_golden: bool,
    check: bool,
) -> Outcome:
    """Embed or compare, and show what was done or differs."""
    from edgepack.android.embed import compare, embed

    chosen, golden = artifacts or None, not no_golden
    if check:
        found = compare(bundle, into, artifacts=chosen, golden=golden)
        code = 0 if found.differences.current else VerificationFailed.exit_code
        return Outcome(_document(found), lambda: "\n".join(_checked(found)), code)
    result = embed(bundle, into, artifacts=chosen, golden=golden)
    # app/src/main: the build file lies two folders higher
    kotlin = (into.resolve().parent.parent / "build.gradle.kts").is_file()
    return Outcome(_document(result), lambda: "\n".join(_written(result, kotlin=kotlin)))


def _document(result: Embedded) -> dict[str, object]:
    from edgepack.android.gradle_lines import dependencies, suffixes

    return {
        "bundle": result.manifest.name,
        "folder": str(result.folder),
        "bytes": result.bytes,
        "artifacts": [artifact.id for artifact in result.manifest.artifacts],
        "golden_cases": len(result.manifest.golden),
        "current": result.differences.current,
        "differences": asdict(result.differences),
        "gradle": {
            "no_compress": list(suffixes(result.manifest)),
            "dependencies": list(dependencies(result.manifest)),
        },
    }


def _written(result: Embedded, *, kotlin: bool) -> Iterator[str]:
    from rich.filesize import decimal

    from edgepack.android.gradle_lines import gradle_text

    manifest, found = result.manifest, result.differences
    holds = f"{counted(len(manifest.artifacts), 'artifact')}, {counted(len(manifest.golden), 'golden case')}"
    unchanged = "unchanged: " if found.current else ""
    yield f"{unchanged}{result.folder}: {holds}, {decimal(result.bytes)}"
    done = (("added", found.missing), ("updated", found.stale), ("removed", found.extra))
    if not found.current:
        yield columns([(what, path) for what, paths in done for path in paths], indent="  ")
    yield f"\nThe app's {'build.gradle.kts' if kotlin else 'build.gradle'} needs:\n"
    yield gradle_text(manifest, kotlin=kotlin)


def _checked(result: Embedded) -> Iterator[str]:
    found = result.differences
    if found.current:
        yield f"{result.folder} is current"
        return
    yield f"{result.folder} is not what `edgepack embed` would write:"
    kinds = (("missing", found.missing), ("stale", found.stale), ("extra", found.extra))
    yield columns([(kind, path) for kind, paths in kinds for path in paths], indent="  ")
