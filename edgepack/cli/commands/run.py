"""Run one artifact of a bundle on this machine.

Inputs and outputs are in the source model's own layout, whatever the artifact's file uses. With `--json` an
output's values are listed in row-major order, up to 1000 of them; `--output` keeps all.

\b
  edgepack run dist/digits --artifact tflite/float32 --input image=@digit.npy --output out.npz
  edgepack run dist/digits --artifact tflite/float32 --input image=@photo.png
  edgepack run dist/adder --artifact tflite/float32 --input a=1.5,2,3 --input b=0,0,1

A picture goes through the bundle's preprocessing. Where the bundle names the classes of an output, the five
best answers are shown as well.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from edgepack.cli.columns import columns
from edgepack.cli.command import Outcome, define
from edgepack.cli.params import given, limit_options
from edgepack.json_numbers import json_number

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from edgepack.compare import Array
    from edgepack.processing.answers import Answer

_SHOWN = 8
_LISTED = 1000
_BEST = 5
_INPUT_HELP = (
    "An array, a picture, or all values in row-major order: NAME=@FILE.npy, NAME=@FILE.png or NAME=1,2,3. "
    "Repeatable."
)


@define(__doc__)
@click.argument("bundle", type=click.Path(path_type=Path))
@click.option("--artifact", required=True, metavar="ID", help="Which one, for example tflite/float32.")
@click.option("--input", "inputs", multiple=True, metavar="NAME=@FILE", help=_INPUT_HELP)
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), metavar="FILE.npz", help="Keep the outputs there."
)
@limit_options
def command(
    bundle: Path, artifact: str, inputs: tuple[str, ...], output: Path | None, **options: object
) -> Outcome:
    """Read the inputs, run, and show the outputs."""
    from edgepack.bundle import open_bundle
    from edgepack.config import limits
    from edgepack.processing.answers import best_answers
    from edgepack.setting_layers import load
    from edgepack.tensors import read_inputs, save_outputs
    from edgepack.verification import run_artifact

    allowed = limits(load(given(options), Path.cwd()))
    with open_bundle(bundle) as opened:
        processing = opened.manifest.processing
        feeds = read_inputs(inputs, opened.manifest.model, processing.preprocess)
    outputs = run_artifact(bundle, artifact, feeds, allowed)
    if output is not None:
        save_outputs(output, outputs)
    answers = {
        contract.output: best_answers(contract, outputs[contract.output], _BEST)
        for contract in processing.postprocess
    }
    return Outcome(
        {
            "artifact": artifact,
            "outputs": {name: _document(one) for name, one in outputs.items()},
            "answers": {name: [_answer(one) for one in best] for name, best in answers.items()},
        },
        lambda: "\n\n".join([_text(outputs), *(_answers_text(name, best) for name, best in answers.items())]),
    )


def _document(tensor: Array) -> dict[str, Any]:
    listed = tensor.ravel().tolist() if tensor.size <= _LISTED else None
    values = listed and [json_number(value) for value in listed]
    return {"dtype": str(tensor.dtype), "shape": list(tensor.shape), "values": values}


def _answer(answer: Answer) -> dict[str, Any]:
    return {"index": answer.index, "label": answer.name, "value": json_number(answer.value)}


def _answers_text(name: str, best: Sequence[Answer]) -> str:
    rows = [(str(one.index), one.name, _number(one.value)) for one in best]
    return columns([(name, "label", "value"), *rows])


def _text(outputs: Mapping[str, Array]) -> str:
    rows = []
    for name, tensor in outputs.items():
        shape = ",".join(map(str, tensor.shape))
        first = " ".join(map(_number, tensor.ravel()[:_SHOWN].tolist()))
        more = " …" if tensor.size > _SHOWN else ""
        span = f"{_number(tensor.min().item())}..{_number(tensor.max().item())}" if tensor.size else ""
        rows.append((name, f"{tensor.dtype}[{shape}]", span, first + more))
    return columns([("output", "tensor", "range", "values"), *rows])


def _number(value: float) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)
