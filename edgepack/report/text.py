"""A report for the terminal: one table, then what failed and what to try, then gaps and warnings."""

from __future__ import annotations

from io import StringIO

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from edgepack.report.content import Section, headline, labelled_lines, sections
from edgepack.report.model import Report
from edgepack.report.tables import HEADINGS, main_table

_UNLIMITED = 10_000
_NUMBERS = HEADINGS[2:-1]


def render_text(report: Report, *, width: int | None = None, color: bool = False) -> str:
    """Give the report as text.

    Args:
        report: What to show.
        width: Columns to fit into; as wide as it needs to be when not given, which suits a pipe.
        color: Whether to use the terminal's colours.
    """
    console = Console(
        file=StringIO(),
        width=width or _UNLIMITED,
        force_terminal=color,
        color_system="standard" if color else None,
        force_jupyter=False,
        highlight=False,
    )
    console.print(Text(headline(report), style=f"bold {_style(passed=report.passed)}"))
    console.print()
    console.print(_table(report, width))
    console.print()
    for section in sections(report):
        _print_section(console, section)
    for label, line in labelled_lines(report):
        if line:
            console.print(Text.assemble((f"{label}: ", "bold"), line))
    assert isinstance(console.file, StringIO)
    return "".join(f"{line.rstrip()}\n" for line in console.file.getvalue().strip("\n").split("\n"))


def _table(report: Report, width: int | None) -> Table:
    content = main_table(report, width)
    table = Table(box=SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0))
    longest = max((len(row.cells[0]) for row in content.rows), default=0)
    for heading in content.headings:
        table.add_column(
            heading,
            justify="right" if heading in _NUMBERS else "left",
            overflow="fold",
            min_width=longest if heading == HEADINGS[0] else None,
        )
    for row in content.rows:
        *cells, verdict = (Text(cell) for cell in row.cells)
        verdict.stylize(_style(passed=row.passed))
        table.add_row(*cells, verdict)
    return table


def _print_section(console: Console, section: Section) -> None:
    console.print(Text(section.title, style="bold"))
    for item in section.items:
        console.print(Padding(Text(item.text), (0, 0, 0, 2)))
        for note in item.notes:
            console.print(Padding(Text(note), (0, 0, 0, 4)))
        for line in item.log.splitlines():
            console.print(Padding(Text(f"| {line}", style="dim"), (0, 0, 0, 4)))
    console.print()


def _style(*, passed: bool) -> str:
    return "green" if passed else "red"
