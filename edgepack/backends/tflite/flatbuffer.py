"""What a .tflite file says of itself, read from its flatbuffer without running it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

IDENTIFIER = b"TFL3"
"""What the schema has files of this kind start with, after the offset of their root."""
_RUNTIME_KEY = b"min_runtime_version"


@dataclass(frozen=True, slots=True)
class Needs:
    """What a runtime must offer.

    Attributes:
        operators: Sorted, each once: "CONV_2D@3" for version 3 of a built-in operator, a custom operator by
            its own name. onnx2tf's direct converter writes version 1 whatever it uses.
        requires: {"tflite": release} where the converter recorded the oldest runtime that will do. Only
            TensorFlow's does; which release brought which operator version is known to no installed package.
        places: Operator to the tensor that its first use gives, by the name that the model gave it.
        counts: Operator to how often it is used.
    """

    operators: tuple[str, ...]
    requires: dict[str, str]
    places: dict[str, str]
    counts: dict[str, int]


@contextmanager
def open_model(path: Path) -> Iterator[Any]:
    """Open a file to read its flatbuffer: the schema's `Model`, whose data is gone when the block is left."""
    import mmap

    from ai_edge_litert import schema_py_generated as schema

    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        yield schema.Model.GetRootAs(content, 0)


def read_needs(path: Path) -> Needs:
    """Job: read which operators a file uses and which runtime it asks for."""
    with open_model(path) as model:
        codes = [model.OperatorCodes(index) for index in range(model.OperatorCodesLength())]
        operators = list(map(_versioned, codes))
        counts = Counter(operators[operator.OpcodeIndex()] for _, operator in _uses(model))
        return Needs(tuple(sorted(set(operators))), _requires(model), _places(model, operators), dict(counts))


def _uses(model: Any) -> Iterator[tuple[Any, Any]]:
    """Give each operator with the graph that it is in."""
    for graph in map(model.Subgraphs, range(model.SubgraphsLength())):
        for operator in map(graph.Operators, range(graph.OperatorsLength())):
            yield graph, operator


def _places(model: Any, operators: list[str]) -> dict[str, str]:
    places: dict[str, str] = {}
    for graph, operator in _uses(model):
        name = operators[operator.OpcodeIndex()]
        if (
            name not in places
            and operator.OutputsLength()
            and (tensor := graph.Tensors(operator.Outputs(0))).Name()
        ):
            places[name] = tensor.Name().decode(errors="replace")
    return places


def operator_name(code: Any) -> str:
    """Give an operator code's name: a built-in one's, or a custom one's own."""
    if custom := code.CustomCode():
        return str(custom.decode())
    # Codes up to 126 stood in a byte of their own once; files may have either field, readers take the larger.
    return _builtins()[max(code.BuiltinCode(), code.DeprecatedBuiltinCode())]


def operator_of(code: Any) -> str:
    """Give the same for an operator code that was unpacked to be changed."""
    if code.customCode:
        return str(bytes(code.customCode).decode())
    return _builtins()[max(code.builtinCode, code.deprecatedBuiltinCode)]


@cache
def _builtins() -> dict[int, str]:
    from ai_edge_litert import schema_py_generated as schema

    return {code: name for name, code in vars(schema.BuiltinOperator).items() if isinstance(code, int)}


def _versioned(code: Any) -> str:
    return operator_name(code) if code.CustomCode() else f"{operator_name(code)}@{code.Version()}"


def _requires(model: Any) -> dict[str, str]:
    for index in range(model.MetadataLength()):
        entry = model.Metadata(index)
        if entry.Name() == _RUNTIME_KEY:
            version = model.Buffers(entry.Buffer()).DataAsNumpy().tobytes().rstrip(b"\0").decode()
            return {"tflite": version} if version else {}
    return {}
