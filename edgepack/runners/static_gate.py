"""What can be told of an artifact and a runtime without running either: in milliseconds, and by name.

What a runtime can load is in `capabilities/`, one file a runtime; `scripts/runtime_capabilities.py` makes
them by asking the runtimes themselves.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from edgepack.bundle.manifest import Artifact
from edgepack.errors import UsageError
from edgepack.runners.runtimes import RUNTIMES, RuntimeRelease, find_release

FOLDER = Path(__file__).parent / "capabilities"

KNOWN_WRONG = {
    ("org.pytorch:pytorch_android_lite:1.12.2", "aten::floor_divide"): "it truncates towards zero",
    ("org.pytorch:pytorch_android_lite:1.12.2", "aten::floor_divide.Scalar"): "it truncates towards zero",
    ("torch==1.12.1", "aten::floor_divide"): "it truncates towards zero",
    ("torch==1.12.1", "aten::floor_divide.Scalar"): "it truncates towards zero",
}
"""Operators that a runtime loads and computes wrong, measured: runtime and operator to what is wrong."""


@dataclass(frozen=True, slots=True)
class Objection:
    """A reason why an artifact will not be right in a runtime.

    Attributes:
        artifact: Its id.
        runtime: The runtime's id.
        reason: In one sentence.
        hint: What else would do; empty when nothing is known.
    """

    artifact: str
    runtime: str
    reason: str
    hint: str = ""


def check_statically(artifact: Artifact, runtime_id: str) -> tuple[Objection, ...]:
    """Compare what an artifact needs with what a runtime has.

    Args:
        artifact: With its operators and requirements, as the manifest has them.
        runtime_id: A runtime of the artifact's format.

    Returns:
        All objections; none means that the runtime will load the file, not that the result is right.

    Raises:
        UsageError: The runtime is unknown, or nothing is known of what it can load.
    """
    release = find_release(runtime_id)
    known = capabilities(release)
    found = [*_bytecode(artifact, known), *_operators(artifact, release, known)]
    return tuple(Objection(artifact.id, release.id, reason, hint) for reason, hint in found)


@cache
def capabilities(release: RuntimeRelease) -> Mapping[str, Any]:
    """Give what is known of a runtime.

    Raises:
        UsageError: Nothing is.
    """
    try:
        known: Mapping[str, Any] = json.loads((FOLDER / f"{release.slug}.json").read_text(encoding="ascii"))
    except FileNotFoundError as error:
        raise UsageError(
            f"what {release.id} can load is not known", hint="verify with --runner arm64 instead"
        ) from error
    return known


def _bytecode(artifact: Artifact, known: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    version = artifact.requires.get("bytecode")
    if version is None or "bytecode" not in known:
        return
    low, high = known["bytecode"]
    if not low <= int(version) <= high:
        yield (
            f"it is of bytecode version {version}, and the runtime loads {low} to {high}",
            f"build with --bytecode {high}",
        )


def _operators(
    artifact: Artifact, release: RuntimeRelease, known: Mapping[str, Any]
) -> Iterator[tuple[str, str]]:
    for operator in artifact.operators:
        if not _has(known, operator):
            others = [
                one.id
                for one in RUNTIMES.values()
                if one.format == release.format and one != release and _has(capabilities(one), operator)
            ]
            hint = f"{', '.join(others)} {'has' if len(others) == 1 else 'have'} it" if others else ""
            yield f"the runtime has no operator {operator}", hint
        elif wrong := KNOWN_WRONG.get((release.id, operator)):
            yield f"the runtime computes {operator} wrong: {wrong}", "replace it in the model"


def _has(known: Mapping[str, Any], operator: str) -> bool:
    """Whether an operator is there; TFLite's have a version, and newer kernels run older ones."""
    operators = known["operators"]
    if isinstance(operators, Mapping):
        name, _, version = operator.partition("@")
        return int(version or 1) <= int(operators.get(name, 0))
    return operator in operators
