"""What the ways to quantise a model in its worker have in common."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import nn

from edgepack.golden import GoldenSet
from edgepack.golden_files import load_case
from edgepack.sources.torch_model import TorchModel
from edgepack.verdict import LayerError

type Arguments = tuple[tuple[Any, ...], dict[str, Any]]
"""What a module is called with: by position, and by name."""


@dataclass(frozen=True, slots=True)
class Layer:
    """Something that can be quantised, or left in float.

    Attributes:
        name: Of the module in the user's model; of an operation between modules, where it is and a number.
        operator: Its class, or the function.
    """

    name: str
    operator: str


class Held(Protocol):
    """A model that is ready to be quantised.

    Attributes:
        model: Its worker's model.
        warnings: What the user should know.
    """

    model: TorchModel
    warnings: tuple[str, ...]

    def layers(self) -> Sequence[Layer]:
        """Give all that can be left in float."""
        ...

    def quantise(self, kept: Collection[str]) -> Sequence[LayerError]:
        """Quantise the model where it is, which can be done once, and compare what each layer gives.

        Args:
            kept: The names of the layers that stay in float.

        Raises:
            ConversionError: QNNPACK has not what it takes.
        """
        ...


def get_ready(model: TorchModel, golden: GoldenSet) -> tuple[torch.Tensor, ...]:
    """Set torch up for quantising in this process, and give the first golden case's inputs."""
    torch.backends.quantized.engine = "qnnpack"
    # The fused encoder layer reads weights that quantised layers do not have.
    torch.backends.mha.set_fastpath_enabled(False)
    inputs, _ = load_case(golden, 0)
    return tuple(torch.from_numpy(inputs[one.tensor.name].copy()) for one in model.inputs)


def called_modules(flat: nn.Module, case: Sequence[torch.Tensor]) -> set[nn.Module]:
    """Run a model and give the modules in it whose forward ran."""
    called: set[nn.Module] = set()
    hooks = [
        module.register_forward_pre_hook(lambda one, _: called.add(one))
        for module in flat.modules()
        if not isinstance(module, torch.jit.ScriptModule)
    ]
    _run(flat, case)
    for hook in hooks:
        hook.remove()
    return called


def arguments_of(
    modules: Collection[nn.Module], flat: nn.Module, case: Sequence[torch.Tensor]
) -> dict[nn.Module, Arguments]:
    """Run a model and give what each of these modules is first called with."""
    found: dict[nn.Module, Arguments] = {}

    def note(module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        if module not in found:
            found[module] = (copied(args), copied(kwargs))

    hooks = [module.register_forward_pre_hook(note, with_kwargs=True) for module in modules]
    _run(flat, case)
    for hook in hooks:
        hook.remove()
    return found


def _run(flat: nn.Module, case: Sequence[torch.Tensor]) -> None:
    with torch.no_grad():
        flat(*(tensor.clone() for tensor in case))


def copied(value: Any) -> Any:
    """Copy all tensors in a value, for layers may write into what they are given."""
    return torch.utils._pytree.tree_map_only(torch.Tensor, torch.Tensor.clone, value)
