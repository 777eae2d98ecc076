"""Find out by running a file which of its tensors is which of the source's, and in which layout.

A converter may reorder, rename and transpose what a file takes and gives. Names and shapes narrow that down;
the golden cases decide: an answer counts only when every output of every case is right with it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from math import inf
from pathlib import Path

import numpy as np

from edgepack.backends.tflite.interpreter import FileTensor, Interpreter, open_file
from edgepack.backends.tflite.layouts import axis_orders, combinations
from edgepack.bundle.manifest import TensorContract
from edgepack.compare import Array, Comparison, compare
from edgepack.contract import inputs_by_position, to_source
from edgepack.errors import ConversionError, SourceError, VerificationFailed
from edgepack.golden import GoldenSet
from edgepack.golden_files import load_case
from edgepack.model import ModelSpec, TensorSpec
from edgepack.precision import Tolerance
from edgepack.report.model import worst_over_cases

_MOST_RUNS = 64
"""Input layouts tried per file. A square image has 2 of them, two square images of one size have 8."""

type Contracts = tuple[TensorContract, ...]


@dataclass(frozen=True, slots=True)
class _Match:
    """A source output found in a file's output, and how well it fits in each case."""

    contract: TensorContract
    verdicts: tuple[Comparison, ...]

    @property
    def passed(self) -> bool:
        return all(verdict.passed for verdict in self.verdicts)

    @property
    def error(self) -> float:
        return max(verdict.needed_relative for verdict in self.verdicts)


def find_contracts(path: Path, golden: GoldenSet, tolerance: Tolerance) -> tuple[Contracts, Contracts]:
    """Job: find the contracts of a file's inputs and outputs.

    An input of the source that the file does not have has no contract: the model makes no use of it.

    Args:
        path: The file.
        golden: What it has to compute.
        tolerance: What counts as right.

    Raises:
        ConversionError: By dtype and shape, a tensor of the file is none of the source's, or one is missing.
        VerificationFailed: No layout makes all outputs right; `details["comparisons"]` are the nearest one's.
        Exception: Whatever LiteRT raises on a file it refuses.
    """
    search = _Search(open_file(path), golden, tolerance)
    return search.find()


class _Search:
    def __init__(self, interpreter: Interpreter, golden: GoldenSet, tolerance: Tolerance) -> None:
        self._interpreter = interpreter
        self._model = golden.model
        self._cases = [load_case(golden, index) for index in range(len(golden.cases))]
        self._tolerance = tolerance

    def find(self) -> tuple[Contracts, Contracts]:
        best: list[_Match] = []
        tried = 0
        for inputs in islice(_input_layouts(self._interpreter.inputs, self._model), _MOST_RUNS):
            tried += 1
            # A wrong layout shows in the first case already; only what survives that is worth all of them.
            for cases in sorted({1, len(self._cases)}):
                matches = self._match_outputs(self._run(inputs, cases))
                if not all(match.passed for match in matches):
                    break
            else:
                return inputs, tuple(match.contract for match in matches)
            if not best or _error(matches) < _error(best):
                best = matches
        if not tried:
            raise _nothing_fits("input", self._interpreter.inputs[-1], self._model.inputs)
        comparisons = worst_over_cases(list(zip(*(match.verdicts for match in best), strict=True)))
        reason = next(one.reason for one in comparisons if not one.passed)
        layouts = f" in each of the {tried} input layouts tried" if tried > 1 else ""
        raise VerificationFailed(
            f"computes something else{layouts}: {reason}", details={"comparisons": comparisons}
        )

    def _run(self, inputs: Contracts, cases: int) -> list[list[Array]]:
        return [self._interpreter.run(inputs_by_position(feed, inputs)) for feed, _ in self._cases[:cases]]

    def _match_outputs(self, results: Sequence[Sequence[Array]]) -> list[_Match]:
        """Give every source output the file output that fits it best, in the file's order."""
        names = [_plain_name(tensor.name) for tensor in self._interpreter.outputs]
        pairs = [
            (match, (not match.passed, names[index] != spec.name, match.error, abs(index - position)))
            for index in range(len(names))
            for position, spec in enumerate(self._model.outputs)
            if (match := self._match(index, spec, results))
        ]
        chosen: dict[str, _Match] = {}
        taken: set[int] = set()
        for match, _ in sorted(pairs, key=lambda pair: pair[1]):
            contract = match.contract
            if contract.name not in chosen and contract.index not in taken:
                chosen[contract.name] = match
                taken.add(contract.index)
        for spec in self._model.outputs:
            if spec.name not in chosen:
                raise _nothing_fits("output", spec, self._interpreter.outputs)
        return sorted(chosen.values(), key=lambda match: match.contract.index)

    def _match(self, index: int, spec: TensorSpec, results: Sequence[Sequence[Array]]) -> _Match | None:
        """Find the axes that make a file output a source output, or come nearest to it."""
        arrays = [result[index] for result in results]
        # What came out tells the shape; what the file declares may leave sizes open.
        declared = self._interpreter.outputs[index]
        tensor = FileTensor("", declared.dtype, arrays[0].shape, declared.scale, declared.zero_point)
        best: _Match | None = None
        for contract in _contracts(spec, index, tensor):
            match = _Match(contract, tuple(self._judge(contract, spec, arrays)))
            if match.passed:
                return match
            if best is None or match.error < best.error:
                best = match
        return best

    def _judge(self, contract: TensorContract, spec: TensorSpec, arrays: Sequence[Array]) -> list[Comparison]:
        verdicts = []
        for array, (_, reference) in zip(arrays, self._cases, strict=False):
            try:
                got = to_source(array, contract, spec)
            except SourceError as error:
                verdicts.append(Comparison(spec.name, False, error.message, inf, inf, 0.0, -inf))
            else:
                verdicts.append(compare(spec.name, got, reference[spec.name], self._tolerance))
        return verdicts


def _input_layouts(tensors: Sequence[FileTensor], model: ModelSpec) -> Iterator[Contracts]:
    """Give the contracts that the file's inputs may have together, the likely ones first."""
    choices = [_input_choices(index, tensor, model) for index, tensor in enumerate(tensors)]
    for picks in combinations(tuple(map(len, choices))):
        inputs = tuple(choice[pick] for choice, pick in zip(choices, picks, strict=True))
        if len({contract.name for contract in inputs}) == len(inputs):
            yield inputs


def _input_choices(index: int, tensor: FileTensor, model: ModelSpec) -> Contracts:
    """Give the contracts that one input may have: of the source input of its name, then of its neighbours."""
    name = _plain_name(tensor.name)
    specs = sorted(enumerate(model.inputs), key=lambda place: (place[1].name != name, abs(place[0] - index)))
    choices = tuple(contract for _, spec in specs for contract in _contracts(spec, index, tensor))
    if not choices:
        raise _nothing_fits("input", tensor, model.inputs)
    return choices


def _contracts(spec: TensorSpec, index: int, tensor: FileTensor) -> Contracts:
    """Give the contracts by which a file's tensor can be a source's, the likely one first."""
    if not _dtypes_fit(spec, tensor):
        return ()
    return tuple(
        TensorContract(spec.name, index, tensor.dtype, tensor.shape, axes, tensor.scale, tensor.zero_point)
        for axes in axis_orders(spec.shape, tensor.shape)
    )


def _dtypes_fit(spec: TensorSpec, tensor: FileTensor) -> bool:
    """Whether values survive: floats need floats or a scale, whole numbers fit into anything wide enough."""
    if not np.issubdtype(spec.dtype, np.floating):
        return not tensor.scale
    return bool(tensor.scale) or np.issubdtype(tensor.dtype, np.floating)


def _plain_name(name: str) -> str:
    """Strip what TensorFlow's exporter wraps around a name: "serving_default_x:0" is x."""
    return name.removeprefix("serving_default_").removesuffix(":0")


def _error(matches: Sequence[_Match]) -> float:
    return max(match.error for match in matches)


def _nothing_fits(
    role: str, wanted: TensorSpec | FileTensor, there: Sequence[TensorSpec | FileTensor]
) -> ConversionError:
    def show(tensor: TensorSpec | FileTensor) -> str:
        return f"{tensor.name}:{tensor.dtype}[{','.join(map(str, tensor.shape))}]"

    sides = ("the file", "the model") if isinstance(wanted, FileTensor) else ("the model", "the file")
    return ConversionError(
        f"{role} {show(wanted)} of {sides[0]} has no counterpart among {sides[1]}'s: "
        f"{', '.join(map(show, there)) or 'there is none'}"
    )
