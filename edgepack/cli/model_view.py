"""Show an ONNX model, and what would become of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from edgepack.backends.passes.plan import REFUSED, REWRITTEN, STATES
from edgepack.cli.columns import columns
from edgepack.cli.phrases import counted, with_hint

if TYPE_CHECKING:
    from edgepack.backends.passes.plan import Plan
    from edgepack.inspection import Inspection
    from edgepack.sources.onnx_summary import ModelSummary

_MOST_NODES = 40
_ANSWERS = {True: "every node has a way to the phone", False: "not every node has a way to the phone"}


def model_document(found: Inspection) -> dict[str, Any]:
    """Give what `--json` prints."""
    document = {"model": asdict(found.summary)}
    if found.plan:
        document["plan"] = {"feasible": found.plan.feasible, **asdict(found.plan)}
    return document


def model_text(name: str, found: Inspection) -> str:
    """Give the text for people."""
    summary = found.summary
    total = sum(summary.operators.values())
    parts = [f"{name}\n{columns(_facts(summary), indent='  ')}"]
    if found.plan:
        return "\n\n".join([*parts, *_plan_sections(found.plan)])
    counts = [(operator, str(count)) for operator, count in summary.operators.items()]
    return "\n\n".join([*parts, f"operators, {counted(total, 'node')}\n{columns(counts, indent='  ')}"])


def _facts(summary: ModelSummary) -> list[tuple[str, str]]:
    from rich.filesize import decimal

    opsets = ", ".join(f"{domain} {version}" for domain, version in summary.opsets.items())
    return [
        ("opset", opsets),
        ("made by", summary.producer or "unknown"),
        ("weights", f"{summary.weights} numbers, {decimal(summary.weight_bytes)}"),
        *(("input", _input(str(one), bindable=one.name in summary.shape_inputs)) for one in summary.inputs),
        *(("output", str(one)) for one in summary.outputs),
    ]


def _input(text: str, *, bindable: bool) -> str:
    return f"{text}, decides shapes: fix it with --bind" if bindable else text


def _plan_sections(plan: Plan) -> Iterator[str]:
    yield f"plan for tflite: {_ANSWERS[plan.feasible]}\n{columns(_by_operator(plan), indent='  ')}"
    refused = [one for one in plan.nodes if one.state == REFUSED]
    problems = [("inputs and outputs", problem) for problem in plan.problems]
    if problems or refused:
        rows = problems + [(f"{one.operator} {one.node}", with_hint(one.reason, one.hint)) for one in refused]
        yield f"refused\n{columns(rows, indent='  ')}"
    rewritten = [one for one in plan.nodes if one.state == REWRITTEN]
    if rewritten:
        rows = [(f"{one.operator} {one.node}", ", ".join(one.passes)) for one in rewritten[:_MOST_NODES]]
        more = len(rewritten) - len(rows)
        rest = f"\n  and {more} more, which --json lists" if more else ""
        yield f"rewritten\n{columns(rows, indent='  ')}{rest}"
        yield f"passes\n{columns(sorted(plan.passes.items()), indent='  ')}"


def _by_operator(plan: Plan) -> list[tuple[str, ...]]:
    states = Counter((one.operator, one.state) for one in plan.nodes)
    passes = {
        operator: ", ".join(
            dict.fromkeys(name for one in plan.nodes if one.operator == operator for name in one.passes)
        )
        for operator, _ in states
    }
    rows = [
        (
            operator,
            *(str(states[operator, state] or "") for state in STATES),
            used,
        )
        for operator, used in sorted(passes.items())
    ]
    return [("operator", *STATES, "by"), *rows]
