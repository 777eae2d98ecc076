"""The document "edgepack.report/1"."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from edgepack.report.model import Report

SCHEMA = "edgepack.report/1"


def to_json(report: Report) -> dict[str, Any]:
    """Give the document; infinite figures are the strings "inf" and "-inf", for JSON has no such numbers."""
    raise NotImplementedError


def from_json(document: Mapping[str, Any]) -> Report:
    """Read a document that `to_json` made.

    Raises:
        BundleError: It is not one, or of another version.
    """
    raise NotImplementedError


def dumps(report: Report) -> str:
    """Give the document as text: what report.json holds."""
    raise NotImplementedError
