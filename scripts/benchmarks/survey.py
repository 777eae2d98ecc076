"""Builds torchvision networks into verified float32 bundles and prints a table of how each fared."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from cases import BIN, ROOT, environment

SOURCE = "sample_models/torchvision_models.py"
MODELS = (
    "resnet18",
    "mobilenet_v3_small",
    "efficientnet_b0",
    "squeezenet1_1",
    "shufflenet_v2_x1_0",
    "densenet121",
)
HEADER = "| model | seconds | artifact | route | size | largest error | relative tolerance needed |"


def main() -> int:
    """Build all; 1 when one of them has no complete, verified bundle."""
    print(HEADER)
    print("|" + " --- |" * (HEADER.count("|") - 1), flush=True)
    return max([survey(model) for model in MODELS])


def survey(model: str) -> int:
    """Build one network and print a row for each of its files; 1 when the build fails."""
    with tempfile.TemporaryDirectory(prefix="edgepack-survey-") as scratch:
        folder = Path(scratch)
        output = folder / "bundle"
        arguments = ["build", f"{SOURCE}:{model}", "--precision", "float32", "--no-cache", "-o", str(output)]
        started = time.perf_counter()
        result = subprocess.run(
            [str(BIN / "edgepack"), *arguments, "--quiet"],
            cwd=ROOT,
            env=environment(folder),
            capture_output=True,
            text=True,
            check=False,
        )
        elapsed = time.perf_counter() - started
        if result.returncode:
            print(f"| {model} | {elapsed:.1f} | failed with {result.returncode} | | | | |", flush=True)
            sys.stderr.write(result.stderr)
            return 1
        for artifact in json.loads((output / "manifest.json").read_text())["artifacts"]:
            print(row(model, elapsed, artifact), flush=True)
    return 0


def row(model: str, elapsed: float, artifact: dict[str, Any]) -> str:
    """One row of the table."""
    verified = artifact["verified"][0]
    cells = (
        model,
        f"{elapsed:.1f}",
        artifact["id"],
        artifact["route"],
        f"{artifact['bytes'] / 1e6:.1f} MB",
        f"{verified['max_error']:.1e}",
        f"{verified['needed_relative']:.1e}",
    )
    return f"| {' | '.join(cells)} |"
