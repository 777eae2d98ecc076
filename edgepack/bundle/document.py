"""The manifest's JSON form, and its text."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from edgepack.bundle.manifest import Manifest


def to_json(manifest: Manifest) -> dict[str, Any]:
    """Give the document that manifest.json holds, checked against the published schema.

    Raises:
        InternalError: The manifest breaks the schema.
    """
    raise NotImplementedError


def from_json(document: Mapping[str, Any]) -> Manifest:
    """Read a document of manifest.json, after checking it against the published schema.

    Raises:
        BundleError: It breaks the schema, is of a version this edgepack does not read, or contradicts itself.
    """
    raise NotImplementedError


def dumps(document: Mapping[str, Any]) -> str:
    """Give a JSON document as text: the same document gives the same bytes."""
    raise NotImplementedError
