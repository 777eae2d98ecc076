"""Count the instructions of an inference on ARM64.

Every artifact of BUNDLE is run on its first golden case, inside the runtime libraries that ship in apps,
under emulation. Time under emulation says nothing, but the number of instructions repeats within 0.01 %
and can be compared: between artifacts, between processors, and with an earlier run.

\b
  edgepack bench dist/digits --cpu cortex-a53,cortex-a76
  edgepack bench dist/digits --json > before.json
  edgepack bench dist/digits --baseline before.json --fail-over 2%

The exit code is 1 when --fail-over is given and an inference takes more instructions than that allows.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from edgepack.cli.columns import columns
from edgepack.cli.command import Flags, Outcome, define
from edgepack.cli.params import arm64_options, given, limit_options
from edgepack.cli.progress import progress
from edgepack.errors import UsageError, VerificationFailed

if TYPE_CHECKING:
    from edgepack.bench import Change


@define(__doc__)
@click.argument("bundle", type=click.Path(path_type=Path))
@click.option("--artifact", "artifacts", multiple=True, metavar="ID", help="Only this one. Repeatable.")
@arm64_options
@click.option("--baseline", type=click.Path(path_type=Path), metavar="FILE", help="An earlier run's --json.")
@click.option("--fail-over", metavar="PERCENT", help="Fail when a count grew by more, for example 2%.")
@limit_options
@click.pass_obj
def command(
    flags: Flags,
    /,
    bundle: Path,
    artifacts: tuple[str, ...],
    baseline: Path | None,
    fail_over: str | None,
    **options: object,
) -> Outcome:
    """Count, compare, and show the table."""
    from edgepack.bench import BenchOptions, bench, compare_counts, read_baseline, to_json
    from edgepack.config import limits, runner_choice
    from edgepack.setting_layers import load

    allowed = _share(fail_over, baseline)
    earlier = read_baseline(baseline) if baseline else to_json([])
    settings = load(given(options), Path.cwd())
    wanted = BenchOptions(artifacts, runner_choice(settings), limits(settings))
    with progress(flags) as emit:
        changes = compare_counts(bench(bundle, wanted, emit), earlier)
    worse = allowed is not None and any(change.relative > allowed for change in changes)
    document = to_json([change.count for change in changes])
    return Outcome(document, lambda: _text(changes), VerificationFailed.exit_code if worse else 0)


def _share(text: str | None, baseline: Path | None) -> float | None:
    if text is None:
        return None
    if baseline is None:
        raise UsageError("--fail-over needs --baseline", hint="--baseline FILE names what to compare with")
    try:
        return float(text.strip().removesuffix("%")) / 100.0
    except ValueError:
        raise UsageError(f"cannot read --fail-over {text!r}", hint="give a percentage, such as 2%") from None


def _text(changes: Sequence[Change]) -> str:
    rows = [("artifact", "runtime", "cpu", "instructions", "change")]
    rows += [
        (
            change.count.artifact,
            change.count.runtime,
            change.count.cpu,
            f"{change.count.instructions / 1e6:.3f} M",
            "" if change.before is None else f"{change.relative:+.2%}",
        )
        for change in changes
    ]
    return columns(rows)
