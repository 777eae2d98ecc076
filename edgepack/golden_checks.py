"""Whether reference outputs can prove anything."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from time import monotonic
from typing import TYPE_CHECKING

import numpy as np

from edgepack.compare import compare_outputs
from edgepack.errors import SourceError
from edgepack.model import TensorSpec
from edgepack.precision import BASE, PRECISIONS
from edgepack.sources.texts import listing

if TYPE_CHECKING:
    from edgepack.compare import Array

type Outputs = Mapping[str, Array]

_INPUT_HINT = (
    "use trained weights, and inputs of their kind: =low..high after an --input, or --golden with real ones"
)


# Of something that happens once in 100 runs, 300 runs show nothing one time in 20: the rule of three.
_REPEATS = 300
_LEAST_REPEATS = 10
_REPEAT_SECONDS = 5.0


def check_repeatable(first: Outputs, second: Outputs, suspects: Callable[[], Sequence[str]]) -> None:
    """Make sure that two runs on the same input gave the same bits.

    Args:
        first: Outputs by name.
        second: Outputs of the other run.
        suspects: Names the parts of the model that may be random; called only when the runs differ.

    Raises:
        SourceError: They did not; the message names what may be the cause.
    """
    differing = [name for name in first if name not in second or not _same_bits(first[name], second[name])]
    if not differing:
        return
    raise _refusal(f"two runs on one input differ in {listing(differing)}", suspects())


def check_random(run: Callable[[], Outputs], first: Outputs, parts: Sequence[str]) -> tuple[str, ...]:
    """Run a model that draws random numbers until chance had its opportunity to show.

    Args:
        run: Runs it once more on the input that gave `first`.
        first: Outputs by name.
        parts: Names the parts that draw random numbers; without any, nothing is run.

    Returns:
        A warning where all runs gave the same bits.

    Raises:
        SourceError: A run gave others.
    """
    if not parts:
        return ()
    runs, end = 0, monotonic() + _REPEAT_SECONDS
    while runs < _LEAST_REPEATS or (runs < _REPEATS and monotonic() < end):
        check_repeatable(first, run(), lambda: parts)
        runs += 1
    return (
        f"the model draws random numbers in {listing(parts)}; it gave the same output {runs} times, "
        "and nothing says that it always will",
    )


def check_stateless(first: Outputs, later: Outputs, suspects: Callable[[], Sequence[str]]) -> None:
    """Make sure that a model computes what it computed when it was fresh, as it will be in an app.

    The judge's tolerance decides: scripted code is optimised after its first runs, and rounds otherwise then.

    Args:
        first: Outputs of its very first run, by name.
        later: Outputs of a later run on the same input.
        suspects: Names the parts of the model that may be random; called only when the runs differ.

    Raises:
        SourceError: It does not.
    """
    verdicts = compare_outputs(later, first, PRECISIONS[BASE].tolerance)
    differing = [one.output for one in verdicts if not one.passed]
    if differing:
        how = f"its very first run and a later one on the same input differ in {listing(differing)}"
        raise _refusal(how, suspects())


def _refusal(how: str, suspects: Sequence[str]) -> SourceError:
    causes = list(suspects)
    where = f"; it draws random numbers in {listing(causes)}" if causes else ""
    return SourceError(
        f"the model is not deterministic: {how}{where}",
        hint="in eval mode nothing may be random, so pass training=self.training to functional dropout, say; "
        "and nothing may be kept from one call to the next, as by a counter or a cache in a buffer",
        details={"suspects": causes},
    )


def check_stable_specs(cases: Sequence[Outputs]) -> tuple[TensorSpec, ...]:
    """Give names, dtypes and shapes of the outputs, which must be the same in all cases.

    Raises:
        SourceError: They are not; the message names the output and the case.
    """
    specs = _specs(cases[0])
    for index, outputs in enumerate(cases[1:], start=1):
        if (other := _specs(outputs)) != specs:
            pairs = [(a, b) for a, b in zip(specs, other, strict=False) if a != b]
            difference = (
                f"{pairs[0][0]} and {pairs[0][1]}" if pairs else f"{len(specs)} and {len(other)} outputs"
            )
            raise SourceError(
                f"the outputs change with the input's values: {difference} in golden cases 0 and {index}",
                hint="a phone runs one fixed shape: return the same names, dtypes and sizes every time; "
                "an ONNX model's input that decides them can be fixed with --bind NAME=VALUE",
            )
    return specs


def check_degenerate(cases: Sequence[Outputs], *, allowed: bool) -> tuple[str, ...]:
    """Look for outputs that would let a wrong artifact pass.

    An output is degenerate when it is NaN or infinite everywhere, or the same over all cases; over a single
    case, when all its elements are the same. It is weak when it varies over the cases by less than the judge
    allows an artifact to be off.

    Args:
        cases: Outputs by name, per case.
        allowed: Whether the user knows that the model is constant by nature.

    Returns:
        One warning for every output that is degenerate or weak.

    Raises:
        SourceError: Every output is degenerate, and that is not allowed.
    """
    faults = {name: _fault([outputs[name] for outputs in cases]) for name in cases[0]}
    found = {name: fault for name, fault in faults.items() if fault}
    if len(found) == len(faults) and not allowed:
        reasons = "; ".join(f"output {name!r} is {fault}" for name, fault in found.items())
        raise SourceError(
            f"the reference proves nothing, any file would pass: {reasons}",
            hint=f"{_INPUT_HINT}; --allow-degenerate accepts a model that is constant by nature",
        )
    degenerate = [f"output {name!r} proves nothing: it is {fault}" for name, fault in found.items()]
    weak = [
        f"output {name!r} proves little: over the golden cases it varies by {spread:.2g}, "
        f"and the judge allows {limit:.2g}; {_INPUT_HINT}"
        for name in faults
        if name not in found
        for spread, limit in [_spread([outputs[name] for outputs in cases])]
        if spread < limit
    ]
    return (*degenerate, *weak)


def _fault(arrays: Sequence[Array]) -> str:
    if all(np.issubdtype(array.dtype, np.floating) and not np.isfinite(array).any() for array in arrays):
        return "NaN or infinite everywhere"
    if len(arrays) > 1 and all(np.array_equal(array, arrays[0], equal_nan=True) for array in arrays[1:]):
        return "the same in all golden cases"
    alone = arrays[0] if len(arrays) == 1 else None
    if alone is not None and alone.size > 1 and np.array_equal(alone, np.full_like(alone, alone.flat[0])):
        return "one value everywhere in the only golden case"
    return ""


def _spread(arrays: Sequence[Array]) -> tuple[float, float]:
    """Give how far an output moves over the cases, and by how much the judge lets an artifact be off."""
    if len(arrays) == 1 or not np.issubdtype(arrays[0].dtype, np.floating):
        return np.inf, 0.0
    stacked = np.stack(arrays).astype(np.float64)
    stacked[~np.isfinite(stacked)] = 0.0
    tolerance, largest = PRECISIONS[BASE].tolerance, float(np.abs(stacked).max())
    allowed = tolerance.floor(largest) + tolerance.relative * largest
    return float(np.ptp(stacked, axis=0).max()), allowed


def _same_bits(first: Array, second: Array) -> bool:
    return first.dtype == second.dtype and first.shape == second.shape and first.tobytes() == second.tobytes()


def _specs(outputs: Outputs) -> tuple[TensorSpec, ...]:
    return tuple(TensorSpec(name, str(array.dtype), tuple(array.shape)) for name, array in outputs.items())
