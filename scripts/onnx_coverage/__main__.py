"""Run ONNX's own test cases through the TFLite converter and write docs/coverage.md.

scripts/coverage                                # everything; about an hour on two cores
scripts/coverage --step 16 --verbose            # every 16th case, to the terminal only
scripts/coverage --mode native --json one.json  # the converter alone, outcomes kept
scripts/coverage --document native.json routes.json free.json    # write the page from kept outcomes
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from onnx_suite import load_cases
from page import DOCUMENTED, write_page, write_passing
from suite_runs import LIMITS, MODES, Outcome, Suite

from edgepack.workers import Workers


def main() -> None:
    """Measure what was asked for, and write it down."""
    arguments = parse()
    if arguments.document:
        document([json.loads(path.read_text()) for path in arguments.document])
        return
    whole = arguments.step == 1 and not arguments.match and arguments.mode is None
    kept = []
    for mode in DOCUMENTED if whole else [arguments.mode or "routes"]:
        outcomes = measure(mode, arguments)
        print(mode, dict(Counter(outcome.status for outcome in outcomes.values())))
        kept.append({"mode": mode, "outcomes": {name: asdict(o) for name, o in outcomes.items()}})
    if arguments.json:
        arguments.json.write_text(json.dumps(kept[-1], indent=0) + "\n")
    if whole:
        document(kept)


def document(kept: Sequence[Mapping[str, Any]]) -> None:
    """Write the page and the list of passing cases out of outcomes by mode."""
    operators = {name: case.operator for name, case in load_cases().items()}
    outcomes = {run["mode"]: {name: Outcome(**row) for name, row in run["outcomes"].items()} for run in kept}
    write_page(operators, outcomes)
    write_passing(outcomes["routes"])


def measure(mode: str, arguments: argparse.Namespace) -> dict[str, Outcome]:
    """Run the chosen cases one after the other, each in a process of its own."""
    names = [name for name in load_cases() if arguments.match in name][arguments.offset :: arguments.step]
    outcomes: dict[str, Outcome] = {}
    with tempfile.TemporaryDirectory() as folder, Workers(Path(folder) / "logs", LIMITS) as workers:
        suite = Suite(workers, Path(folder))
        for count, name in enumerate(names, 1):
            outcomes[name] = suite.run(name, mode)
            if arguments.verbose and outcomes[name].status != "pass":
                print(f"{name:60} {outcomes[name].status:8} {outcomes[name].detail[:160]}", flush=True)
            if count % 100 == 0:
                print(f"{mode}: {count} of {len(names)}", file=sys.stderr, flush=True)
    return outcomes


def parse() -> argparse.Namespace:
    """Read the command line."""
    plain = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(prog="scripts/coverage", description=__doc__, formatter_class=plain)
    parser.add_argument("--mode", choices=MODES, help="how cases are prepared (default: all, then the page)")
    parser.add_argument("--step", type=int, default=1, help="take every n-th case")
    parser.add_argument("--offset", type=int, default=0, help="starting from this one")
    parser.add_argument("--match", default="", help="only cases whose name contains this")
    parser.add_argument("--json", type=Path, help="write every case's outcome here")
    parser.add_argument("--verbose", action="store_true", help="print each case that does not pass")
    parser.add_argument("--document", type=Path, nargs="+", help="write docs/coverage.md from kept outcomes")
    return parser.parse_args()


if __name__ == "__main__":
    main()
