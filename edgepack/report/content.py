"""What a report says to a person, in words and rows; text and HTML only differ in how it looks."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from decimal import ROUND_CEILING, Context, Decimal
from math import inf, isfinite

from rich.filesize import decimal

from edgepack.precision import Tolerance
from edgepack.report.model import ArtifactResult, Report, RouteFailure
from edgepack.verdict import Comparison

HEADINGS = ("artifact", "on", "size", "max\nerror", "needed\nrtol", "cosine", "SNR\ndB", "verdict")
"""Of the table; it fits into 80 columns."""
_LOG_LINES = 12
_REBUILD = "Try: building again looks for a route that is right on this runtime"
_KEEP = "Try: --keep-failed DIR keeps the file and the logs, to see which layer is wrong"
_CONTROL = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]|[\x00-\x08\x0b-\x1f\x7f-\x9f]")
"""Terminal control sequences (ECMA-48, 5.4) and other control characters, but for tab and newline."""


@dataclass(frozen=True, slots=True)
class Row:
    """A line of the table: one cell for each of `HEADINGS`."""

    cells: tuple[str, ...]
    passed: bool


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


def rows(report: Report) -> list[Row]:
    """Give the table: one row per artifact and runner, then one per artifact that no route led to."""
    return [_result_row(result) for result in report.results] + [
        _unmade_row(name, report.failures) for name in report.unmade
    ]


def output_rows(report: Report) -> list[Row]:
    """Give one row per artifact, runner and output: as `rows`, with the output in place of the size."""
    return [
        _row(
            (result.artifact_id, result.place, one.output),
            [one],
            "passed" if one.passed else "FAILED",
        )
        for result in report.results
        for one in result.comparisons
    ]


def sections(report: Report) -> list[Section]:
    """Give what is to be said below the table, without what there is nothing to say about."""
    failed = [*_failed_results(report), *_unmade(report)]
    overcome = [Item(_route_text(one)) for one in report.failures if one.artifact_id not in report.unmade]
    missing = [Item(clean(f"{gap.id}: {gap.reason}")) for gap in report.gaps if not gap.by_nature]
    left_out = [Item(clean(f"{gap.id}: {gap.reason}")) for gap in report.gaps if gap.by_nature]
    warnings = [Item(clean(warning)) for warning in report.warnings]
    found = (
        ("What failed", failed),
        ("Not in the bundle", missing),
        ("Left out, because this model cannot have it", left_out),
        ("Routes that failed before another succeeded", overcome),
        ("ARM64 beside this machine", list(_beside_host(report))),
        ("Warnings", warnings),
    )
    return [Section(title, tuple(items)) for title, items in found if items]


def labelled_lines(report: Report) -> list[tuple[str, str]]:
    """Give what the judge allowed, how long it took, and where and with what it was found out."""
    found = (("Allowed", _allowed(report)), ("Time", _times(report)), ("Made with", _surroundings(report)))
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
    verdict = "passed" if result.passed else "not run" if result.error else "FAILED"
    labels = (result.artifact_id, result.place, decimal(result.bytes))
    return _row(labels, result.comparisons, verdict)


def _unmade_row(artifact_id: str, failures: Iterable[RouteFailure]) -> Row:
    """Show how far off the nearest file was, if any route led to one."""
    wrong = [one.comparisons for one in failures if one.artifact_id == artifact_id and one.comparisons]
    nearest = min(wrong, key=lambda verdicts: max(one.needed_relative for one in verdicts), default=())
    return _row((artifact_id, "", ""), nearest, "FAILED" if nearest else "not made")


def _row(labels: tuple[str, ...], comparisons: Sequence[Comparison], verdict: str) -> Row:
    figures = ("", "", "", "")
    if comparisons:
        figures = (
            figure(max(one.max_error for one in comparisons)),
            figure(max(one.needed_relative for one in comparisons)),
            f"{min(one.cosine for one in comparisons):.6f}",
            _decibels(min(one.snr_db for one in comparisons)),
        )
    cells = tuple(clean(cell) for cell in (*labels, *figures, verdict))
    return Row(cells, verdict == "passed")


def _decibels(value: float) -> str:
    return "equal" if value == inf else f"{value:.1f}"


def _allowed(report: Report) -> str:
    tolerances = {result.artifact_id.rpartition("/")[2]: result.tolerance for result in report.results}
    return "; ".join(f"{precision} {_bound(allowed)}" for precision, allowed in tolerances.items())


def _bound(allowed: Tolerance) -> str:
    if allowed.snr_db is not None:
        return f"SNR >= {allowed.snr_db:g} dB"
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
            notes = (*_verdict_notes(result.comparisons), _REBUILD)
            yield Item(clean(f"{text} computes something else"), notes)


def _beside_host(report: Report) -> Iterator[Item]:
    """Say of each run on ARM64 whether it gave the bits that this machine gave, or how far both are off."""
    here = {one.artifact_id: one for one in report.results if one.runner == "host" and one.outputs_sha256}
    for there in report.results:
        host = here.get(there.artifact_id)
        if there.runner != "arm64" or host is None or not there.outputs_sha256:
            continue
        if there.outputs_sha256 == host.outputs_sha256:
            how = "equal bit by bit"
        else:
            how = f"largest error {there.max_error:.2g} there, {host.max_error:.2g} here"
        yield Item(clean(f"{there.artifact_id}, {there.runtime}: {how}"))


def _unmade(report: Report) -> Iterator[Item]:
    for failure in report.failures:
        if failure.artifact_id in report.unmade:
            yield _route_item(failure)


def _route_item(failure: RouteFailure) -> Item:
    notes = list(_verdict_notes(failure.comparisons))
    if failure.hint:
        notes.append(clean(f"Try: {failure.hint}"))
    elif failure.comparisons:
        notes.append(_KEEP)
    log = "\n".join(clean(failure.log_tail).strip().splitlines()[-_LOG_LINES:])
    return Item(_route_text(failure), tuple(notes), log)


def _route_text(failure: RouteFailure) -> str:
    return clean(f"{failure.artifact_id} by {failure.route}: {failure.reason}")


def _verdict_notes(comparisons: Iterable[Comparison]) -> tuple[str, ...]:
    return tuple(clean(_verdict_note(one)) for one in comparisons if not one.passed)


def _verdict_note(one: Comparison) -> str:
    if not isfinite(one.needed_relative):
        return f"{one.output}: {one.reason}; no tolerance would make it pass"
    return (
        f"{one.output}: {one.reason}; the smallest relative tolerance that would pass is "
        f"{figure(one.needed_relative)}, cosine {one.cosine:.6f}, SNR {_decibels(one.snr_db)} dB"
    )
