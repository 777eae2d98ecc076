"""Options that several commands share, and what a shell completes."""

from __future__ import annotations

from collections.abc import Callable

import click

from edgepack.cli.command import Outcome


def limit_options(function: Callable[..., Outcome]) -> Callable[..., Outcome]:
    """Add `--timeout` and `--memory`, the limits of each job."""
    function = click.option(
        "--memory",
        metavar="SIZE",
        help="Stop a job that holds more than this, for example 8GiB. Three quarters of all unless given.",
    )(function)
    return click.option(
        "--timeout", type=float, metavar="SECONDS", help="Stop a job after this long; 0 for no limit."
    )(function)


def runner_options(function: Callable[..., Outcome]) -> Callable[..., Outcome]:
    """Add `--runner`, and what `arm64_options` adds."""
    help_text = "host, arm64, to verify also device; several by commas. Host unless given."
    return click.option("--runner", "runners", callback=split_names, metavar="NAMES", help=help_text)(
        arm64_options(function)
    )


def arm64_options(function: Callable[..., Outcome]) -> Callable[..., Outcome]:
    """Add `--runtime` and `--cpu`, which say where artifacts run on ARM64."""
    function = click.option(
        "--cpu", "cpus", callback=split_names, metavar="NAMES", help="On arm64, on these, by commas."
    )(function)
    return click.option(
        "--runtime", "runtimes", multiple=True, metavar="ID", help="On arm64, in this one. Repeatable."
    )(function)


def given(options: dict[str, object]) -> dict[str, object]:
    """Keep only the options that were on the command line."""
    return {name: value for name, value in options.items() if value not in (None, ())}


def split_names(_context: click.Context, _option: click.Parameter, text: str | None) -> tuple[str, ...]:
    """Read names that are separated by commas."""
    return tuple(part.strip() for part in (text or "").split(",") if part.strip())


def complete_target(_context: click.Context, _option: click.Parameter, typed: str) -> list[str]:
    """Complete a target's name."""
    from edgepack.targets import TARGETS

    return [name for name in TARGETS if name.startswith(typed)]


def complete_formats(_context: click.Context, _option: click.Parameter, typed: str) -> list[str]:
    """Complete the last of some formats."""
    from edgepack.targets import TARGETS

    return _complete_last(typed, sorted({name for target in TARGETS.values() for name in target.formats}))


def complete_precisions(_context: click.Context, _option: click.Parameter, typed: str) -> list[str]:
    """Complete the last of some precisions."""
    from edgepack.precision import PRECISIONS

    return _complete_last(typed, list(PRECISIONS))


def _complete_last(typed: str, names: list[str]) -> list[str]:
    before, comma, last = typed.rpartition(",")
    return [before + comma + name for name in names if name.startswith(last)]
