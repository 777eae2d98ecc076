"""Check a bundle's files and what its artifacts compute.

BUNDLE is a folder or a .zip, and all that is needed. Every file's digest is checked; then the golden cases
are run on every artifact and the outputs are compared with those of the source model, which were kept when
the bundle was built.

With --runner arm64 the artifacts run on ARM64 instructions inside the very libraries that ship in apps,
emulated where this machine is of another kind. `edgepack runtime` installs these libraries.

With --runner device the demo app on an Android device runs them, brought there by adb. A report that the app
has shared does instead of a device.

\b
  edgepack verify dist/digits --runner arm64
  edgepack verify dist/digits --runner host,arm64 --cpu cortex-a53
  edgepack verify dist/digits --runner arm64 --through jvm
  edgepack verify dist/digits --runner device
  edgepack verify dist/digits --runner device --device-report shared.json

The exit code is 1 when an artifact computes something else, and 6 when a file is missing, extra or altered.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import click

from edgepack.cli.command import Flags, Outcome, define
from edgepack.cli.params import given, limit_options, runner_options
from edgepack.cli.progress import progress
from edgepack.errors import UsageError, VerificationFailed


@define(__doc__)
@click.argument("bundle", type=click.Path(path_type=Path))
@click.option("--artifact", "artifacts", multiple=True, metavar="ID", help="Only this one. Repeatable.")
@click.option(
    "--through",
    type=click.Choice(["library", "jvm"]),
    default="library",
    help="On arm64, call runtimes by their libraries' functions, or by their Java classes as apps do.",
)
@click.option("--serial", metavar="SERIAL", help="On this device, of several.")
@click.option(
    "--device-report",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Judge what this self-test's report says of a device.",
)
@runner_options
@limit_options
@click.pass_obj
def command(
    flags: Flags,
    /,
    bundle: Path,
    artifacts: tuple[str, ...],
    through: str,
    serial: str | None,
    device_report: Path | None,
    **options: object,
) -> Outcome:
    """Verify, and show the report."""
    from edgepack.cli.reports import report_text
    from edgepack.config import limits, runner_choice
    from edgepack.report.json import to_json
    from edgepack.setting_layers import load
    from edgepack.verification import VerifyOptions, verify

    settings = load(given(options), Path.cwd())
    runners = replace(
        runner_choice(settings), through_java=through == "jvm", serial=serial, device_report=device_report
    )
    if through == "jvm" and "arm64" not in runners.names:
        raise UsageError("--through jvm is for --runner arm64", hint="add --runner arm64")
    if "device" not in runners.names and (serial or device_report):
        raise UsageError("--serial and --device-report are for --runner device", hint="add --runner device")
    wanted = VerifyOptions(artifacts, runners, limits(settings))
    with progress(flags) as emit:
        report = verify(bundle, wanted, emit)
    code = 0 if report else VerificationFailed.exit_code
    return Outcome(to_json(report), lambda: report_text(report), code)
