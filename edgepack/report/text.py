"""A report for the terminal: one table, then what failed and what to try, then gaps and warnings."""

from __future__ import annotations

from edgepack.report.model import Report


def render_text(report: Report, *, width: int | None = None, color: bool = False) -> str:
    """Give the report as text.

    Args:
        report: What to show.
        width: Columns to fit into; as wide as it needs to be when not given, which suits a pipe.
        color: Whether to use the terminal's colours.
    """
    raise NotImplementedError
