"""A report as one self-contained page."""

from __future__ import annotations

from edgepack.report.model import Report


def render_html(report: Report) -> str:
    """Give the report as an HTML page that needs nothing from the network."""
    raise NotImplementedError
