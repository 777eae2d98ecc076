"""How the user is told of a refused node: operator, place, reason."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from edgepack.backends.passes.dtypes import Refusal
from edgepack.errors import ConversionError


def refused_node(operator: str, node: str, refusal: Refusal) -> ConversionError:
    """Give the error of a node that was refused, whose details say all three apart."""
    details = {"operator": operator, "node": node, "reason": refusal.reason}
    return ConversionError(_message(details, f"node {node}"), refusal.hint, details)


def placed(error: ConversionError, place: str) -> ConversionError:
    """Give the same error with another description of the node's place.

    Args:
        error: From `refused_node`.
        place: Where the node stands in the user's model.
    """
    return ConversionError(_message(error.details, place), error.hint, error.details)


def _message(details: Mapping[str, Any], place: str) -> str:
    return f"{details['operator']} ({place}): {details['reason']}"
