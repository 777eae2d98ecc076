"""The JSON form of contracts in a manifest; the bundle's schema says which values a step may have."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from edgepack.processing.steps import (
    POST_STEPS,
    PRE_STEPS,
    Postprocess,
    PostStep,
    Preprocess,
    PreStep,
    Processing,
)


def to_json(processing: Processing) -> dict[str, Any]:
    """Give the manifest's keys `preprocess` and `postprocess`."""
    return {
        "preprocess": [
            {"input": one.input, "steps": [_step_out(step) for step in one.steps]}
            for one in processing.preprocess
        ],
        "postprocess": [
            {"output": one.output, "steps": [_step_out(step) for step in one.steps]}
            for one in processing.postprocess
        ],
    }


def from_json(document: Mapping[str, Any]) -> Processing:
    """Read those keys of a document that was checked against the schema."""
    before: Sequence[Mapping[str, Any]] = document.get("preprocess", ())
    after: Sequence[Mapping[str, Any]] = document.get("postprocess", ())
    return Processing(
        tuple(
            Preprocess(one["input"], tuple(_step_in(step, PRE_STEPS) for step in one["steps"]))
            for one in before
        ),
        tuple(
            Postprocess(one["output"], tuple(_step_in(step, POST_STEPS) for step in one["steps"]))
            for one in after
        ),
    )


def _step_out(step: PreStep | PostStep) -> dict[str, Any]:
    fields = {key: list(value) if isinstance(value, tuple) else value for key, value in asdict(step).items()}
    return {"op": step.op, **fields}


def _step_in(document: Mapping[str, Any], known: Mapping[str, Any]) -> Any:
    fields = {
        key: tuple(value) if isinstance(value, list) else value
        for key, value in document.items()
        if key != "op"
    }
    return known[document["op"]](**fields)
