"""Run one artifact of a bundle on this machine.

Inputs and outputs are in the source model's own layout, whatever the artifact's file uses. With `--json` an
output's values are listed in row-major order, up to 1000 of them; `--output` keeps all.

\b
  edgepack run dist/digits --artifact tflite/float32 --input image=@digit.npy --output out.npz
  edgepack run dist/adder --artifact tflite/float32 --input a=1.5,2,3 --input b=0,0,1
"""

from __future__ import annotations

from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from edgepack.cli.columns import columns
from edgepack.cli.command import Outcome, define
from edgepack.cli.params import given, limit_options

if TYPE_CHECKING:
    from collections.abc import Mapping

    from edgepack.compare import Array

_SHOWN = 8
_LISTED = 1000
_INPUT_HELP = "A file, or all values in row-major order: NAME=@FILE.npy or NAME=1,2,3. Repeatable."


@define(__doc__)
@click.argument("bundle", type=click.Path(path_type=Path))
@click.option("--artifact", required=True, metavar="ID", help="Which one, for example tflite/float32.")
@click.option("--input", "inputs", multiple=True, metavar="NAME=@FILE.npy", help=_INPUT_HELP)
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), metavar="FILE.npz", help="Keep the outputs there."
)
@limit_options
def command(
    bundle: Path, artifact: str, inputs: tuple[str, ...], output: Path | None, **options: object
) -> Outcome:
    """Read the inputs, run, and show the outputs."""
    from edgepack.bundle import open_bundle
    from edgepack.config import limits, load
    from edgepack.tensors import read_inputs, save_outputs
    from edgepack.verification import run_artifact

    allowed = limits(load(given(options), Path.cwd()))
    with open_bundle(bundle) as opened:
        feeds = read_inputs(inputs, opened.manifest.model)
    outputs = run_artifact(bundle, artifact, feeds, allowed)
    if output is not None:
        save_outputs(output, outputs)
    return Outcome(
        {"artifact": artifact, "outputs": {name: _document(one) for name, one in outputs.items()}},
        lambda: _text(outputs),
    )


def _document(tensor: Array) -> dict[str, Any]:
    listed = tensor.ravel().tolist() if tensor.size <= _LISTED else None
    # JSON has no infinities and no NaN.
    values = listed and [value if isfinite(value) else str(value) for value in listed]
    return {"dtype": str(tensor.dtype), "shape": list(tensor.shape), "values": values}


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
