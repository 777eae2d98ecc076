"""The document "edgepack.report/1": what report.json holds and what `--json` prints.

JSON has no infinities and no NaN, and verdicts do: such figures are the strings "inf", "-inf" and "nan".
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from edgepack.bundle.manifest import Gap
from edgepack.errors import BundleError
from edgepack.json_numbers import json_number
from edgepack.precision import Tolerance
from edgepack.report.model import ArtifactResult, Report, RouteFailure
from edgepack.verdict import Answers, Comparison, Difference, Latency, LayerError

SCHEMA = "edgepack.report/1"

_AGAIN = "build or verify the bundle again"
_FIGURES = ("max_error", "needed_relative", "cosine", "snr_db")


def to_json(report: Report) -> dict[str, Any]:
    """Give the document.

    Its keys are the attributes of `Report` and of what it holds, and besides: "schema", "passed" for the
    whole and for each result, and each result's worst figures over its outputs.
    """
    document = asdict(report)
    for part, result in zip(document["results"], report.results, strict=True):
        part["passed"] = result.passed
        part |= {figure: getattr(result, figure) for figure in _FIGURES}
    plain = _plain({"schema": SCHEMA, "passed": report.passed, **document})
    assert isinstance(plain, dict)
    return plain


def from_json(document: Mapping[str, Any]) -> Report:
    """Read a document that `to_json` made.

    Raises:
        BundleError: It is not one, or of another version.
    """
    schema = document.get("schema") if isinstance(document, Mapping) else None
    if schema != SCHEMA:
        raise BundleError(
            f"not a report that this edgepack reads: its schema is {schema!r}, not {SCHEMA!r}",
            hint=_AGAIN,
        )
    try:
        return Report(
            name=document["name"],
            target=document["target"],
            results=tuple(_result(part) for part in document["results"]),
            failures=tuple(_failure(part) for part in document["failures"]),
            gaps=tuple(Gap(**part) for part in document["gaps"]),
            warnings=tuple(document["warnings"]),
            tools=dict(document["tools"]),
            host=dict(document["host"]),
            seconds={step: float(taken) for step, taken in document["seconds"].items()},
            operators={one: dict(counts) for one, counts in document["operators"].items()},
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise BundleError(f"the report is damaged: {type(error).__name__}: {error}", hint=_AGAIN) from error


def dumps(report: Report) -> str:
    """Give the document as text: what report.json holds."""
    return json.dumps(to_json(report), indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def load(path: Path) -> Report:
    """Read a report.json.

    Raises:
        BundleError: It is missing, damaged or of another version; the message names it.
    """
    try:
        return from_json(json.loads(path.read_bytes()))
    except OSError as error:
        raise BundleError(f"cannot read {path}: {error.strerror}", hint=_AGAIN) from error
    except (ValueError, RecursionError) as error:
        raise BundleError(f"{path} is not JSON: {error}", hint=_AGAIN) from error
    except BundleError as error:
        raise BundleError(f"{path}: {error.message}", error.hint) from error


def _plain(value: object) -> object:
    """Turn what `asdict` gives into what JSON holds."""
    match value:
        case float():
            return json_number(value)
        case dict():
            return {key: _plain(part) for key, part in value.items()}
        case list() | tuple():
            return [_plain(part) for part in value]
        case _:
            return value


def _result(part: Mapping[str, Any]) -> ArtifactResult:
    return ArtifactResult(
        artifact_id=part["artifact_id"],
        runner=part["runner"],
        runtime=part["runtime"],
        cases=part["cases"],
        comparisons=_comparisons(part),
        tolerance=Tolerance(**part["tolerance"]),
        bytes=part["bytes"],
        error=part["error"],
        seconds=float(part["seconds"]),
        starting=float(part["starting"]),
        running=float(part["running"]),
        instructions=part["instructions"],
        beside_host=Difference(**part["beside_host"]) if part["beside_host"] else None,
        latency=Latency(**part["latency"]) if part.get("latency") else None,
        answers=Answers(**part["answers"]) if part["answers"] else None,
        layers=_layers(part),
        kept_float=tuple(part["kept_float"]),
    )


def _failure(part: Mapping[str, Any]) -> RouteFailure:
    return RouteFailure(
        artifact_id=part["artifact_id"],
        route=part["route"],
        reason=part["reason"],
        hint=part["hint"],
        log_tail=part["log_tail"],
        comparisons=_comparisons(part),
        layers=_layers(part),
    )


def _layers(part: Mapping[str, Any]) -> tuple[LayerError, ...]:
    return tuple(
        LayerError(one["name"], one["operator"], float(one["snr_db"]), float(one["lost"]))
        for one in part["layers"]
    )


def _comparisons(part: Mapping[str, Any]) -> tuple[Comparison, ...]:
    return tuple(
        Comparison(
            output=one["output"],
            passed=one["passed"],
            reason=one["reason"],
            **{figure: float(one[figure]) for figure in _FIGURES},
        )
        for one in part["comparisons"]
    )
