"""The one place that starts a command, prints what it found, and knows how it ended."""

from __future__ import annotations

import json
import os
import signal
import sys

import click

from edgepack import __version__
from edgepack.cli.command import Flags, Outcome, flags_of
from edgepack.cli.group import CommandFolder
from edgepack.cli.problems import show

COMPLETION_VARIABLE = "_EDGEPACK_COMPLETE"
_SIGPIPE_EXIT = 128 + signal.SIGPIPE  # what a shell reports for a process that wrote to a closed pipe
_HELP = """Package a PyTorch or ONNX model for phones, with proof that every file computes what it should.

\b
  edgepack build torchvision.models:mobilenet_v2 --input image:float32[1,3,224,224]
  edgepack verify dist/mobilenet_v2

Results go to stdout, everything else to stderr.

\b
Exit codes:
    0  fine                        4  conversion failed
    1  verification failed         5  a tool or package is missing
    2  wrong usage                 6  bundle damaged or not trusted
    3  bad source or input        70  a bug in edgepack
  130  interrupted

Completion in the shell: `edgepack completion --help`.
"""


_CONTEXT = {"help_option_names": ["-h", "--help"], "max_content_width": 100}


@click.group(cls=CommandFolder, help=_HELP, invoke_without_command=True, context_settings=_CONTEXT)
@click.version_option(__version__, message="edgepack %(version)s")
@click.pass_context
def app(context: click.Context) -> None:
    """Show the help when no command is given."""
    if context.invoked_subcommand is None:
        click.echo(context.get_help())
        context.exit()


def run(arguments: list[str]) -> int:
    """Run a command.

    Args:
        arguments: The command line without the program's name.

    Returns:
        The exit code.
    """
    # Being told to stop, or losing the terminal, ends the workers and removes what is half-written,
    # just as Ctrl-C does.
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.default_int_handler)
    flags = flags_of(arguments)
    try:
        try:
            code = _complete() if COMPLETION_VARIABLE in os.environ else _invoke(arguments, flags)
        except BrokenPipeError:
            raise
        except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001  this is where every error ends
            code = show(error, flags)
        sys.stdout.flush()
    except BrokenPipeError:
        # Whoever read our output has gone; Python must not fail again when it flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return _SIGPIPE_EXIT
    return code


def _invoke(arguments: list[str], flags: Flags) -> int:
    try:
        with app.make_context("edgepack", list(arguments), obj=flags) as context:
            outcome: Outcome = app.invoke(context)
    except click.exceptions.Exit as ended:
        return ended.exit_code
    click.echo(json.dumps(outcome.document, indent=2) if flags.json else outcome.text())
    return outcome.exit_code


def _complete() -> int:
    from click.shell_completion import shell_complete

    return shell_complete(app, {}, "edgepack", COMPLETION_VARIABLE, os.environ[COMPLETION_VARIABLE])
