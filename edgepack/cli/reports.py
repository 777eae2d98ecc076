"""Show a report on stdout."""

from __future__ import annotations

import os
import shutil
import sys

from edgepack.report import Report


def report_text(report: Report) -> str:
    """Give the report as it suits stdout: fitted and coloured on a terminal, whole and plain in a pipe."""
    from edgepack.report.text import render_text

    terminal = sys.stdout.isatty()
    plain = bool(os.environ.get("NO_COLOR")) or os.environ.get("TERM", "dumb") == "dumb"
    width = shutil.get_terminal_size().columns if terminal else None
    return render_text(report, width=width, color=terminal and not plain).rstrip("\n")
