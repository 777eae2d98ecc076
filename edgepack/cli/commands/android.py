"""Check whether an Android app can load and run a bundle.

\b
  edgepack android check MyApp --bundle dist/digits
  edgepack android check app-release.apk --bundle dist/digits --run
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from edgepack.cli.columns import columns
from edgepack.cli.command import Flags, Outcome, define, define_group
from edgepack.cli.params import given, limit_options
from edgepack.cli.phrases import with_hint
from edgepack.cli.progress import progress
from edgepack.errors import VerificationFailed

if TYPE_CHECKING:
    from edgepack.android.check import AppCheck, AppRuntime


@define(
    "Check whether an app can load and run a bundle.\n\n"
    "APP is the folder of a Gradle project or module, whose version catalogue and build files are read, or "
    "an .apk. Operators, bytecode versions, machines, pages of 16 KB and the assets are looked at. The exit "
    "code is 1 when an artifact cannot be loaded, or when that cannot be told.\n\n"
    "With --run the artifacts are also run on ARM64, inside exactly the libraries that the app names."
)
@click.argument("app", type=click.Path(path_type=Path))
@click.option("--bundle", required=True, type=click.Path(path_type=Path), help="A bundle's folder or .zip.")
@click.option(
    "--runtime",
    "runtimes",
    multiple=True,
    metavar="ID",
    help="Assume this release, group:artifact:version, whatever the app names. Repeatable.",
)
@click.option("--run", is_flag=True, help="Run the artifacts on ARM64, too.")
@limit_options
@click.pass_obj
def check(
    flags: Flags,
    /,
    app: Path,
    bundle: Path,
    runtimes: tuple[str, ...],
    *,
    run: bool,
    **options: object,
) -> Outcome:
    """Check, and show what was found."""
    from edgepack.android.check import CheckOptions, check_app
    from edgepack.config import limits
    from edgepack.setting_layers import load

    checked = CheckOptions(runtimes, run, limits(load(given(options), Path.cwd())))
    with progress(flags) as emit:
        result = check_app(app, bundle, checked, emit)
    code = 0 if result else VerificationFailed.exit_code
    return Outcome(_document(result), lambda: "\n".join(_text(result)), code)


command = define_group(__doc__)
command.add_command(check, "check")


def _document(result: AppCheck) -> dict[str, Any]:
    from edgepack.report.json import to_json

    return {
        "app": str(result.app),
        "bundle": result.bundle,
        "passed": bool(result),
        "runtimes": [asdict(one) for one in result.runtimes],
        "artifacts": [
            {
                "id": one.artifact,
                "runtime": one.runtime,
                "loads": one.loads,
                "objections": [{"reason": it.reason, "hint": it.hint} for it in one.objections],
            }
            for one in result.verdicts
        ],
        "findings": [asdict(one) for one in result.findings],
        "proof": to_json(result.proof) if result.proof else None,
    }


def _text(result: AppCheck) -> Iterator[str]:
    from edgepack.android.findings import Level

    loading = sum(one.loads for one in result.verdicts)
    yield (
        f"{result.app} with {result.bundle}: {'passed' if result else 'FAILED'}, "
        f"{loading} of {len(result.verdicts)} load\n"
    )
    if result.runtimes:
        yield columns(_runtime(one) for one in result.runtimes) + "\n"
    yield columns(_verdicts(result))
    for level in Level:
        found = [one for one in result.findings if one.level == level]
        if found:
            yield f"\n{level.capitalize()}s"
        for one in found:
            yield f"  {one.about}: {with_hint(one.message, one.hint)}"
    if result.proof:
        from edgepack.cli.reports import report_text

        yield f"\n{report_text(result.proof)}"


def _runtime(runtime: AppRuntime) -> tuple[str, str, str, str]:
    from rich.filesize import decimal

    sizes = dict.fromkeys((one.abi for one in runtime.libraries), 0)
    for one in runtime.libraries:
        sizes[one.abi] += one.bytes
    told = ", ".join(f"{decimal(size)} for {abi}" for abi, size in sizes.items())
    return runtime.release, runtime.format, f"in {', '.join(runtime.where)}", told


def _verdicts(result: AppCheck) -> Iterator[tuple[str, str, str]]:
    for verdict in result.verdicts:
        runtime = verdict.runtime or "-"
        if verdict.loads:
            yield verdict.artifact, runtime, "loads"
        for one in verdict.objections:
            yield verdict.artifact, runtime, f"NO: {with_hint(one.reason, one.hint)}"
