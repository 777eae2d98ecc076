"""What can be told of an artifact and a runtime without running either: in milliseconds, and by name.

What a runtime can load is in `capabilities/`, one file a runtime; `scripts/runtime_capabilities.py` makes
them by asking the runtimes themselves.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Protocol

from edgepack.errors import UsageError
from edgepack.runners.runtimes import RUNTIMES, RuntimeRelease, find_release, target_releases
from edgepack.targets import Target

FOLDER = Path(__file__).parent / "capabilities"

_TORCH_1_12 = ("org.pytorch:pytorch_android_lite:1.12.2", "torch==1.12.1")
_WRONG_IN_TORCH_1_12 = {
    "aten::floor_divide": "it truncates towards zero",
    "aten::floor_divide.Scalar": "it truncates towards zero",
    "aten::_native_multi_head_attention": "it fails where there is a mask",
    "aten::_transformer_encoder_layer_fwd": "it fails where there is a mask, and with norm_first",
}
KNOWN_WRONG = {
    (runtime, operator): wrong for runtime in _TORCH_1_12 for operator, wrong in _WRONG_IN_TORCH_1_12.items()
}
"""Operators that a runtime has and computes otherwise than torch does now, to the difference; as measured."""


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


class Needs(Protocol):
    """What has needs: an artifact of a manifest, or a candidate of a build."""

    @property
    def operators(self) -> tuple[str, ...]:
        """Names of the operators that it uses."""
        ...

    @property
    def places(self) -> Mapping[str, str]:
        """Operator to where in the model it is used first, as far as that is known."""
        ...

    @property
    def requires(self) -> Mapping[str, str]:
        """What else a runtime must offer."""
        ...


def check_statically(artifact_id: str, needs: Needs, runtime_id: str) -> tuple[Objection, ...]:
    """Compare what an artifact needs with what a runtime has.

    Args:
        artifact_id: "format/precision", for the objections.
        needs: Its operators and requirements.
        runtime_id: A runtime of the artifact's format.

    Returns:
        All objections; none means that the runtime will load the file, not that the result is right.

    Raises:
        UsageError: The runtime is unknown, or nothing is known of what it can load.
    """
    release = find_release(runtime_id)
    known = capabilities(release)
    if known is None:
        raise UsageError(
            f"what {release.id} can load is not known", hint="verify with --runner arm64 instead"
        )
    found = [*_bytecode(needs, known), *_operators(needs, release, known)]
    return tuple(Objection(artifact_id, release.id, reason, hint) for reason, hint in found)


def gate_runtimes(target: Target, format_: str, chosen: Sequence[str]) -> list[str]:
    """Say which runtimes an artifact has to fit: those that were chosen, or else the target's own.

    A runtime of which nothing is known, such as an archive of the user's own, has no say; nor has a target
    that names no runtime for the format.
    """
    of_format = [RUNTIMES[one] for one in chosen if one in RUNTIMES and RUNTIMES[one].format == format_]
    return [one.id for one in of_format or target_releases(target, format_)[:1] if capabilities(one)]


@cache
def capabilities(release: RuntimeRelease) -> Mapping[str, Any] | None:
    """Give what is known of a runtime, or None."""
    try:
        known: Mapping[str, Any] = json.loads((FOLDER / f"{release.slug}.json").read_text(encoding="ascii"))
    except FileNotFoundError:
        return None
    return known


def _bytecode(needs: Needs, known: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    version = needs.requires.get("bytecode")
    if version is None or "bytecode" not in known:
        return
    low, high = known["bytecode"]
    if not low <= int(version) <= high:
        yield (
            f"it is of bytecode version {version}, and the runtime loads {low} to {high}",
            f"build with --bytecode {high}",
        )


def _operators(needs: Needs, release: RuntimeRelease, known: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for operator in needs.operators:
        place = f" (in {needs.places[operator]})" if operator in needs.places else ""
        if not _has(known, operator):
            yield f"the runtime has no operator {operator}{place}", _others_with(operator, release)
        elif wrong := KNOWN_WRONG.get((release.id, operator)):
            yield f"the runtime's {operator}{place} does something else: {wrong}", "replace it in the model"


def _others_with(operator: str, release: RuntimeRelease) -> str:
    peers = [one for one in RUNTIMES.values() if one.format == release.format]
    others = [one.id for one in peers if (known := capabilities(one)) and _has(known, operator)]
    return f"{', '.join(others)} {'has' if len(others) == 1 else 'have'} it" if others else ""


def _has(known: Mapping[str, Any], operator: str) -> bool:
    """Whether an operator is there; TFLite's have a version, and newer kernels run older ones."""
    operators = known["operators"]
    if isinstance(operators, Mapping):
        name, _, version = operator.partition("@")
        return int(version or 1) <= int(operators.get(name, 0))
    return operator in operators
