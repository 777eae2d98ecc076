"""Writes docs/coverage.md and the list of passing cases from measured outcomes."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path

from onnx_suite import DATA_FOLDERS
from suite_runs import Outcome

from edgepack.backends.passes.registry import Rewrite, rewrites

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "coverage.md"
PASSING = ROOT / "tests" / "thorough" / "backends" / "passes" / "passing.txt"

DOCUMENTED = ("native", "routes", "free")
_LABELS = {
    "native": "the converter alone",
    "guarded": "guarded only",
    "prepared": "fully prepared only",
    "routes": "edgepack's routes, shape inputs bound",
    "free": "edgepack's routes, every input left free",
}
_STATUSES = ("pass", "refused", "failed", "caught", "disputed", "wrong", "crash", "timeout")

_INTRODUCTION = """\
# Which ONNX operators reach a TFLite file

Written by `scripts/coverage`; do not edit. Measured with onnx {onnx}, onnx2tf {onnx2tf} and
ai-edge-litert {litert}.

The cases are those of ONNX's own backend suite whose inputs and outputs are arrays: {node} cases of single
operators, and {models} small models of the suite's folders {folders}.
Each case takes the way of a build, by the same code: shapes are written down, the graph is guarded or
prepared, converted and finished, and another process finds which axis of the model each axis of the file
holds, as a bundle's manifest tells it. Then LiteRT runs the file on the suite's inputs, and its outputs, in
the model's own axes, are judged against **the expected outputs of the suite with its own tolerances**
(relative 1e-3, absolute 1e-7). Failures are in the denominator.

    scripts/coverage            # repeats all of it
    scripts/coverage --step 16  # a sample

What the columns mean:

- **refused**: edgepack says no, and names operator, node and reason, or a value that does not fit.
- **failed**: the converter or the runtime raised an error, which ends the route.
- **caught**: the file runs and is wrong, and a build's comparison with the model refuses it.
- **disputed**: the file computes what the model computes where a build runs it (onnxruntime, or ONNX's
  reference evaluator), and the suite expects something else of the model.
- **wrong**: a build's comparison would have let the file pass, and it is wrong.
- **crash**, **timeout**: the process was killed; the worker that held it reports so.

"Routes" are the quick ones of a build: the guarded model first; where that fails, the prepared one; and
that once more with its inputs in the model's layout. Inputs that decide shapes (axes, sizes, pads, trip
counts) are bound to the case's values, as `edgepack build model.onnx --bind axes=[0,2]` does, or left free.
`edgepack inspect model.onnx --plan` tells the same of a model of your own, node by node, without converting
it.
"""


_DISPUTED = """\
Of what is disputed in onnx 1.20.1: `test_adam_multiple` computes its expected outputs with an epsilon that
its node does not have, and ONNX's own reference evaluator gives what the file gives. The int8 cases of
QLinearMatMul expect sums that wrap around at 8 bits, where the specification has them saturate, as
onnxruntime does. The inverse DFTs expect the rounding of the evaluator's own transform, 1.9e-7, where 0 is
exact.
"""
_GUARDS = """\
What the converter takes and silently gets wrong. These replacements are part of every conversion; each names
the releases of onnx2tf that it is for, and a test fails when a release no longer needs it.
"""


def write_page(operators: Mapping[str, str], outcomes: Mapping[str, Mapping[str, Outcome]]) -> None:
    """Write docs/coverage.md.

    Args:
        operators: Per case the operator that it is about, or its folder.
        outcomes: Per mode and case what became of it; "native" and "routes" are needed.
    """
    node = sum(name.startswith("node/") for name in operators)
    text = _INTRODUCTION.format(
        onnx=version("onnx"),
        onnx2tf=version("onnx2tf"),
        litert=version("ai-edge-litert"),
        node=node,
        models=len(operators) - node,
        folders=", ".join(f"`{folder}`" for folder in DATA_FOLDERS),
    )
    parts = [
        text,
        "## In all\n",
        _totals(outcomes),
        "## What is left\n",
        _left(outcomes["routes"]),
        _DISPUTED,
    ]
    parts += ["## Guards\n", _GUARDS, _guards()]
    parts += ["## By operator\n", _by_operator(operators, outcomes["native"], outcomes["routes"])]
    PAGE.parent.mkdir(exist_ok=True)
    PAGE.write_text("\n".join(parts))


def write_passing(outcomes: Mapping[str, Outcome]) -> None:
    """Write the cases that pass, for the test that none of them is lost."""
    PASSING.parent.mkdir(parents=True, exist_ok=True)
    PASSING.write_text("".join(f"{name}\n" for name in sorted(outcomes) if outcomes[name].status == "pass"))


def _totals(outcomes: Mapping[str, Mapping[str, Outcome]]) -> str:
    head = " | ".join(("cases", "how", "total", *_STATUSES))
    rows = [f"| {head} |", "|---|---|" + "--:|" * (len(_STATUSES) + 1)]
    for what, is_node in (("single operators", True), ("small models", False)):
        for mode, found in outcomes.items():
            chosen = [o.status for name, o in found.items() if name.startswith("node/") == is_node]
            counts = Counter(chosen)
            cells = " | ".join(str(counts[status]) for status in _STATUSES)
            rows.append(f"| {what} | {_LABELS[mode]} | {len(chosen)} | {cells} |")
    return "\n".join(rows) + "\n"


def _left(outcomes: Mapping[str, Outcome]) -> str:
    groups: dict[str, list[str]] = defaultdict(list)
    for name, outcome in outcomes.items():
        if outcome.status != "pass":
            groups[f"{outcome.status}: {_reason(outcome.detail)}"].append(name)
    rows = ["| cases | what happens | for example |", "|--:|---|---|"]
    for reason, names in sorted(groups.items(), key=lambda item: (-len(item[1]), item[0])):
        rows.append(f"| {len(names)} | {reason.replace('|', '/')} | `{names[0]}` |")
    return "\n".join(rows) + "\n"


def _reason(detail: str) -> str:
    """A detail without the names and figures that differ from case to case."""
    plain = re.sub(r" \(node [^)]*\): ", ": ", detail)
    plain = re.sub(r"differs by up to \S+", "differs", plain)
    return re.sub(r"\s+", " ", plain)[:140]


def _guards() -> str:
    operators: dict[Rewrite, list[str]] = defaultdict(list)
    for (_, operator), found in rewrites().items():
        for entry in found:
            if entry.guard:
                operators[entry].append(operator)
    rows = ["| guard | operators | onnx2tf | what it does |", "|---|---|---|---|"]
    for entry, names in sorted(operators.items(), key=lambda item: item[0].name):
        purpose = " ".join((entry.function.__doc__ or "").split()).replace("|", "\\|")
        rows.append(f"| `{entry.name}` | {', '.join(names)} | {entry.wrong_in} | {purpose} |")
    return "\n".join(rows) + "\n"


def _by_operator(
    operators: Mapping[str, str], native: Mapping[str, Outcome], routes: Mapping[str, Outcome]
) -> str:
    groups: dict[str, list[str]] = defaultdict(list)
    for name in routes:
        groups[operators[name]].append(name)
    rows = ["| operator | cases | converter alone | edgepack | passes used |", "|---|--:|--:|--:|---|"]
    for operator, names in sorted(groups.items()):
        alone = sum(native[n].status == "pass" for n in names if n in native)
        passed = sum(routes[n].status == "pass" for n in names)
        used = Counter(p for n in names for p in routes[n].passes if p != "fold")
        shown = ", ".join(f"`{name}`" for name, _ in used.most_common(4))
        rows.append(f"| {operator} | {len(names)} | {alone} | {passed} | {shown} |")
    return "\n".join(rows) + "\n"
