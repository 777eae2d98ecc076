"""Count the operators of torchvision's classifiers as .tflite files, and write docs/operators.md.

scripts/layout_survey                            # all of them by the quick ways: an hour or two
scripts/layout_survey resnet18 --tensorflow      # by TensorFlow's too; figures of others are kept
scripts/layout_survey --page                     # write the page again from the kept figures
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import tempfile
from pathlib import Path
from typing import Any

import survey_jobs as jobs
from page import write_page

from edgepack.errors import EdgepackError
from edgepack.workers import JobFailed, Limits, Worker, Workers

KEPT = Path(__file__).resolve().parents[2] / "docs" / "operators.json"
LIMITS = Limits(seconds=3600, memory=12 * 2**30)
TURNS = 3
"""How often a network is converted in each quick way, in turns; medians are kept."""
FORMAT_LIMIT = 1 << 31
LONG_SECONDS = 3.0
"""Of processor time: what takes that long is timed once, for the machine's noise does not last."""


def main() -> None:
    """Measure what was asked for, keep the figures, and write the page."""
    arguments = parse()
    kept: dict[str, Any] = json.loads(KEPT.read_text()) if KEPT.exists() else {}
    with tempfile.TemporaryDirectory() as scratch, Workers(Path(scratch) / "logs", LIMITS) as workers:
        for name in () if arguments.page else arguments.models or classifiers():
            folder = Path(scratch) / name
            folder.mkdir()
            kept[name] = {**kept.get(name, {}), **measure(workers, name, folder, arguments)}
            shutil.rmtree(folder)
            print(name, kept[name], flush=True)
            KEPT.write_text(json.dumps(dict(sorted(kept.items())), indent=1) + "\n")
    write_page(kept)


def classifiers() -> list[str]:
    """Names of torchvision's classifiers, but for those whose weights no .tflite file can hold."""
    from torchvision import models

    def weights(name: str) -> int:
        return int(4 * models.get_model_weights(name).DEFAULT.meta["num_params"])

    return [name for name in models.list_models(module=models) if weights(name) < FORMAT_LIMIT]


def measure(workers: Workers, name: str, folder: Path, arguments: argparse.Namespace) -> dict[str, Any]:
    """Convert one network in each way; a way that fails is told in its converter's words."""
    try:
        graph = workers.start("torchvision", "onnx").run(jobs.export, name, folder, name=f"export {name}")
    except (EdgepackError, JobFailed) as error:
        return {"edgepack": {"failed": str(error).partition("\n")[0]}}
    ways = {"quick": jobs.quick, "edgepack": jobs.edgepack}
    worker = workers.start(*jobs.QUICK_MODULES)
    rounds: list[dict[str, dict[str, Any]]] = []
    while len(rounds) < arguments.turns and not (rounds and takes_long(rounds[0])):
        turn = len(rounds)
        rounds.append(
            {way: convert(worker, job, graph, folder / f"{way}{turn}") for way, job in ways.items()}
        )
    found = {way: in_all([one[way] for one in rounds]) for way in ways}
    if arguments.tensorflow:
        slow = workers.start(*jobs.TENSORFLOW_MODULES)
        found["tf_converter"] = convert(slow, jobs.tf_converter, graph, folder / "tf_converter")
    return found


def takes_long(figures: dict[str, dict[str, Any]]) -> bool:
    """Whether one conversion of each is enough to time a network."""
    return any(one.get("seconds", 0) > LONG_SECONDS for one in figures.values())


def convert(worker: Worker, job: jobs.Job, graph: Path, place: Path) -> dict[str, Any]:
    """One conversion: its figures, or why there is no file."""
    place.mkdir()
    try:
        result: dict[str, Any] = worker.run(
            jobs.measured, job, graph, place / "model.tflite", name=place.name
        )
    except (JobFailed, EdgepackError) as failure:
        reason = failure.reason if isinstance(failure, JobFailed) else failure.message
        return {"failed": reason.partition("\n")[0]}
    finally:
        shutil.rmtree(place)
    return result


def in_all(turns: list[dict[str, Any]]) -> dict[str, Any]:
    """The figures of a network that was converted several times in one way."""
    if "failed" in turns[0]:
        return turns[0]
    return {**turns[0], "seconds": round(statistics.median(one["seconds"] for one in turns), 2)}


def parse() -> argparse.Namespace:
    """Read the command line."""
    plain = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(prog="scripts/layout_survey", description=__doc__, formatter_class=plain)
    parser.add_argument("models", nargs="*", help="torchvision's names (default: all)")
    parser.add_argument("--tensorflow", action="store_true", help="measure tf_converter, too")
    parser.add_argument("--turns", type=int, default=TURNS, help="how often each quick way is timed")
    parser.add_argument("--page", action="store_true", help="measure nothing")
    return parser.parse_args()


if __name__ == "__main__":
    main()
