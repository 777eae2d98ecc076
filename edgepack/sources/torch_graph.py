"""What a TorchScript graph tells: a digest of what it computes, and which of its operators are random."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import nn

# The number that keeps two classes of one name apart says how many were seen before, not what they compute.
_MANGLING = re.compile(r"\.___torch_mangle_\d+")

# Graph.str can leave locations out, but inside blocks it does not.
_LOCATION = re.compile(r" # \S[^\n]*:\d+:\d+$", re.MULTILINE)

# torch calls operators random that draw nothing where one of these arguments is false or zero.
_RANDOM_SWITCHES = frozenset({"train", "training", "p", "dropout", "dropout_p"})

_OWN_CHILD = re.compile(r"^(__module\.)?model(\.|$)")


class Digest:
    """A sha256 that is fed graphs, modules and values of PyTorch."""

    def __init__(self) -> None:
        self._hash = hashlib.sha256()

    def hexdigest(self) -> str:
        """Give what has come together so far."""
        return self._hash.hexdigest()

    def add_text(self, text: str) -> None:
        """Add a text, its length first so that no two texts can run together."""
        self.add_bytes(text.encode())

    def add_bytes(self, data: bytes) -> None:
        """Add bytes, their number first."""
        self._hash.update(len(data).to_bytes(8))
        self._hash.update(data)

    def add_graph(self, graph: torch.Graph) -> None:
        """Add an inlined graph: its text without source locations, its tensors and the graphs inside it."""
        self.add_text(_MANGLING.sub("", _LOCATION.sub("", graph.str(False))))
        for node in walk(graph):
            for name in sorted(node.attributeNames()):
                match node.kindOf(name):
                    case "t":
                        self.add_value(node.t(name))
                    case "ts":
                        self.add_value(node.ts(name))
                    case "g":
                        self.add_graph(node.g(name))
                    case "gs":
                        for inner in node.gs(name):
                            self.add_graph(inner)

    def add_weights(self, module: nn.Module) -> None:
        """Add all parameters, buffers and other state by name, without copying contiguous tensors."""
        state = dict(module.named_buffers(remove_duplicate=False)) | dict(module.state_dict())
        for name in sorted(state):
            self.add_text(name)
            self.add_value(state[name])

    def add_scripted(self, module: torch.jit.ScriptModule) -> None:
        """Add a scripted module, with the values of its attributes: a graph holds only their names."""
        try:
            graph = torch.jit.freeze(module, optimize_numerics=False).inlined_graph
        except (AttributeError, RuntimeError):  # it has no forward, or writes to its own attributes
            self.add_bytes(module.save_to_buffer())
        else:
            self.add_graph(graph)

    def add_value(self, value: Any) -> None:
        """Add a tensor by its content, a list or tuple by its members, anything else by its text."""
        if isinstance(value, list | tuple):
            self.add_text(f"{type(value).__name__} of {len(value)}")
            for member in value:
                self.add_value(member)
        elif isinstance(value, torch.Tensor):
            self._add_tensor(value.detach())
        else:
            self.add_text(repr(value))

    def _add_tensor(self, tensor: torch.Tensor) -> None:
        self.add_text(f"{tensor.dtype} {tuple(tensor.shape)} {tensor.layout}")
        if tensor.is_quantized:
            self.add_text(f"{tensor.qscheme()} {quantisation(tensor)}")
            tensor = tensor.int_repr()
        if tensor.layout != torch.strided:
            tensor = tensor.to_dense()
        flat = tensor.cpu().resolve_conj().resolve_neg().contiguous().reshape(-1)
        self._hash.update(flat.view(torch.uint8).numpy())


def quantisation(tensor: torch.Tensor) -> list[object]:
    """Give all scales and zero points of a quantised tensor."""
    if tensor.qscheme() in {torch.per_tensor_affine, torch.per_tensor_symmetric}:
        return [tensor.q_scale(), tensor.q_zero_point()]
    return [tensor.q_per_channel_scales().tolist(), tensor.q_per_channel_zero_points().tolist()]


def walk(graph: torch.Graph | torch.Block) -> Iterator[torch.Node]:
    """Give all nodes, those of nested blocks included."""
    for node in graph.nodes():
        yield node
        for block in node.blocks():
            yield from walk(block)


def random_operators(graph: torch.Graph, module: nn.Module) -> list[str]:
    """Name the modules and operators that draw random numbers: "features.3.drop (Dropout)", in graph order.

    Args:
        graph: Inlined, of a trace in which `module` is the child called "model".
        module: Tells the class of each place.
    """
    places = dict(module.named_modules())
    found = [
        _describe(node.kind().removeprefix("aten::"), node.scopeName(), places)
        for node in walk(graph)
        if node.isNondeterministic() and not _switched_off(node)
    ]
    return list(dict.fromkeys(found))


def module_path(scope: str) -> str:
    """Give the path of the module that a node's scope is in; empty for the model itself.

    Args:
        scope: "__module.model/__module.model.features", the innermost module last, in scripted code
            "package.Class::features"; the child called "model" is the user's.
    """
    return _OWN_CHILD.sub("", re.split("/|::", scope)[-1])


def _switched_off(node: torch.Node) -> bool:
    """Whether an operator that can be random is not by its arguments, as an LSTM that does not train."""
    parameters = (argument.name for argument in torch._C.parse_schema(node.schema()).arguments)
    values = (value.toIValue() for value in node.inputs())
    return any(
        name in _RANDOM_SWITCHES and isinstance(value, bool | int | float) and not value
        for name, value in zip(parameters, values, strict=False)
    )


def _describe(operator: str, scope: str, places: Mapping[str, nn.Module]) -> str:
    path = module_path(scope)
    if path not in places:
        return operator
    owner = getattr(places[path], "original_name", type(places[path]).__name__)
    if operator.rstrip("_") in owner.lower():
        return f"{path or 'the model'} ({owner})"
    return f"{path or 'the model'} ({owner}, calls {operator})"


def outermost_scripted(module: nn.Module) -> Iterator[torch.jit.ScriptModule]:
    """Give the scripted modules inside a module, but not those inside another scripted one."""
    if isinstance(module, torch.jit.ScriptModule):
        yield module
    else:
        for child in module.children():
            yield from outermost_scripted(child)
