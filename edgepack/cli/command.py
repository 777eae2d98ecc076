"""What every command has in common: its flags, and what it gives back."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import click


@dataclass(frozen=True, slots=True)
class Flags:
    """The flags that every command understands.

    Attributes:
        json: One JSON document on stdout instead of text.
        quiet: No progress on stderr.
        debug: Everything about an error.
    """

    json: bool = False
    quiet: bool = False
    debug: bool = False


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a command found; the caller prints one of its two forms on stdout.

    Attributes:
        document: For `--json`; anything that JSON can hold.
        text: For people, made only when it is shown.
        exit_code: What the process exits with.
    """

    document: Mapping[str, Any]
    text: Callable[[], str]
    exit_code: int = 0


_FLAGS = {
    "--json": "Print one JSON document on stdout, for an error too.",
    "--quiet": "Show no progress.",
    "--debug": "Show all details of an error, and the traceback.",
}


def define(help_text: str | None) -> Callable[[Callable[..., Outcome]], click.Command]:
    """Make a click command out of a function that gives an `Outcome`, and add the common flags.

    Args:
        help_text: The file's docstring; its first line is the short help in `edgepack --help`.
    """

    def decorate(function: Callable[..., Outcome]) -> click.Command:
        made = click.command(help=help_text)(function)
        made.params += _common_options()
        return made

    return decorate


def define_group(help_text: str | None, default: click.Command | None = None) -> click.Group:
    """Make a command that has sub-commands, and add the common flags.

    Args:
        help_text: As for `define`.
        default: What is run when no sub-command is named; the help is shown when None.
    """

    def run_default() -> Outcome | None:
        context = click.get_current_context()
        if context.invoked_subcommand is not None:
            return None
        if default is None:
            return Outcome({"commands": sorted(group.commands)}, context.get_help)
        outcome: Outcome = context.invoke(default)
        return outcome

    group = click.Group(
        callback=run_default, help=help_text, invoke_without_command=True, params=_common_options()
    )
    return group


def _common_options() -> list[click.Parameter]:
    return [
        click.Option([name], is_flag=True, expose_value=False, help=text) for name, text in _FLAGS.items()
    ]


def flags_of(arguments: list[str]) -> Flags:
    """Read the common flags off the bare arguments: they must hold even where the rest can't be parsed."""
    own = arguments[: arguments.index("--")] if "--" in arguments else arguments
    return Flags(json="--json" in own, quiet="--quiet" in own, debug="--debug" in own)
