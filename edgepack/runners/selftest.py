"""Whether a runtime can be trusted to tell right from wrong: known files, known answers, on every processor.

The files in `selftest_files/` hold the layers that phones have kernels of their own for, in float32 and int8,
and one operator that no runtime has; `scripts/selftest_models.py` makes them. Right answers by slow code
would hide what phones run, so the instructions of an inference are counted too, where that can be done.
"""

from __future__ import annotations

import json
import math
import tempfile
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgepack.errors import ToolError
from edgepack.runners.counting import Counter, counter_if_any
from edgepack.runners.cpus import CPUS, PROVABLE, Cpu
from edgepack.runners.guest import Guest, Task
from edgepack.runners.guest_programs import GuestProgram
from edgepack.runners.machine import command_for
from edgepack.workers import JobFailed, Limits

if TYPE_CHECKING:
    from edgepack.compare import Array

_FOLDER = Path(__file__).parent / "selftest_files"
_SUFFIXES = {"torch_lite": ".ptl", "tflite": ".tflite"}
_LIMITS = Limits(seconds=120.0, memory=4 * 2**30)
_REPETITIONS = 3
"""The first inference prepares weights, the second settles; the last is counted."""
_MULTIPLICATIONS = 260_672
"""Of an inference: 165,888 in the first convolution, 20,736 in the depthwise one, 73,728 in the pointwise one
and 320 in the linear layer."""
_MOST_INSTRUCTIONS = 2.0
"""For each multiplication. One number at a time, it takes at least three: two loads and the multiplication.
int8 kernels for the vector unit were measured at 0.3 to 1.1, in all runtimes. float32 tells nothing:
PyTorch's wheels take 5 for so small a network, most of it to lay out memory for matrix products."""


def self_test(title: str, format_: str, program: GuestProgram) -> dict[str, float]:
    """Try a runtime on every processor profile.

    Args:
        title: Of the runtime, for errors.
        format_: The artifact format that it executes.
        program: Drives it.

    Returns:
        By processor and file, the error in units of what is allowed.

    Raises:
        ToolError: It gives a wrong answer, does not run, or runs what it cannot know; the message says
            which.
    """
    margins: dict[str, float] = {}
    for name in PROVABLE:
        with tempfile.TemporaryDirectory(prefix="edgepack-") as folder:
            root, log = Path(folder) / "root", Path(folder) / "log"
            counter = counter_if_any(Path(folder) / "counts")
            options = counter.options if counter else ()
            with Guest(command_for(program, CPUS[name], root, options), log, _LIMITS) as guest:
                margins |= _try_files(title, format_, CPUS[name], guest, counter)
                _try_missing_operator(title, format_, guest)
    return margins


def check_kernels(title: str, place: str, instructions: int) -> None:
    """Refuse a runtime whose kernels do not use the processor's vector unit.

    Args:
        title: Of the runtime, for errors.
        place: The processor and the file, for errors.
        instructions: Of one inference of that file.

    Raises:
        ToolError: They are more than such kernels need.
    """
    if instructions > _MOST_INSTRUCTIONS * _MULTIPLICATIONS:
        each = instructions / _MULTIPLICATIONS
        raise _refuse(
            title, f"{place} takes {each:.1f} instructions a multiplication, so it has no kernels for ARM64"
        )


def _try_files(title: str, format_: str, cpu: Cpu, guest: Guest, counter: Counter | None) -> dict[str, float]:
    margins = {}
    for precision in ("float32", "int8"):
        name = precision + _SUFFIXES[format_]
        known = _answers()[name]
        try:
            run = guest.run(Task(_FOLDER / name, [[_input(known)]], _REPETITIONS))
        except JobFailed as error:
            raise _refuse(
                title, f"{name} does not run on {cpu.name}: {error.reason}", log=error.log
            ) from error
        margin = _margin(run.outputs[0][0], known)
        if margin > 1.0:
            raise _refuse(
                title, f"{name} comes out wrong on {cpu.name}, by {margin:.3g} times what is allowed"
            )
        if counter is not None and precision == "int8":
            check_kernels(title, f"{name} on {cpu.name}", counter.read(run.pid)[-1])
        margins[f"{cpu.name} {name}"] = margin
    return margins


def _try_missing_operator(title: str, format_: str, guest: Guest) -> None:
    name = "missing_operator" + _SUFFIXES[format_]
    try:
        guest.run(Task(_FOLDER / name, [[_input(_answers()["float32" + _SUFFIXES[format_]])]]))
    except JobFailed as error:
        if "missing" not in error.reason:
            raise _refuse(title, f"an unknown operator is not named but ends so: {error.reason}") from error
    else:
        raise _refuse(title, "an operator that it cannot know is not refused")


def _input(known: Mapping[str, Any]) -> Array:
    """Make the input again by the formula of the script."""
    import numpy as np

    values = np.sin(np.arange(math.prod(known["shape"]), dtype=np.float64) * 1.7).astype(np.float32)
    x = values.reshape(known["shape"])
    scale = known.get("scale", 0.0)
    return np.clip(np.rint(x / np.float32(scale)), -128, 127).astype(np.int8) if scale else x


def _margin(got: Array, known: Mapping[str, Any]) -> float:
    """Give the error in units of what is allowed; infinite when it is no number or of another shape."""
    import numpy as np

    expected = np.asarray(known["output"], np.float64)
    if got.shape != expected.shape:
        return math.inf
    allowed = known.get("absolute", 0.0) + known.get("relative", 0.0) * float(np.abs(expected).max())
    error = float(np.abs(got.astype(np.float64) - expected).max())
    return error / allowed if math.isfinite(error) else math.inf


@cache
def _answers() -> dict[str, dict[str, Any]]:
    answers: dict[str, dict[str, Any]] = json.loads((_FOLDER / "answers.json").read_text(encoding="ascii"))
    return answers


def _refuse(title: str, reason: str, **details: str) -> ToolError:
    return ToolError(
        f"{title} failed its self-test: {reason}",
        hint="use a release that `edgepack runtime list` names",
        details=details,
    )
