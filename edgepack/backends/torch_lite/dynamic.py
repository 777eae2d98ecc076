"""A model with 8-bit weights and float activations, inside the worker that holds it."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import torch
from torch import nn
from torch.ao.quantization import default_dynamic_qconfig, per_channel_dynamic_qconfig, quantize_dynamic

from edgepack.backends.torch_lite.held import Layer, arguments_of, called_modules, get_ready
from edgepack.backends.torch_lite.layer_errors import compare_values
from edgepack.backends.torch_lite.parts import is_quantisable, module_name
from edgepack.errors import Unsuitable
from edgepack.golden import GoldenSet
from edgepack.sources.torch_model import TorchModel
from edgepack.verdict import LayerError

RECURRENT = (nn.LSTM, nn.GRU)
_LAYERS = (nn.Linear, *RECURRENT)


class DynamicModel:
    """A model whose layers with large weights are known; see `edgepack.backends.torch_lite.held.Held`."""

    warnings: tuple[str, ...] = ()

    def __init__(self, model: TorchModel, golden: GoldenSet) -> None:
        """Find the layers.

        Args:
            model: Is changed.
            golden: The first case is what layers are compared on.

        Raises:
            Unsuitable: There are none.
        """
        self.model = model
        self._case = get_ready(model, golden)
        self._paths = dynamic_layers(model.flat, called_modules(model.flat, self._case), _LAYERS)
        if not self._paths:
            raise Unsuitable("the model has no float32 Linear, LSTM or GRU layer for 8-bit weights")

    def layers(self) -> Sequence[Layer]:
        """Give the layers; see `Held`."""
        return [layer_at(self.model.flat, path) for path in self._paths]

    def quantise(self, kept: Collection[str]) -> Sequence[LayerError]:
        """Quantise all layers but some; see `Held`."""
        return quantise_dynamically(self.model.flat, self._case, self._paths, kept)


def dynamic_layers(
    flat: nn.Module, called: Collection[nn.Module], kinds: tuple[type[nn.Module], ...]
) -> list[str]:
    """Give the paths of the layers of these classes whose forward runs; of others, the weights are read."""
    return [
        path for path, module in flat.named_modules() if is_quantisable(module, kinds) and module in called
    ]


def layer_at(flat: nn.Module, path: str) -> Layer:
    """Describe the layer at a path."""
    return Layer(module_name(path), type(flat.get_submodule(path)).__name__)


def quantise_dynamically(
    flat: nn.Module, case: Sequence[torch.Tensor], paths: Sequence[str], kept: Collection[str]
) -> list[LayerError]:
    """Put layers with 8-bit weights in the place of others, and compare what they give for the same inputs.

    Args:
        flat: Is changed.
        case: Its inputs.
        paths: Where the layers are.
        kept: The names of those that are left as they are.
    """
    if not paths:
        return []
    before = {path: flat.get_submodule(path) for path in paths}
    layers = {path: layer_at(flat, path) for path in paths}
    arguments = arguments_of(list(before.values()), flat, case)
    configs = {
        path: default_dynamic_qconfig if type(module) in RECURRENT else per_channel_dynamic_qconfig
        for path, module in before.items()
        if module_name(path) not in kept
    }
    quantize_dynamic(flat, configs, dtype=torch.qint8, inplace=True)
    errors = []
    with torch.no_grad():
        for path, module in before.items():
            args, kwargs = arguments[module]
            got = flat.get_submodule(path)(*args, **kwargs)
            found = compare_values(layers[path], module(*args, **kwargs), got)
            errors += [found[0]] if found else []
    return errors
