"""How long a warm `edgepack verify --runner arm64` of MobileNetV2 takes, and what of it is edgepack's own.

On all cores the jobs run side by side. On one core they run in turns, so that what the guests spend on
starting, loading and inferring can be taken off the whole: the rest is edgepack's.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cases import BIN, MOBILENET

CPU = "cortex-a53"
PRECISIONS = "float32,float16,int8"
REPEAT = 3
LIMIT_SECONDS = 20.0
OWN_LIMIT_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Verification:
    """One run, in seconds of wall time.

    Attributes:
        whole: From the command's start to its end.
        guests: Starting runtimes, loading files and inferring, summed up over the artifacts.
    """

    whole: float
    guests: float


def main() -> int:
    """Print both parts; 1 when a limit is missed."""
    with tempfile.TemporaryDirectory(prefix="edgepack-benchmark-") as scratch:
        bundle = Path(scratch) / "mobilenet_v2"
        golden = ("--calibration", "golden", "--cases", "1", "-o", str(bundle))
        edgepack("build", MOBILENET, "--precision", PRECISIONS, "--format", "torch_lite,tflite", *golden)
        verify(bundle)
        together = [verify(bundle) for _ in range(REPEAT)]
        alone = [verify(bundle, "taskset", "--cpu-list", "0") for _ in range(REPEAT)]
    whole = statistics.median(one.whole for one in together)
    own = statistics.median(one.whole - one.guests for one in alone)
    one_core = statistics.median(one.whole for one in alone)
    print(f"verify --runner arm64 --cpu {CPU} of mobilenet_v2 ({PRECISIONS}), median of {REPEAT}")
    line(f"on {os.cpu_count()} cores", whole, LIMIT_SECONDS)
    line("on one core", one_core)
    line("  of it guests: starting, inference", one_core - own)
    line("  of it edgepack", own, OWN_LIMIT_SECONDS)
    return 0 if whole <= LIMIT_SECONDS and own <= OWN_LIMIT_SECONDS else 1


def verify(bundle: Path, *wrapper: str) -> Verification:
    """Verify a bundle on emulated ARM64, and time all of it and the guests' part."""
    started = time.perf_counter()
    report = edgepack("verify", str(bundle), "--runner", "arm64", "--cpu", CPU, "--json", wrapper=wrapper)
    whole = time.perf_counter() - started
    return Verification(whole, sum(one["starting"] + one["running"] for one in report["results"]))


def edgepack(*arguments: str, wrapper: tuple[str, ...] = ()) -> dict[str, Any]:
    """Run edgepack, and give the document that it printed, if one was asked for."""
    command = [*wrapper, str(BIN / "edgepack"), *arguments]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    report: dict[str, Any] = json.loads(done.stdout) if "--json" in arguments else {}
    return report


def line(label: str, seconds: float, limit: float | None = None) -> None:
    """Print one figure, and whether its limit was kept."""
    verdict = "" if limit is None else f"limit {limit:g} s" + ("" if seconds <= limit else "  MISSED")
    print(f"  {label:<35} {seconds:8.2f} s  {verdict}".rstrip())
