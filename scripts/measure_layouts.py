"""Count the operators of torchvision's classifiers as .tflite files, and write docs/operators.md.

scripts/layout_survey                            # all of MODELS, by TensorFlow too: many hours
scripts/layout_survey resnet18 --no-tensorflow   # seconds a model; figures of others are kept
scripts/layout_survey --page                     # write the page again from the kept figures
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "scripts"))
os.environ["PYTHONPATH"] = os.pathsep.join(
    filter(None, (str(ROOT / "scripts"), os.environ.get("PYTHONPATH")))
)

import survey_jobs as jobs  # noqa: E402  needs the path above

from edgepack.errors import EdgepackError  # noqa: E402  as above
from edgepack.workers import JobFailed, Limits, Workers  # noqa: E402  as above

PAGE = ROOT / "docs" / "operators.md"
KEPT = ROOT / "docs" / "operators.json"
MODELS = (
    *("alexnet", "convnext_tiny", "densenet121", "efficientnet_b0", "googlenet", "mnasnet1_0"),
    *("mobilenet_v2", "mobilenet_v3_large", "mobilenet_v3_small", "regnet_y_400mf", "resnet18"),
    *("shufflenet_v2_x1_0", "squeezenet1_1", "swin_t", "vit_b_16"),
)
LIMITS = Limits(seconds=3600, memory=12 * 2**30)

INTRODUCTION = """\
# Operators of torchvision's classifiers

Written by `scripts/layout_survey`; do not edit. Measured with onnx2tf {onnx2tf}, tensorflow {tensorflow} and
torchvision {torchvision}; weights and statistics are random, inputs [1, 3, 224, 224].

On a phone every operator costs a pass through memory, and a TRANSPOSE does nothing else; on a GPU it may
end the delegated part. onnx2tf's quick converter, which edgepack uses first, leaves many in some networks.
edgepack takes them out of the finished file (`edgepack/backends/tflite/finish`). The last column is onnx2tf's
way through TensorFlow, `tf_converter`.

Each cell: operators, how many of them are TRANSPOSE, and seconds of processor time where they were taken:
`tf_converter` needs half a minute to half an hour a network.

| network | onnx2tf's quick converter | edgepack | tf_converter |
|---|--:|--:|--:|
"""


def main() -> None:
    arguments = parse()
    kept: dict[str, Any] = json.loads(KEPT.read_text()) if KEPT.exists() else {}
    with tempfile.TemporaryDirectory() as scratch, Workers(Path(scratch) / "logs", LIMITS) as workers:
        for name in () if arguments.page else arguments.models or MODELS:
            folder = Path(scratch) / name
            folder.mkdir()
            found = measure(workers, name, folder, by_tensorflow=not arguments.no_tensorflow)
            kept[name] = {**kept.get(name, {}), **found}
            print(name, kept[name], flush=True)
            KEPT.write_text(json.dumps(dict(sorted(kept.items())), indent=1) + "\n")
    write_page(kept)
    write_page(kept)


def measure(workers: Workers, name: str, folder: Path, *, by_tensorflow: bool) -> dict[str, Any]:
    """Convert one network in each way; a way that fails is told in its converter's words."""
    graph = workers.start("torchvision", "onnx").run(jobs.export, name, folder, name=f"export {name}")
    ways = {"quick": jobs.quick, "edgepack": jobs.edgepack}
    if by_tensorflow:
        ways["tf_converter"] = jobs.tf_converter
    found: dict[str, Any] = {}
    for way, job in ways.items():
        modules = jobs.TENSORFLOW_MODULES if way == "tf_converter" else jobs.QUICK_MODULES
        place = folder / way
        place.mkdir()
        worker = workers.start(*modules)
        try:
            found[way] = worker.run(jobs.measured, job, graph, place / "model.tflite", name=f"{way} {name}")
        except (JobFailed, EdgepackError) as failure:
            found[way] = {"failed": (getattr(failure, "reason", "") or str(failure)).partition("\n")[0]}
    return found


def write_page(kept: dict[str, Any]) -> None:
    """Write the table, and below it why a converter failed."""
    versions = {name: version(name) for name in ("onnx2tf", "tensorflow", "torchvision")}
    rows, failures = [], []
    for name, found in sorted(kept.items()):
        cells = [cell(found.get(way)) for way in ("quick", "edgepack", "tf_converter")]
        rows.append(f"| {name} | {' | '.join(cells)} |")
        failures += [
            f"- {name}, {way}: {one['failed'][:200]}" for way, one in found.items() if "failed" in one
        ]
    text = INTRODUCTION.format(**versions) + "\n".join(rows) + "\n"
    PAGE.write_text(text + ("\nWhat failed:\n\n" + "\n".join(failures) + "\n" if failures else ""))


def cell(one: dict[str, Any] | None) -> str:
    if one is None:
        return "not measured"
    if "failed" in one:
        return "fails"
    seconds = f"; {one['seconds']:.1f} s" if "seconds" in one else ""
    return f"{one['operators']}, {one['transposes']}{seconds}"


def parse() -> argparse.Namespace:
    plain = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(prog="scripts/layout_survey", description=__doc__, formatter_class=plain)
    parser.add_argument("models", nargs="*", help="torchvision's names (default: all)")
    parser.add_argument("--no-tensorflow", action="store_true", help="keep the figures of tf_converter")
    parser.add_argument("--page", action="store_true", help="measure nothing")
    return parser.parse_args()


if __name__ == "__main__":
    main()
