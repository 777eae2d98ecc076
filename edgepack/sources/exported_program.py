"""An exported program as a module, and what it says of its inputs."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Self

import torch
from torch import nn
from torch.export import ExportedProgram
from torch.utils import _pytree as pytree

from edgepack.errors import SourceError
from edgepack.sources.input_choice import FileInput


class Program(nn.Module):  # type: ignore[misc]  # torch is untyped here
    """Takes the program's input tensors by position, in the order of its signature.

    The program itself may take them nested, and fixed values between them.
    """

    def __init__(self, program: ExportedProgram) -> None:
        super().__init__()
        # Guards are Python code out of the file; without them the module still checks the inputs' shapes.
        self.program = program.module(check_guards=False)
        self.training = False
        self._leaves = tuple(program.graph_signature.user_inputs)
        self._structure = program.call_spec.in_spec
        self._names = tuple(name for name in self._leaves if isinstance(name, str))

    def forward(self, *tensors: torch.Tensor) -> Any:
        """Run the program."""
        given = dict(zip(self._names, tensors, strict=True))
        leaves = [given[leaf] if isinstance(leaf, str) else leaf for leaf in self._leaves]
        args, kwargs = pytree.tree_unflatten(leaves, self._structure)
        # Called by its forward, a program leaves out its check of shapes, which cannot be traced.
        run = self.program.forward if torch.jit.is_tracing() else self.program
        return run(*args, **kwargs)

    def train(self, mode: bool = True) -> Self:  # noqa: ARG002, FBT001  nn.Module's own signature
        """Do nothing: a program stays in the mode it was exported in, and refuses to be asked."""
        return self


def file_inputs(program: ExportedProgram, path: Path) -> list[FileInput]:
    """Give the program's input tensors in order; sizes that it leaves open by name.

    Raises:
        SourceError: An input is a number that changes from call to call.
    """
    values = {node.name: node.meta.get("val") for node in program.graph.nodes if node.op == "placeholder"}
    names = [name for name in program.graph_signature.user_inputs if isinstance(name, str)]
    found = []
    for name in names:
        value = values[name]
        if not isinstance(value, torch.Tensor):
            raise SourceError(
                f"{path}: input {name!r} is a changing number, not a tensor",
                hint="export the model for a fixed one",
            )
        sizes = tuple(size if isinstance(size, int) else str(size) for size in value.shape)
        found.append(FileInput(name, str(value.dtype).removeprefix("torch."), sizes))
    return found
