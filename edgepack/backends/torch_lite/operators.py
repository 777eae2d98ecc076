"""Operators that the lite interpreter cannot have, because a package of the user's registered them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from edgepack.errors import ConversionError

if TYPE_CHECKING:
    import torch

    from edgepack.sources.torch_model import TorchModel


def foreign_operators(operators: Sequence[str]) -> list[str]:
    """Job for a process without the model: give those "name.overload" that torch alone does not have."""
    import torch

    return [
        operator
        for operator in operators
        if not torch._C._jit_get_schemas_for_operator(operator.partition(".")[0])
    ]


def refuse_foreign(model: TorchModel, operators: Sequence[str]) -> None:
    """Job: say what is wrong with a program that has such operators, and where in the model they are called.

    Raises:
        ConversionError: Always.
    """
    places = locate(model, operators)
    named = ", ".join(f"{one} (in {places[one]})" if one in places else one for one in operators)
    raise ConversionError(
        f"the lite interpreter has no operator {named}",
        hint="express it in the model with torch's own operators",
    )


def locate(model: TorchModel, operators: Sequence[str]) -> dict[str, str]:
    """Job: name the module and the line that call each operator first, where a trace tells.

    Args:
        model: Held by the worker.
        operators: "name.overload"; a trace does not tell overloads apart.

    Returns:
        Operator to place, without those that the trace has not: optimising brings operators of its own.
    """
    try:
        graph = model.traced().inlined_graph
    except ConversionError:
        return {}
    found = {one: graph.findAllNodes(one.partition(".")[0]) for one in operators}
    return {one: _place(nodes[0]) for one, nodes in found.items() if nodes}


def _place(node: torch.Node) -> str:
    from edgepack.sources.torch_graph import module_path

    path = module_path(node.scopeName())
    line = re.search(r"([^\s/]+)\((\d+)\): forward", node.sourceRange())
    return f"{path or 'the model'}{f', {line[1]}:{line[2]}' if line else ''}"
