"""Builds and tests the Android demo app; run it as scripts/android.

Each command is a module `<name>_command` with `SUMMARY`, `add_arguments(parser)` and `run(arguments, emit)`.
"""

from __future__ import annotations

import argparse
import os
import sys
from importlib import import_module

from project import ROOT

from edgepack.cli.command import Flags
from edgepack.cli.problems import show
from edgepack.cli.progress import progress

COMMANDS = ("build", "test")


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="scripts/android", description=(__doc__ or "").partition(";")[0] + "."
    )
    commands = parser.add_subparsers(required=True, metavar="command")
    for name in COMMANDS:
        module = import_module(f"{name}_command")
        command = commands.add_parser(name, help=module.SUMMARY, description=module.SUMMARY)
        command.add_argument("--debug", action="store_true", help="on errors, show all that is known of them")
        command.set_defaults(run=module.run)
        module.add_arguments(command)
    arguments = parser.parse_args()
    os.chdir(ROOT)
    flags = Flags(debug=arguments.debug)
    try:
        with progress(flags) as emit:
            arguments.run(arguments, emit)
    except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001  every error becomes a message
        return show(error, flags)
    return 0


if __name__ == "__main__":
    sys.exit(main())
