"""What a report says to a person in words; text and HTML only differ in how it looks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from math import isfinite

from edgepack.precision import BASE, PRECISIONS, Tolerance
from edgepack.report.elsewhere import device_lines, emulated_lines
from edgepack.report.model import ArtifactResult, Report, RouteFailure
from edgepack.report.wording import clean, decibels, figure
from edgepack.verdict import Comparison, LayerError, worst_layers

_WORST = 3
_LOG_LINES = 12
_REBUILD = "Try: building again looks for a route that is right on this runtime"
_KEEP = "Try: --keep-failed DIR keeps the file and the logs, to see which layer is wrong"


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
        f"has an SNR of {decibels(layer.snr_db)} dB"
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
        f"{figure(one.needed_relative)}, cosine {one.cosine:.6f}, SNR {decibels(one.snr_db)} dB"
    )
