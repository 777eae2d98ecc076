"""The bytecode in a .ptl file: one pickle, read and changed without PyTorch.

Its first member is the bytecode version; every other one is a method, a tuple of its name, its code (pairs of
"instructions", "operators" and the like with what they hold) and its schema.
"""

from __future__ import annotations

import io
import pickle
import pickletools
import struct
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Self


@dataclass(frozen=True, slots=True)
class Program:
    """What a runtime must offer: the bytecode version, and the operators, sorted: "aten::add.Tensor"."""

    bytecode: int
    operators: tuple[str, ...]


class _Opaque:
    """Stands for every object in a pickle, of which only the place matters."""

    def __new__(cls, *_: object) -> Self:
        return super().__new__(cls)

    def __setstate__(self, state: object) -> None:
        pass


class _Outline(pickle.Unpickler):
    """Reads the tuples, numbers and strings of a pickle and imports nothing."""

    def find_class(self, module: str, name: str) -> type[_Opaque]:  # noqa: ARG002  the base class's
        return _Opaque

    def persistent_load(self, pid: object) -> None:
        """Leave out tensors."""


def read_program(path: Path) -> Program:
    """Read what a .ptl file asks of a runtime.

    torch.jit.mobile's own functions for this load all weights, and more than once.
    """
    with zipfile.ZipFile(path) as archive:
        (name,) = (name for name in archive.namelist() if name.partition("/")[2] == "bytecode.pkl")
        bytecode, *methods = _Outline(io.BytesIO(archive.read(name))).load()
    operators = {
        ".".join(filter(None, (operator, overload)))
        for _, code, *_ in methods
        for operator, overload, *_ in dict(code)["operators"]
    }
    return Program(bytecode, tuple(sorted(operators)))


def rename(pickled: bytes, change: Callable[[str], str]) -> bytes:
    """Change the strings and the class names in a pickle, and nothing else."""
    starts = [(opcode.name, start) for opcode, _, start in pickletools.genops(pickled) if start is not None]
    ends = [start for _, start in starts[1:]] + [len(pickled)]
    renamed = bytearray()
    for (kind, start), end in zip(starts, ends, strict=True):
        operation = pickled[start:end]
        if kind == "BINUNICODE":
            text = change(operation[5:].decode()).encode()
            operation = operation[:1] + struct.pack("<I", len(text)) + text
        elif kind == "GLOBAL":
            operation = change(operation.decode()).encode()
        renamed += operation
    return bytes(renamed)
