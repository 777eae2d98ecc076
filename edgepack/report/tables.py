"""The tables of a report, in rows of text; text and HTML only differ in how they look."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from rich.filesize import decimal

from edgepack.report.model import ArtifactResult, Report, RouteFailure
from edgepack.report.wording import clean, decibels, figure
from edgepack.verdict import Answers, Comparison

_FIGURES = ("max\nerror", "needed\nrtol", "cosine", "SNR\ndB")
_ANSWERS = ("same\ntop %", "right\n%", "change\npoints")
HEADINGS = ("artifact", "on", "size", *_FIGURES, *_ANSWERS, "verdict")
_FIRST_TO_GO = _FIGURES[:2]
"""What a narrow terminal has to do without; all of it is in report.json and in the page."""


@dataclass(frozen=True, slots=True)
class Row:
    """A line of a table: one cell for each heading."""

    cells: tuple[str, ...]
    passed: bool


@dataclass(frozen=True, slots=True)
class Table:
    """Rows under headings; a heading may have two lines."""

    headings: tuple[str, ...]
    rows: tuple[Row, ...]

    @property
    def width(self) -> int:
        """How many columns of text it needs, two spaces between cells."""
        lines = [tuple(max(one.split("\n"), key=len) for one in self.headings)]
        lines += [row.cells for row in self.rows]
        return sum(max(map(len, cells)) + 2 for cells in zip(*lines, strict=True)) - 2

    def without(self, *headings: str) -> Table:
        """Leave out columns."""
        kept = [index for index, heading in enumerate(self.headings) if heading not in headings]
        rows = (Row(tuple(row.cells[index] for index in kept), row.passed) for row in self.rows)
        return Table(tuple(self.headings[index] for index in kept), tuple(rows))


def main_table(report: Report, width: int | None = None) -> Table:
    """Give one row per artifact and runner, then one per artifact that no route led to.

    Args:
        report: What to show.
        width: Leave out the least of the figures where the table would need more columns of text.
    """
    rows = [
        *(_result_row(result) for result in report.results),
        *(_unmade_row(name, report.failures) for name in report.unmade),
    ]
    table = Table(HEADINGS, tuple(rows))
    empty = [
        name
        for index, name in enumerate(HEADINGS)
        if name in _ANSWERS and not any(row.cells[index] for row in rows)
    ]
    table = table.without(*empty)
    for heading in _FIRST_TO_GO:
        if width is not None and table.width > width:
            table = table.without(heading)
    return table


def output_table(report: Report) -> Table:
    """Give one row per artifact, runner and output."""
    rows = (
        _row((result.artifact_id, result.place, one.output, *_figures([one])), passed=one.passed)
        for result in report.results
        for one in result.comparisons
    )
    return Table(("artifact", "runs on", "output", *_FIGURES, "verdict"), tuple(rows))


def _result_row(result: ArtifactResult) -> Row:
    labels = (result.artifact_id, result.place, decimal(result.bytes))
    cells = (*labels, *_figures(result.comparisons), *_answer_cells(result.answers))
    return _row(cells, passed=result.passed, otherwise="not run" if result.error else "FAILED")


def _unmade_row(artifact_id: str, failures: Iterable[RouteFailure]) -> Row:
    """Show how far off the nearest file was, if any route led to one."""
    wrong = [one.comparisons for one in failures if one.artifact_id == artifact_id and one.comparisons]
    nearest = min(wrong, key=lambda verdicts: max(one.needed_relative for one in verdicts), default=())
    cells = (artifact_id, "", "", *_figures(nearest), *_answer_cells(None))
    return _row(cells, passed=False, otherwise="FAILED" if nearest else "not made")


def _row(cells: tuple[str, ...], *, passed: bool, otherwise: str = "FAILED") -> Row:
    return Row(tuple(clean(cell) for cell in (*cells, "passed" if passed else otherwise)), passed)


def _figures(comparisons: Sequence[Comparison]) -> tuple[str, ...]:
    if not comparisons:
        return ("",) * len(_FIGURES)
    return (
        figure(max(one.max_error for one in comparisons)),
        figure(max(one.needed_relative for one in comparisons)),
        f"{min(one.cosine for one in comparisons):.6f}",
        decibels(min(one.snr_db for one in comparisons)),
    )


def _answer_cells(answers: Answers | None) -> tuple[str, ...]:
    if answers is None:
        return ("",) * len(_ANSWERS)
    accuracy, change = answers.accuracy, answers.change
    return (
        f"{100 * answers.agreement:.1f}",
        "" if accuracy is None else f"{100 * accuracy:.1f}",
        "" if change is None else f"{change:+.2f}",
    )
