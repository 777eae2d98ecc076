"""A module whose forward takes and gives plain tensors, around one that may take and give anything."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import Any

import torch
from torch import nn

from edgepack.sources.input_choice import Parameter
from edgepack.sources.torch_outputs import named_tensors


class Flat(nn.Module):  # type: ignore[misc]  # torch is untyped here
    """Calls its child "model" with tensors by position and flattens what that returns."""

    def __init__(self, model: nn.Module, keywords: Sequence[str | None]) -> None:
        """Wrap a module.

        Args:
            model: The user's module.
            keywords: Per input, the parameter it is passed to by name, or None for by position.
        """
        super().__init__()
        self.model = model
        self.keywords = tuple(keywords)
        self.training = model.training

    def nested(self, *tensors: torch.Tensor) -> Any:
        """Run the module and give its output as it is."""
        pairs = list(zip(self.keywords, tensors, strict=True))
        positional = [tensor for keyword, tensor in pairs if keyword is None]
        return self.model(
            *positional, **{keyword: tensor for keyword, tensor in pairs if keyword is not None}
        )

    def forward(self, *tensors: torch.Tensor) -> torch.Tensor | tuple[torch.Tensor, ...]:
        """Give the one output tensor, or all of them in the order of their names."""
        outputs = [tensor for _, tensor in named_tensors(self.nested(*tensors))[0]]
        return outputs[0] if len(outputs) == 1 else tuple(outputs)


def forward_parameters(module: nn.Module) -> tuple[list[Parameter], bool]:
    """Give the parameters of a module's forward, and whether it takes more by position."""
    if isinstance(module, torch.jit.ScriptModule):
        arguments = module.forward.schema.arguments[1:]
        return [Parameter(one.name, not one.has_default_value()) for one in arguments], False
    parameters = inspect.signature(module.forward).parameters.values()
    found = [
        Parameter(one.name, one.default is one.empty, one.kind is one.POSITIONAL_ONLY)
        for one in parameters
        if one.kind not in {one.VAR_POSITIONAL, one.VAR_KEYWORD}
    ]
    return found, any(one.kind is one.VAR_POSITIONAL for one in parameters)
