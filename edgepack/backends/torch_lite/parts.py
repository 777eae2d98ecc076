"""The parts of a model that torch.fx can follow; each is quantised as one graph."""

from __future__ import annotations

import traceback
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import fx, nn
from torch.ao.quantization.fx.tracer import QuantizationTracer
from torch.nn import functional

from edgepack.sources.texts import summarise

STATIC_LAYERS = (
    nn.Conv1d,
    nn.Conv2d,
    nn.Conv3d,
    nn.ConvTranspose1d,
    nn.ConvTranspose2d,
    nn.Linear,
)
_LAYER_FUNCTIONS = (
    functional.conv1d,
    functional.conv2d,
    functional.conv3d,
    functional.conv_transpose1d,
    functional.conv_transpose2d,
    functional.linear,
)
_TORCH_FOLDER = Path(torch.__file__).parent


@dataclass(frozen=True, slots=True)
class Part:
    """A module that is quantised by itself.

    Attributes:
        path: Where it is.
        module: Its graph.
        single: Whether it is one layer; the graph's only module is then called "0".
    """

    path: str
    module: fx.GraphModule
    single: bool

    def name(self, target: str) -> str:
        """Give the name in the user's model of something in the graph."""
        return module_name(self.path if self.single else f"{self.path}.{target}")


@dataclass(frozen=True, slots=True)
class Found:
    """What there is to quantise.

    Attributes:
        parts: Those inside others first.
        refused: The modules that torch.fx cannot follow, with their class and the reason.
    """

    parts: tuple[Part, ...]
    refused: tuple[str, ...]


def find_parts(path: str, module: nn.Module, called: Collection[nn.Module], *, singly: bool) -> Found:
    """Find the largest modules that torch.fx can follow and that hold layers to quantise.

    What is inside a module that it cannot follow, or that it never looks into, such as those of torch.nn, is
    looked at by itself.

    Args:
        path: Where `module` is.
        module: What to look through.
        called: The modules whose forward runs. Of others the weights are used in another way, and they must
            stay as they are.
        singly: Take every layer by itself.
    """
    search = _Search(called, singly=singly)
    search.visit(path, module)
    return Found(tuple(search.parts), tuple(search.refused))


class _Search:
    def __init__(self, called: Collection[nn.Module], *, singly: bool) -> None:
        self.parts: list[Part] = []
        self.refused: list[str] = []
        self._called = called
        self._singly = singly

    def visit(self, path: str, module: nn.Module) -> None:
        if isinstance(module, torch.jit.ScriptModule):
            self._refuse(path, module, "it is TorchScript")
            return
        if module in self._called:
            if is_quantisable(module, STATIC_LAYERS):
                layer = nn.Sequential(module).eval()
                self.parts.append(Part(path, fx.GraphModule(layer, _trace(layer)), single=True))
                return
            if not self._singly and (graph := self._follow(path, module)) is not None:
                self._visit_graph(path, module, graph)
                return
        for name, child in module.named_children():
            self.visit(f"{path}.{name}", child)

    def _visit_graph(self, path: str, module: nn.Module, graph: fx.Graph) -> None:
        for target in dict.fromkeys(node.target for node in graph.nodes if node.op == "call_module"):
            for name, child in module.get_submodule(target).named_children():
                self.visit(f"{path}.{target}.{name}", child)
        if any(is_layer(node, module) for node in graph.nodes):
            self.parts.append(Part(path, fx.GraphModule(module, graph), single=False))

    def _follow(self, path: str, module: nn.Module) -> fx.Graph | None:
        try:
            return _trace(module)
        except Exception as error:  # noqa: BLE001  user code that gets what it does not expect
            self._refuse(path, module, f"{summarise(error)}{_place(error)}")
            return None

    def _refuse(self, path: str, module: nn.Module, reason: str) -> None:
        name = module_name(path) if "." in path else "the model"
        kind = getattr(module, "original_name", type(module).__name__)
        self.refused.append(f"{name} ({kind}): {reason}")


def module_name(path: str) -> str:
    """Give the name that a path in `Flat` has in the user's model."""
    return path.partition(".")[2] or path


def is_layer(node: fx.Node, module: nn.Module) -> bool:
    """Whether a node of a module's graph is one that QNNPACK has with 8-bit weights and activations."""
    if node.op == "call_module":
        return is_quantisable(module.get_submodule(node.target), STATIC_LAYERS)
    return is_layer_function(node) and has_fixed_weights(node)


def is_layer_function(node: fx.Node) -> bool:
    """Whether a node computes what a layer does, its weights given to it."""
    return node.op == "call_function" and node.target in _LAYER_FUNCTIONS


def has_fixed_weights(node: fx.Node) -> bool:
    """Whether the weights given to a function are the model's own, which torch.ao packs beforehand."""
    return all(one.op == "get_attr" for one in node.all_input_nodes[1:])


def is_quantisable(module: nn.Module, kinds: tuple[type[nn.Module], ...]) -> bool:
    """Whether a module is of one of these classes itself, and not of one that does more, in float32."""
    return type(module) in kinds and all(one.dtype == torch.float32 for one in module.parameters())


def _trace(module: nn.Module) -> fx.Graph:
    return QuantizationTracer([], []).trace(module)


def _place(error: Exception) -> str:
    """Name the line of the user's that torch.fx got stuck at."""
    frames = traceback.extract_tb(error.__traceback__)[1:]
    own = [frame for frame in frames if not Path(frame.filename).is_relative_to(_TORCH_FOLDER)]
    own = [frame for frame in own if Path(frame.filename) != Path(__file__)]
    return f" ({Path(own[-1].filename).name}:{own[-1].lineno})" if own else ""
