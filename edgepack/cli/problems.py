"""Turn whatever ended a command into a message, a JSON document and an exit code."""

from __future__ import annotations

import errno
import json
import traceback
from collections.abc import Mapping
from typing import Any

import click

from edgepack.cli.command import Flags
from edgepack.errors import EdgepackError, InternalError, UsageError
from edgepack.json_numbers import json_number

_SHOWN_ELSEWHERE = ("report", "traceback")


class Interrupted(EdgepackError):
    """Ctrl-C, or a signal that asks to stop."""

    exit_code = 130


def explain(error: BaseException) -> EdgepackError:
    """Give the error that the user is told of; an unexpected one becomes an `InternalError`."""
    match error:
        case EdgepackError():
            return error
        case click.ClickException():
            path = error.ctx.command_path if isinstance(error, click.UsageError) and error.ctx else "edgepack"
            return UsageError(error.format_message(), hint=f"`{path} --help` explains the usage")
        case KeyboardInterrupt() | click.Abort():
            return Interrupted("interrupted")
        case ModuleNotFoundError(name=str(module)):
            from edgepack.toolchain.packages import missing_tool

            return missing_tool(module) or _bug(error)
        case OSError(errno=errno.ENOSPC | errno.EDQUOT):
            return UsageError(
                f"the disk is full: {error}", hint="free some space, or set TMPDIR to a larger disk"
            )
    return _bug(error)


def document(error: EdgepackError) -> dict[str, Any]:
    """Give the JSON document of an error."""
    return {
        "error": {
            "class": type(error).__name__,
            "message": error.message,
            "hint": error.hint,
            "exit_code": error.exit_code,
            "details": _plain(error.details),
        }
    }


def show(cause: BaseException, flags: Flags) -> int:
    """Tell the user what ended the command, on stderr and for `--json` on stdout too.

    Returns:
        The exit code.
    """
    error = explain(cause)
    try:
        _show_result(error, flags)
    except BrokenPipeError:
        raise
    except OSError as full:
        # What could not be written is often this very error, and is said below then.
        if str(full) not in error.message:
            click.echo(f"Error: standard output: {full.strerror}", err=True)
    click.echo(f"Error: {error.message}", err=True)
    if error.hint:
        click.echo(f"Hint: {error.hint}", err=True)
    if flags.debug:
        click.echo(_evidence(error.details) + "".join(traceback.format_exception(cause)), err=True, nl=False)
    return error.exit_code


def _show_result(error: EdgepackError, flags: Flags) -> None:
    if flags.json:
        click.echo(json.dumps(document(error), indent=2))
    elif "report" in error.details:
        from edgepack.cli.reports import report_text

        click.echo(report_text(error.details["report"]))


def _bug(error: BaseException) -> InternalError:
    return InternalError(
        f"a bug in edgepack: {type(error).__name__}: {error}",
        hint="run the command again with --debug and report what it prints, with the output of "
        "`edgepack doctor --json`",
        details={"traceback": traceback.format_exception(error)},
    )


def _plain(value: object) -> object:
    """Give what JSON can hold: a report as its document, and as text what JSON has no word for."""
    from edgepack.report import Report
    from edgepack.report.json import to_json

    match value:
        case Report():
            return to_json(value)
        case Mapping():
            return {str(name): _plain(part) for name, part in value.items()}
        case list() | tuple():
            return [_plain(part) for part in value]
        case None | str() | int():
            return value
        case float():
            return json_number(value)
    return str(value)


def _evidence(details: Mapping[str, Any]) -> str:
    shown = {name: value for name, value in details.items() if name not in _SHOWN_ELSEWHERE}
    return "".join(f"{name}: {value}\n" for name, value in shown.items())
