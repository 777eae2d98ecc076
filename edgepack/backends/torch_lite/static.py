"""A model with 8-bit weights and activations, inside the worker that holds it."""

from __future__ import annotations

import inspect
import operator
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import fx, nn
from torch.ao.quantization import (
    HistogramObserver,
    ObserverBase,
    QConfig,
    QConfigMapping,
    default_per_channel_weight_observer,
    get_default_qconfig_mapping,
)
from torch.ao.quantization.quantize_fx import convert_fx, prepare_fx

from edgepack.backends.overflow import overflow
from edgepack.backends.torch_lite.clamps import end_ranges_at_clamps, mend_clamps
from edgepack.backends.torch_lite.dynamic import RECURRENT, dynamic_layers, layer_at, quantise_dynamically
from edgepack.backends.torch_lite.held import (
    Arguments,
    Layer,
    arguments_of,
    called_modules,
    copied,
    get_ready,
)
from edgepack.backends.torch_lite.layer_errors import Recorder, compare_graphs
from edgepack.backends.torch_lite.parts import (
    Part,
    find_parts,
    has_fixed_weights,
    is_layer_function,
    module_name,
)
from edgepack.errors import ConversionError, Unsuitable
from edgepack.golden import GoldenSet
from edgepack.samples import Samples
from edgepack.sources.texts import listing, summarise
from edgepack.sources.torch_model import TorchModel
from edgepack.verdict import LayerError

_ROOT = "model"  # what `Flat` calls the user's module


@dataclass(frozen=True, slots=True)
class _Observed:
    """A part that has been given observers.

    Attributes:
        path: Where it is.
        inputs: What it is given in the first golden case.
        mapping: What torch.ao was told of its layers.
        layers: By the name of their node.
    """

    path: str
    inputs: tuple[Any, ...]
    mapping: QConfigMapping
    layers: dict[str, Layer]


class StaticModel:
    """A calibrated model; see `edgepack.backends.torch_lite.held.Held`.

    Recurrent layers get 8-bit weights and keep float activations: QNNPACK has no others.
    """

    warnings: tuple[str, ...] = ()

    def __init__(self, model: TorchModel, samples: Samples, golden: GoldenSet, *, singly: bool) -> None:
        """Find the parts, give them observers, and run the model on all samples, one at a time.

        Args:
            model: Is changed.
            samples: The calibration data.
            golden: The first case is what layers are compared on.
            singly: Quantise each layer by itself, with floats between layers.

        Raises:
            Unsuitable: There is nothing to quantise.
            ConversionError: Activations overflow on a sample.
        """
        self.model = model
        self._case = get_ready(model, golden)
        called = called_modules(model.flat, self._case)
        found = find_parts(_ROOT, model.raw, called, singly=singly)
        because = f": {listing(found.refused, limit=2)}" if found.refused else ""
        if not found.parts:
            raise Unsuitable(f"the model has no float32 convolution or Linear layer to quantise{because}")
        if because:
            self.warnings = (f"torch.fx cannot follow all, so only layers in it are quantised{because}",)
        self._recurrent = dynamic_layers(model.flat, called, RECURRENT)
        self._parts = self._observe(found.parts)
        self._calibrate(samples)

    def layers(self) -> Sequence[Layer]:
        """Give the layers; see `Held`."""
        recurrent = [layer_at(self.model.flat, path) for path in self._recurrent]
        return [*(layer for one in self._parts for layer in one.layers.values()), *recurrent]

    def quantise(self, kept: Collection[str]) -> Sequence[LayerError]:
        """Quantise all layers but some; see `Held`."""
        errors = [error for one in self._parts for error in self._convert(one, kept)]
        return errors + quantise_dynamically(self.model.flat, self._case, self._recurrent, kept)

    def _observe(self, parts: Sequence[Part]) -> list[_Observed]:
        flat = self.model.flat
        modules = {part.path: flat.get_submodule(part.path) for part in parts}
        arguments = arguments_of(list(modules.values()), flat, self._case)
        inputs = [_by_position(part.module, arguments[modules[part.path]]) for part in parts]
        # All of them first: to run a part is to teach the observers of those inside it.
        unfit = [set(_unfit(part.module, given)) for part, given in zip(parts, inputs, strict=True)]
        observed = []
        for part, given, left in zip(parts, inputs, unfit, strict=True):
            mapping = _mapping(part.module, left)
            graph = prepare_fx(part.module, mapping, given)
            end_ranges_at_clamps(graph)
            flat.set_submodule(part.path, graph)
            observed.append(_Observed(part.path, given, mapping, dict(_layers(part, graph, left))))
        return observed

    def _calibrate(self, samples: Samples) -> None:
        names = [one.tensor.name for one in self.model.inputs]
        with torch.no_grad():
            for index, sample in enumerate(samples.samples()):
                try:
                    self.model.flat(*(torch.from_numpy(sample[name]) for name in names))
                except RuntimeError as error:
                    # Observers make histograms, and torch.histc says "range of [0, inf] is not finite".
                    if "is not finite" in str(error):
                        raise overflow(f"sample {index} makes NaN or infinities") from error
                    raise

    def _convert(self, one: _Observed, kept: Collection[str]) -> Iterator[LayerError]:
        """Quantise a part, and run it before and after."""
        graph = self.model.flat.get_submodule(one.path)
        for node in graph.graph.nodes:
            if node.name in one.layers and one.layers[node.name].name in kept:
                _leave_float(one.mapping, node)
        before = _recorded(graph, one.inputs)
        try:
            converted = convert_fx(graph, qconfig_mapping=one.mapping)
            after = _recorded(converted, one.inputs)
        except Exception as error:
            raise ConversionError(
                f"QNNPACK cannot have {module_name(one.path)}: {summarise(error)}",
                hint="--keep-float PATTERN leaves layers in float",
            ) from error
        if mend_clamps(converted, after.values):
            after = _recorded(converted, one.inputs)
        self.model.flat.set_submodule(one.path, converted)
        yield from compare_graphs(before, after, one.layers)


def _recorded(graph: fx.GraphModule, inputs: Sequence[Any]) -> Recorder:
    recorder = Recorder(graph)
    with torch.no_grad():
        recorder.run(*copied(tuple(inputs)))
    return recorder


def _unfit(part: fx.GraphModule, inputs: Sequence[Any]) -> Iterator[str]:
    """Name the nodes that torch.ao would get wrong."""
    values = _recorded(part, inputs).values
    for node in part.graph.nodes:
        value = values[node.name]
        other = isinstance(value, torch.Tensor) and value.dtype != torch.float32
        # Weights that are computed would be packed as they are before that.
        if other or (is_layer_function(node) and not has_fixed_weights(node)):
            yield node.name


def _mapping(part: fx.GraphModule, unfit: Collection[str]) -> QConfigMapping:
    """Say how layers are quantised: as torch.ao has it for QNNPACK, but with a scale per output channel."""
    # QNNPACK multiplies all eight bits; reduce_range is for engines whose products overflow.
    activation = HistogramObserver.with_args(reduce_range=False)
    config = QConfig(activation=activation, weight=default_per_channel_weight_observer)
    mapping = get_default_qconfig_mapping("qnnpack").set_global(config)
    for kind in RECURRENT:
        mapping.set_object_type(kind, None)
    for node in part.graph.nodes:
        if node.name in unfit:
            _leave_float(mapping, node)
    return mapping


def _leave_float(mapping: QConfigMapping, node: fx.Node) -> None:
    if node.op == "call_module":
        mapping.set_module_name(node.target, None)
    elif node.op == "call_function":
        same = [other for other in node.graph.nodes if (other.op, other.target) == (node.op, node.target)]
        mapping.set_module_name_object_type_order("", node.target, same.index(node), None)


def _layers(part: Part, observed: fx.GraphModule, unfit: Collection[str]) -> Iterator[tuple[str, Layer]]:
    """Give the nodes that were prepared for integers: each of them is a layer that can stay in float."""
    for node in observed.graph.nodes:
        readers = [observed.get_submodule(one.target) for one in node.users if one.op == "call_module"]
        if node.name in unfit or not any(isinstance(reader, ObserverBase) for reader in readers):
            continue
        if node.op == "call_function" and node.target is not operator.getitem:
            yield node.name, Layer(part.name(node.name), node.target.__name__)
        elif node.op == "call_module":
            module = observed.get_submodule(node.target)
            kind = type(module[0] if isinstance(module, nn.Sequential) else module)
            yield node.name, Layer(part.name(node.target), kind.__name__)


def _by_position(graph: fx.GraphModule, arguments: Arguments) -> tuple[Any, ...]:
    """Give what a graph is called with by position, left out arguments included."""
    args, kwargs = arguments
    bound = inspect.signature(graph.forward).bind(*args, **kwargs)
    bound.apply_defaults()
    return bound.args
