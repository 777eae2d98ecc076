"""The one place that starts a command, prints what it found, and knows how it ended."""

from __future__ import annotations

import io
import json
import os
import select
import signal
import sys

import click

from edgepack import __version__
from edgepack.cli.command import Flags, Outcome, flags_of
from edgepack.cli.group import CommandFolder
from edgepack.cli.problems import show
from edgepack.errors import UsageError

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
    1  verification failed         5  a tool is missing or failed
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
    _prepare_process()
    flags = flags_of(arguments)
    try:
        code = _run(arguments, flags)
    except BrokenPipeError:
        # Python must not fail again when it flushes at exit.
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.dup2(nowhere, sys.stderr.fileno())
        return _SIGPIPE_EXIT
    return code


def _run(arguments: list[str], flags: Flags) -> int:
    try:
        if sys.stdout is None:
            # The number of its descriptor would go to the next file that is opened.
            raise UsageError("standard output is closed", hint="send it to a file, or to /dev/null")
        code = _complete() if COMPLETION_VARIABLE in os.environ else _invoke(arguments, flags)
        sys.stdout.flush()
        return code
    except (Exception, KeyboardInterrupt) as error:
        if isinstance(error, BrokenPipeError) and _reader_is_gone():
            raise
        return show(error, flags)


def _prepare_process() -> None:
    for number in (signal.SIGTERM, signal.SIGHUP):
        # Ends the workers and removes what is half-written, as Ctrl-C does; nohup's wish is kept.
        if signal.getsignal(number) is signal.SIG_DFL:
            signal.signal(number, signal.default_int_handler)
    if isinstance(sys.stdout, io.TextIOWrapper):
        # A name that the terminal can't show is no reason to lose a result.
        sys.stdout.reconfigure(errors="backslashreplace")


def _reader_is_gone() -> bool:
    """Whether our own output has lost its reader: sockets to workers can break as well."""
    watch = select.poll()
    for stream in filter(None, (sys.stdout, sys.stderr)):
        watch.register(stream.fileno(), 0)  # errors and hang-ups are reported unasked
    return bool(watch.poll(0))


def _invoke(arguments: list[str], flags: Flags) -> int:
    try:
        with app.make_context("edgepack", list(arguments), obj=flags) as context:
            outcome: Outcome = app.invoke(context)
    except click.exceptions.Exit as ended:
        return ended.exit_code
    click.echo(json.dumps(outcome.document, indent=2, allow_nan=False) if flags.json else outcome.text())
    return outcome.exit_code


def _complete() -> int:
    from click.shell_completion import shell_complete

    return shell_complete(app, {}, "edgepack", COMPLETION_VARIABLE, os.environ[COMPLETION_VARIABLE])
