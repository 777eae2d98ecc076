"""What a report says to a person, in words and rows; text and HTML only differ in how it looks."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from decimal import ROUND_CEILING, Context, Decimal
from math import inf, isfinite

from rich.filesize import decimal

from edgepack.precision import BASE, PRECISIONS, Tolerance
from edgepack.report.elsewhere import device_lines, emulated_lines
from edgepack.report.model import ArtifactResult, Report, RouteFailure
from edgepack.verdict import Answers, Comparison, LayerError, worst_layers

_FIGURES = ("max\nerror", "needed\nrtol", "cosine", "SNR\ndB")
_ANSWERS = ("same\ntop %", "right\n%", "change\npoints")
HEADINGS = ("artifact", "on", "size", *_FIGURES, *_ANSWERS, "verdict")
_FIRST_TO_GO = _FIGURES[:2]
"""What a narrow terminal has to do without; all of it is in report.json and in the page."""
_WORST = 3
_LOG_LINES = 12
_REBUILD = "Try: building again looks for a route that is right on this runtime"
_KEEP = "Try: --keep-failed DIR keeps the file and the logs, to see which layer is wrong"
_CONTROL = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]|[\x00-\x08\x0b-\x1f\x7f-\x9f]")
"""Terminal control sequences (ECMA-48, 5.4) and other control characters, but for tab and newline."""


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


@dataclass(frozen=True, slots=True)
class Item:
    """A statement with what belongs to it.

    Attributes:
        text: One sentence.
        notes: More sentences.
        log: The end of a log, or nothing.
    """

    text: str
    notes: tuple[str, ...] = ()
    log: str = ""


@dataclass(frozen=True, slots=True)
class Section:
    """Statements under a title."""

    title: str
    items: tuple[Item, ...]


def headline(report: Report) -> str:
    """Give the outcome in one line."""
    ran = dict.fromkeys(result.artifact_id for result in report.results)
    good = [name for name in ran if all(one.passed for one in report.results if one.artifact_id == name)]
    total = len(ran) + len(report.unmade)
    outcome = "passed" if report.passed else "FAILED"
    target = f" for {report.target}" if report.target else ""
    return clean(f"{report.name}{target}: {outcome}, {len(good)} of {total} artifacts proven")


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


def sections(report: Report) -> list[Section]:
    """Give what is to be said below the table, without what there is nothing to say about."""
    failed = [*_failed_results(report), *_unmade(report)]
    overcome = [Item(_route_text(one)) for one in report.failures if one.artifact_id not in report.unmade]
    missing = [Item(clean(f"{gap.id}: {gap.reason}")) for gap in report.gaps if not gap.by_nature]
    left_out = [Item(clean(f"{gap.id}: {gap.reason}")) for gap in report.gaps if gap.by_nature]
    kept = [Item(clean(_kept_text(one))) for one in report.results if one.kept_float]
    warnings = [Item(clean(warning)) for warning in (*report.warnings, *_no_smaller(report))]
    found = (
        ("What failed", failed),
        ("Not in the bundle", missing),
        ("Left out, because this model cannot have it", left_out),
        ("Routes that failed before another succeeded", overcome),
        ("On ARM64", [Item(clean(line)) for line in emulated_lines(report.results)]),
        ("On a device", [Item(clean(line)) for line in device_lines(report.results)]),
        ("Layers left in float", kept),
        ("Warnings", warnings),
    )
    return [Section(title, tuple(items)) for title, items in found if items]


def labelled_lines(report: Report) -> list[tuple[str, str]]:
    """Give what the judge allowed, how long it took, and where and with what it was found out."""
    found = (
        ("Allowed", _allowed(report)),
        ("Operators", _operators(report)),
        ("Time", _times(report)),
        ("Made with", _surroundings(report)),
    )
    return [(label, clean(line)) for label, line in found if line]


def clean(text: str) -> str:
    """Take out what a terminal would obey instead of show: logs and foreign bundles may hold anything."""
    return _CONTROL.sub("", text).encode(errors="backslashreplace").decode()


def figure(value: float) -> str:
    """Give a figure with two digits, rounded up: a tolerance of that size would still do."""
    if not isfinite(value):
        return str(value)
    rounded = Decimal(repr(value)).normalize(Context(prec=2, rounding=ROUND_CEILING))
    return f"{float(rounded):.2g}"


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
        _decibels(min(one.snr_db for one in comparisons)),
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


def _decibels(value: float) -> str:
    return "equal" if value == inf else f"{value:.1f}"


def _allowed(report: Report) -> str:
    tolerances = {result.artifact_id.rpartition("/")[2]: result.tolerance for result in report.results}
    return "; ".join(f"{precision} {_bound(allowed)}" for precision, allowed in tolerances.items())


def _operators(report: Report) -> str:
    """Say how many there are, and how many of them only move data about."""
    parts = []
    for artifact_id, counts in report.operators.items():
        transposes = sum(count for name, count in counts.items() if name.partition("@")[0] == "TRANSPOSE")
        parts.append(
            f"{artifact_id} {sum(counts.values())}{f', {transposes} TRANSPOSE' if transposes else ''}"
        )
    return "; ".join(parts)


def _kept_text(result: ArtifactResult) -> str:
    return f"{result.artifact_id}: {', '.join(result.kept_float)}"


def _no_smaller(report: Report) -> Iterator[str]:
    """Say which quantised files save nothing: there was nothing in them to quantise, or too little."""
    sizes = {result.artifact_id: result.bytes for result in report.results}
    for artifact_id, size in sizes.items():
        format_, _, precision = artifact_id.partition("/")
        full = sizes.get(f"{format_}/{BASE}")
        if precision != BASE and full is not None and size >= full:
            yield f"{artifact_id} is no smaller than {format_}/{BASE}"


def _bound(allowed: Tolerance) -> str:
    asked = [f"SNR >= {allowed.snr_db:g} dB"] if allowed.snr_db is not None else [_element_bound(allowed)]
    if allowed.top_agreement is not None:
        asked.append(f"top answers the same in {allowed.top_agreement:.1%}")
    if allowed.accuracy_drop is not None:
        asked.append(f"at most {allowed.accuracy_drop:g} points less accuracy")
    return ", ".join(asked)


def _element_bound(allowed: Tolerance) -> str:
    return f"|got - ref| <= {allowed.absolute:g} + rtol * max|ref| with rtol {allowed.relative:g}"


def _times(report: Report) -> str:
    return ", ".join(f"{step} {taken:.1f} s" for step, taken in report.seconds.items())


def _surroundings(report: Report) -> str:
    host = " ".join(report.host.get(key, "") for key in ("system", "machine")).strip()
    tools = [f"{name} {release}" for name, release in sorted(report.tools.items())]
    return ", ".join(filter(None, [host, *tools]))


def _failed_results(report: Report) -> Iterator[Item]:
    for result in report.results:
        if result.passed:
            continue
        text = f"{result.artifact_id} on {result.runner} ({result.runtime})"
        if result.error:
            yield Item(clean(f"{text} did not run: {result.error}"))
        elif not result.comparisons:
            yield Item(clean(f"{text}: there was nothing to compare, which proves nothing"))
        else:
            notes = (*_verdict_notes(result.comparisons, result.artifact_id), _REBUILD)
            fault = f": {result.shortfall}" if result.shortfall else " computes something else"
            yield Item(clean(f"{text}{fault}"), notes)


def _unmade(report: Report) -> Iterator[Item]:
    for failure in report.failures:
        if failure.artifact_id in report.unmade:
            yield _route_item(failure)


def _route_item(failure: RouteFailure) -> Item:
    notes = [
        *_verdict_notes(failure.comparisons, failure.artifact_id),
        *(clean(_layer_text(layer)) for layer in worst_layers(failure.layers, _WORST)),
    ]
    if failure.hint:
        notes.append(clean(f"Try: {failure.hint}"))
    elif failure.comparisons:
        notes.append(_KEEP)
    log = "\n".join(clean(failure.log_tail).strip().splitlines()[-_LOG_LINES:])
    return Item(_route_text(failure), tuple(notes), log)


def _route_text(failure: RouteFailure) -> str:
    return clean(f"{failure.artifact_id} by {failure.route}: {failure.reason}")


def _layer_text(layer: LayerError) -> str:
    return (
        f"{layer.operator} {layer.name} loses {layer.lost:.0%} of its signal, channel by channel; its output "
        f"has an SNR of {_decibels(layer.snr_db)} dB"
    )


def _verdict_notes(comparisons: Iterable[Comparison], artifact_id: str) -> tuple[str, ...]:
    precision = PRECISIONS.get(artifact_id.rpartition("/")[2])
    by_ratio = precision is not None and precision.tolerance.snr_db is not None
    return tuple(clean(_verdict_note(one, by_ratio=by_ratio)) for one in comparisons if not one.passed)


def _verdict_note(one: Comparison, *, by_ratio: bool) -> str:
    if not isfinite(one.needed_relative):
        return f"{one.output}: {one.reason}; no tolerance would make it pass"
    if by_ratio:
        return f"{one.output}: {one.reason}; cosine {one.cosine:.6f}"
    return (
        f"{one.output}: {one.reason}; the smallest relative tolerance that would pass is "
        f"{figure(one.needed_relative)}, cosine {one.cosine:.6f}, SNR {_decibels(one.snr_db)} dB"
    )
