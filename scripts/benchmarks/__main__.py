"""Measures edgepack against bare library calls: medians of runs that take turns, ratios, limits.

Exits with 1 when a limit is missed. Run it as scripts/benchmark, on a machine with nothing else to do.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import sys
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path

import emulation
import psutil
import survey
from cases import CASES, ROOT, Case
from measure import Pair, Peak, peak, seconds, take_turns


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one benchmark gave; memory is (baseline, edgepack) where it was measured."""

    case: Case
    times: Pair
    memory: tuple[Peak, Peak] | None

    @property
    def memory_ratio(self) -> float | None:
        """Edgepack's peak memory by the baseline's; None where none was measured."""
        return self.memory[1].total / self.memory[0].total if self.memory else None

    @property
    def kept(self) -> bool:
        """Whether every limit was."""
        limit, ratio = self.case.memory_limit, self.memory_ratio
        return self.times.ratio <= self.case.time_limit and (limit is None or ratio is None or ratio <= limit)


def run(case: Case, repeat: int | None) -> Outcome:
    """Measure one case, the baseline and edgepack in turns."""
    with tempfile.TemporaryDirectory(prefix="edgepack-benchmark-") as scratch:
        folder = Path(scratch)
        if case.prepare:
            seconds(case.prepare(folder))
        baseline, ours = case.make(folder)
        memory = None
        if case.memory_limit is not None:
            memory = (peak(baseline), peak(ours))
        # The first run of each may read libraries from a cold disk; measuring memory has done that already.
        times = take_turns(baseline, ours, repeat or case.repeat, warm_up=0 if memory else 1)
        return Outcome(case, times, memory)


def show(outcome: Outcome) -> None:
    """Print what a case gave, beside its limits."""
    baseline, ours = (statistics.median(times) for times in (outcome.times.baseline, outcome.times.ours))
    print(f"{outcome.case.name}: {outcome.case.what}")
    line("time, median", f"{ours:.3f} s", f"{baseline:.3f} s", outcome.times.ratio, outcome.case.time_limit)
    if outcome.memory and outcome.memory_ratio and outcome.case.memory_limit:
        bare, own = outcome.memory
        limit = outcome.case.memory_limit
        line("peak memory, all processes", mebi(own.total), mebi(bare.total), outcome.memory_ratio, limit)
        line(
            "peak memory, largest process", mebi(own.largest), mebi(bare.largest), own.largest / bare.largest
        )
    sys.stdout.flush()


def line(label: str, ours: str, baseline: str, ratio: float, limit: float | None = None) -> None:
    """Print one figure of both, their ratio, and whether the limit was kept."""
    verdict = "" if limit is None else f"limit {limit:g}" + ("" if ratio <= limit else "  MISSED")
    print(f"  {label:<29} {ours:>12} {baseline:>12}  ratio {ratio:6.2f}  {verdict}".rstrip())


def mebi(count: int) -> str:
    """Say a number of bytes in MiB."""
    return f"{count / 2**20:.0f} MiB"


def document(outcomes: list[Outcome]) -> dict[str, object]:
    """What `--json` prints."""
    return {
        "machine": machine(),
        "results": [
            {
                "name": one.case.name,
                "what": one.case.what,
                "seconds": asdict(one.times),
                "time_ratio": one.times.ratio,
                "time_limit": one.case.time_limit,
                "peak_bytes": {"baseline": asdict(one.memory[0]), "ours": asdict(one.memory[1])}
                if one.memory
                else None,
                "memory_ratio": one.memory_ratio,
                "memory_limit": one.case.memory_limit,
                "kept": one.kept,
            }
            for one in outcomes
        ],
    }


def machine() -> str:
    """Say what this was measured on."""
    rows = Path("/proc/cpuinfo").read_text().splitlines()
    models = [row.partition(":")[2].strip() for row in rows if row.startswith("model name")]
    memory = psutil.virtual_memory().total / 2**30
    return (
        f"{models[0] if models else platform.machine()}, {os.cpu_count()} cores, {memory:.0f} GiB, "
        f"Python {platform.python_version()}"
    )


def main() -> int:
    """Measure what was asked for; 1 when a limit was missed."""
    parser = argparse.ArgumentParser(prog="scripts/benchmark", description=__doc__)
    names = [case.name for case in CASES]
    parser.add_argument("names", nargs="*", help=f"which to run, all if none: {', '.join(names)}")
    parser.add_argument(
        "--survey", action="store_true", help="build torchvision networks, print a table of them"
    )
    parser.add_argument(
        "--arm64", action="store_true", help="time a verification on emulated ARM64, and its parts"
    )
    parser.add_argument("--repeat", type=int, help="time each command this often, instead of the case's own")
    parser.add_argument("--json", action="store_true", help="one JSON document instead of the table")
    arguments = parser.parse_args()
    if unknown := set(arguments.names) - set(names):
        parser.error(f"no benchmark {', '.join(sorted(unknown))}; there are {', '.join(names)}")
    os.chdir(ROOT)
    if arguments.survey:
        return survey.main()
    if arguments.arm64:
        return emulation.main()
    if not arguments.json:
        print(f"{machine()}\n{'':31} {'edgepack':>12} {'baseline':>12}")
    outcomes = []
    for case in CASES:
        if not arguments.names or case.name in arguments.names:
            outcomes.append(run(case, arguments.repeat))
            if not arguments.json:
                show(outcomes[-1])
    if arguments.json:
        print(json.dumps(document(outcomes), indent=2))
    return 0 if all(one.kept for one in outcomes) else 1


if __name__ == "__main__":
    sys.exit(main())
