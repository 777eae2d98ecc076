"""Reads what an app's self-test reports; `schema/selftest-1.json` describes the document."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgepack.errors import SourceError
from edgepack.json_schema import first_fault

SCHEMA = "edgepack.selftest/1"
LARGEST_DATA = 2**20
"""An output of more bytes than this comes without its data."""

_HINT = "run the app's self-test again and share its report whole"


@dataclass(frozen=True, slots=True)
class DeviceOutput:
    """One output of one golden case.

    Attributes:
        name: The model's name for it.
        passed: Whether the app found it near enough.
        max_error: What the app found; None where it is infinite.
        snr_db: What the app found; None where it is infinite.
        data: Its values as a golden file holds them; None where they are larger than `LARGEST_DATA`.
    """

    name: str
    passed: bool
    max_error: float | None
    snr_db: float | None
    data: bytes | None


@dataclass(frozen=True, slots=True)
class DeviceArtifact:
    """How an artifact fared.

    Attributes:
        error: Why it could not be run; empty when it ran.
        load_ms: Until the runtime had loaded the file; None where it did not.
        median_ms: Of one inference; None where none was timed.
        p90_ms: What nine of ten inferences stayed within.
        cases: By the number of the golden case, the outputs by name.
    """

    error: str
    load_ms: float | None
    median_ms: float | None
    p90_ms: float | None
    cases: Mapping[int, Mapping[str, DeviceOutput]]


@dataclass(frozen=True, slots=True)
class DeviceReport:
    """A self-test's report.

    Attributes:
        bundle: The bundle's name; empty where it could not be opened.
        manifest_sha256: Of its manifest.json, in hexadecimal; empty where it could not be opened.
        device: Maker, model and Android release, for people.
        runtimes: Format to the release that executed it.
        runs: How often each artifact was timed.
        error: Why the test ended early; empty where it did not.
        artifacts: By id.
    """

    bundle: str
    manifest_sha256: str
    device: str
    runtimes: Mapping[str, str]
    runs: int
    error: str
    artifacts: Mapping[str, DeviceArtifact]


def read_file(path: Path) -> DeviceReport:
    """Read a report that was shared as a file.

    Raises:
        SourceError: It cannot be read, or is no report.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")  # some ways of sharing add a mark
    except (OSError, UnicodeDecodeError) as error:
        raise SourceError(f"cannot read the self-test's report {path}: {error}", hint=_HINT) from error
    return parse(text, str(path))


def parse(text: str, origin: str) -> DeviceReport:
    """Read a report.

    Args:
        text: The JSON document.
        origin: Where it comes from, for messages.

    Raises:
        SourceError: It is no report, or of an unknown version.
    """
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise SourceError(f"the self-test's report {origin} is not JSON: {error}", hint=_HINT) from error
    schema = document.get("schema") if isinstance(document, dict) else None
    if schema != SCHEMA:
        raise SourceError(
            f"{origin} is no self-test's report: its schema is {schema!r}, not {SCHEMA!r}", hint=_HINT
        )
    fault = first_fault(document, "edgepack.runners", "schema/selftest-1.json")
    if fault:
        raise SourceError(f"the self-test's report {origin} is damaged: {fault}", hint=_HINT)
    try:
        return _report(document)
    except ValueError as error:
        raise SourceError(f"the self-test's report {origin} is damaged: {error}", hint=_HINT) from error


def _report(document: Mapping[str, Any]) -> DeviceReport:
    bundle, device = document["bundle"] or {}, document["device"]
    return DeviceReport(
        bundle=bundle.get("name", ""),
        manifest_sha256=bundle.get("manifest_sha256", ""),
        device=f"{_phone(device['manufacturer'], device['model'])}, Android {device['android']}",
        runtimes=dict(document["runtimes"]),
        runs=document["runs"],
        error=document["error"] or "",
        artifacts=_by_key(document["artifacts"], "id", _artifact),
    )


def _phone(maker: str, model: str) -> str:
    """Name a phone; some makers begin the model's name with their own."""
    return model if model.lower().startswith(maker.lower()) else f"{maker} {model}"


def _artifact(document: Mapping[str, Any]) -> DeviceArtifact:
    latency = document["latency_ms"] or {}
    return DeviceArtifact(
        error=document["error"] or "",
        load_ms=document["load_ms"],
        median_ms=latency.get("median"),
        p90_ms=latency.get("p90"),
        cases=_by_key(document["cases"], "case", lambda case: _by_key(case["outputs"], "name", _output)),
    )


def _output(document: Mapping[str, Any]) -> DeviceOutput:
    data = document["data"]
    return DeviceOutput(
        name=document["name"],
        passed=document["passed"],
        max_error=document["max_error"],
        snr_db=document["snr_db"],
        data=None if data is None else base64.b64decode(data, validate=True),
    )


def _by_key(parts: Sequence[Mapping[str, Any]], key: str, read: Any) -> dict[Any, Any]:
    found: dict[Any, Any] = {}
    for part in parts:
        if part[key] in found:
            raise ValueError(f"{key} {part[key]!r} comes twice")
        found[part[key]] = read(part)
    return found
