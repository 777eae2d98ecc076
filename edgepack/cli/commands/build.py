"""Make a bundle from a model: export, prove, package.

SOURCE is one of

\b
  package.module:attr or file.py:attr   an nn.Module, or a function that makes one
  model.pt                              TorchScript
  model.pt2                             an exported program
  weights.pth with --arch               a state dict
  model.onnx                            an ONNX model

Each artifact that the target asks for is made, run on golden cases, and compared with what the model itself
computes. Only what agrees goes into the bundle; otherwise nothing is written and the report says what failed.

Options come from the command line, then from environment variables (EDGEPACK_TARGET, …), then from
[tool.edgepack] in the nearest pyproject.toml or from edgepack.toml, then from the target.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from edgepack.cli.command import Flags, Outcome, define
from edgepack.cli.params import (
    complete_formats,
    complete_precisions,
    complete_target,
    given,
    limit_options,
    runner_options,
    split_names,
)
from edgepack.cli.progress import progress
from edgepack.input_syntax import BINDING_SYNTAX, SYNTAX

if TYPE_CHECKING:
    from edgepack.pipeline import BuildResult

_INPUT_HELP = f"""An input of the model: {SYNTAX}. Without a range integers are drawn from 0 to 9 and floats
from a normal distribution; bounds are inclusive. Repeatable, in the model's order.
For example image:float32[1,3,224,224] or tokens:int64[1,16]=0..99"""

_BIND_HELP = f"""Fix an input of an ONNX model: {BINDING_SYNTAX}. For inputs that
decide shapes, which are fixed in an app: the files have no such input any more. Repeatable.
For example axes=[0,2]"""

_CALIBRATION_HELP = """What quantisers learn a model's ranges from: an .npz with one array per input, samples
stacked along a new first axis; an .npy for a lone input; a folder of pictures; file.py:attr for a generator;
or the word golden for the golden cases."""
_LABELS_HELP = """What accuracy is told from: an .npz as for --calibration, with class indices in the array
label; or a folder that holds a folder of pictures for each class."""
_IO_HELP = """What int8 and int16x8 .tflite files take and give: int8 for integers (int16 in int16x8), or
float32; int8 unless given. A .ptl file takes and gives floats."""
_KEEP_FLOAT_HELP = """Leave layers of quantised files in float: a regular expression for their names, which
reports show, or the word auto to find the smallest set with which a file is good enough. Repeatable."""
_MIN_SNR_HELP = """The smallest signal-to-noise ratio that outputs of quantised files may have, in decibels,
in place of each precision's own."""
_MIN_AGREEMENT_HELP = """In how many percent of the labelled data, or else of the golden cases, the top answer
must be the model's."""
_ACCURACY_HELP = """How much accuracy on the labelled data a file may lose against the model, in points."""
_PREPROCESS_HELP = """What turns a picture into an input: steps by commas, for example "resize 256, crop 224,
scale 1/255, mean 0.485 0.456 0.406, std 0.229 0.224 0.225"; also grayscale, bgr, invert, centre, threshold,
blocksum, layout. "NAME: STEPS" for one of several inputs. Repeatable."""
_POSTPROCESS_HELP = """What turns an output into an answer: "softmax, labels names.txt". "NAME: STEPS" for one
of several outputs. Repeatable."""


@define(__doc__)
@click.argument("source")
@click.option("--input", "inputs", multiple=True, metavar="NAME:DTYPE[SHAPE]", help=_INPUT_HELP)
@click.option("--bind", multiple=True, metavar="NAME=VALUE", help=_BIND_HELP)
@click.option(
    "--target", metavar="NAME", shell_complete=complete_target, help="What it is for; android unless given."
)
@click.option("-o", "--output", type=click.Path(), help="A folder or a .zip; dist/NAME unless given.")
@click.option("--name", help="The bundle's name; taken from SOURCE unless given.")
@click.option(
    "--format",
    "formats",
    metavar="NAMES",
    callback=split_names,
    shell_complete=complete_formats,
    help="Only these, by commas.",
)
@click.option(
    "--precision",
    "precisions",
    metavar="NAMES",
    callback=split_names,
    shell_complete=complete_precisions,
    help="Only these, by commas.",
)
@click.option("--arch", metavar="MODULE:ATTR", help="What makes the module that a state dict fits.")
@click.option("--trust", is_flag=True, default=None, help="Allow a file to run code while it is unpickled.")
@click.option("--cases", type=int, help="How many golden cases are drawn; 3 unless given.")
@click.option("--seed", type=int, help="Of the golden cases; 0 unless given.")
@click.option(
    "--golden",
    multiple=True,
    type=click.Path(),
    metavar="FILE",
    help="A case of your own instead: an .npz with arrays named by input, or a picture, or a folder of "
    "pictures. Repeatable.",
)
@click.option("--calibration", metavar="DATA", help=_CALIBRATION_HELP)
@click.option(
    "--calibration-limit", type=int, metavar="N", help="Use at most so many samples; 128 unless given."
)
@click.option("--labels", type=click.Path(), metavar="DATA", help=_LABELS_HELP)
@click.option("--labels-output", metavar="NAME", help="The output that labels are for, of several.")
@click.option("--io", metavar="DTYPE", help=_IO_HELP)
@click.option("--keep-float", multiple=True, metavar="PATTERN", help=_KEEP_FLOAT_HELP)
@click.option("--min-snr", type=float, metavar="DB", help=_MIN_SNR_HELP)
@click.option("--min-agreement", type=float, metavar="PERCENT", help=_MIN_AGREEMENT_HELP)
@click.option("--max-accuracy-drop", type=float, metavar="POINTS", help=_ACCURACY_HELP)
@click.option("--preprocess", multiple=True, metavar="STEPS", help=_PREPROCESS_HELP)
@click.option("--postprocess", multiple=True, metavar="STEPS", help=_POSTPROCESS_HELP)
@click.option(
    "--allow-degenerate/--no-allow-degenerate",
    default=None,
    help="Accept a model whose outputs are all constant.",
)
@click.option("--script/--no-script", default=None, help="torch_lite: script the module, don't trace it.")
@click.option("--bytecode", type=int, metavar="N", help="torch_lite: backport to this bytecode version.")
@runner_options
@limit_options
@click.option("--keep-going/--no-keep-going", default=None, help="Ship what was proven although some failed.")
@click.option("--keep-failed", type=click.Path(), metavar="DIR", help="Keep files and logs of what failed.")
@click.option("--force", is_flag=True, default=None, help="Replace an output that is not a bundle.")
@click.option("--cache/--no-cache", default=None, help="Use finished artifacts of earlier builds.")
@click.pass_obj
def command(flags: Flags, /, source: str, **options: object) -> Outcome:
    """Resolve the options, build, and show the report."""
    from pathlib import Path

    from edgepack.config import build_options
    from edgepack.setting_layers import load

    wanted = build_options(source, load(given(options), Path.cwd()))
    # Only now: a slip on the command line is told of before anything large is imported.
    from edgepack.pipeline import build

    with progress(flags) as emit:
        return _outcome(build(wanted, emit))


def _outcome(result: BuildResult) -> Outcome:
    from edgepack.cli.reports import report_text
    from edgepack.report.json import to_json

    path = str(result.bundle.path)
    document = {"bundle": path, "unchanged": result.unchanged, "report": to_json(result.report)}
    state = "unchanged" if result.unchanged else "bundle"
    return Outcome(document, lambda: f"{report_text(result.report)}\n\n{state}: {path}")
