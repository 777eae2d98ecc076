"""List the targets and what a build makes for each.

A target names the artifact formats and precisions, the processor's binary interface, the processors that
stand for its range of devices, and the releases of the runtime libraries that execute the artifacts.
"""

from __future__ import annotations

from dataclasses import asdict

from edgepack.cli.columns import columns
from edgepack.cli.command import Outcome, define
from edgepack.targets import TARGETS, Runtime, Target


@define(__doc__)
def command() -> Outcome:
    """Show `edgepack.targets.TARGETS`."""
    rows = TARGETS.values()
    return Outcome({"targets": [asdict(row) for row in rows]}, lambda: "\n\n".join(map(_describe, rows)))


def _describe(target: Target) -> str:
    facts = [
        ("makes", ", ".join("/".join(pair) for pair in target.plan(calibrated=False))),
        ("calibrated", ", ".join("/".join(pair) for pair in _calibrated(target))),
        *(("only asked for", one) for one in target.on_request),
        ("ABI", target.abi),
        ("CPUs", ", ".join(target.cpus)),
        *(("runtime", _runtime(runtime)) for runtime in target.runtimes),
    ]
    return f"{target.name}: {target.summary}\n{columns(facts, indent='  ')}"


def _calibrated(target: Target) -> list[tuple[str, str]]:
    """Give what is made only when there is calibration data."""
    return [pair for pair in target.plan(calibrated=True) if pair not in target.plan(calibrated=False)]


def _runtime(runtime: Runtime) -> str:
    loads = f", loads bytecode {runtime.bytecode[0]} to {runtime.bytecode[1]}" if runtime.bytecode else ""
    return f"{runtime.name} {runtime.release} for {runtime.format}{loads}"
