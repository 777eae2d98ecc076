"""The command line. Nothing here computes: a command gathers options, calls the library, shows the result."""

from __future__ import annotations

import sys
from typing import NoReturn


def main() -> NoReturn:
    """Run the command that the process was started with, and exit with its code."""
    from edgepack.cli.app import run

    sys.exit(run(sys.argv[1:]))
