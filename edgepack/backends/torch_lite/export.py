"""The job that turns a torch module into a .ptl file; it runs where the module is held."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from edgepack.backends.torch_lite.archive import keep_program
from edgepack.backends.torch_lite.program import Program, read_program
from edgepack.errors import ConversionError

if TYPE_CHECKING:
    from torch.jit import ScriptModule

    from edgepack.sources.torch_model import TorchModel


_FLOOR_DIVIDE = """graph(%a : Tensor, %b : {kind}):
  %result : Tensor = aten::floor_divide(%a, %b)
  return (%result)"""
_DIVIDE = """graph(%a : Tensor, %b : {kind}):
  %mode : str = prim::Constant[value="floor"]()
  %result : Tensor = aten::div(%a, %b, %mode)
  return (%result)"""


@dataclass(frozen=True, slots=True)
class Recipe:
    """How a program is made.

    Attributes:
        scripted: Compile the module's Python code instead of recording one run of it.
        blocked: What `optimize_for_mobile` has to leave out, by MobileOptimizerType's names; None to freeze
            the module and do no more.
        plain_attention: Trace attention as products and a softmax; see `traced_plainly`.
    """

    scripted: bool
    blocked: tuple[str, ...] | None
    plain_attention: bool = False


def export_lite(model: TorchModel, recipe: Recipe, path: Path, bytecode: int | None) -> Program:
    """Job: write a program that takes the model's inputs by position and gives one tensor or a tuple of them.

    Args:
        model: Held by the worker.
        recipe: How to make it.
        path: Where the file goes; the same model gives the same bytes.
        bytecode: The version to backport to; None for what torch writes.

    Returns:
        What the file asks of a runtime.

    Raises:
        ConversionError: The model cannot be traced, or the program not be backported.
        Exception: Whatever torch raises on code that it cannot compile or export.
    """
    import torch

    with torch.no_grad():
        if recipe.scripted:
            module = scripted(model)
        else:
            module = traced_plainly(model) if recipe.plain_attention else model.traced()
        return save_lite(module, recipe.blocked, path, bytecode)


def save_lite(
    module: ScriptModule, blocked: tuple[str, ...] | None, path: Path, bytecode: int | None
) -> Program:
    """Optimise a program and write it; see `export_lite`.

    Args:
        module: Traced or scripted, in eval mode.
        blocked: As in `Recipe`.
        path: Where the file goes.
        bytecode: As for `export_lite`.
    """
    saved = path.with_suffix(".saved")
    optimized(module, blocked)._save_for_lite_interpreter(str(saved))
    if bytecode is not None and bytecode != read_program(saved).bytecode:
        saved = _backported(saved, bytecode)
    keep_program(saved, path)
    saved.unlink()
    return read_program(path)


def optimized(module: ScriptModule, blocked: tuple[str, ...] | None) -> ScriptModule:
    """Freeze a module, then let `optimize_for_mobile` work on it.

    Without the freeze, `optimize_for_mobile` folds the BatchNorm layers of a traced module into wrong
    weights, and says nothing.

    Args:
        module: Traced or scripted, in eval mode.
        blocked: As in `Recipe`.
    """
    import torch
    from torch.utils.mobile_optimizer import MobileOptimizerType, optimize_for_mobile

    frozen = torch.jit.freeze(module)
    # Before torch 1.13 floor_divide rounds towards zero; this is what it has meant since.
    for kind in ("Tensor", "int", "float"):
        before, after = _FLOOR_DIVIDE.format(kind=kind), _DIVIDE.format(kind=kind)
        torch._C._jit_pass_custom_pattern_based_rewrite_graph(before, after, frozen.graph)
    if blocked is not None:
        return optimize_for_mobile(frozen, {getattr(MobileOptimizerType, name) for name in blocked})
    # One freeze leaves a scripted module with nodes that depend on memory addresses; a second one, which
    # torch.jit.freeze refuses to do, brings every process to the same graph.
    return torch.jit._recursive.wrap_cpp_module(torch._C._freeze_module(frozen._c, []))


def traced_plainly(model: TorchModel) -> ScriptModule:
    """Trace the module as it is now, without the attention operator that runtimes before torch 2.0 lack."""
    import torch

    from edgepack.backends.torch_lite.attention import plain_attention

    with plain_attention():
        example = tuple(tensor.clone() for tensor in model.example)
        return torch.jit.trace(model.flat, example, check_trace=False)


def scripted(model: TorchModel) -> ScriptModule:
    """Compile the user's module inside one that takes and gives what `model.flat` does."""
    import torch

    from edgepack.sources.torch_flat import Flat

    # A class of this call's own: in TorchScript, modules of one class and structure share their methods.
    holder = type("Holder", (torch.nn.Module,), {})()
    holder.model = model.raw
    module = torch.jit.script(holder.eval())
    keywords = model.flat.keywords
    # Compiled code may nest its outputs otherwise than the same code does in Python.
    outputs = Flat(module.model, keywords).nested(*(tensor.clone() for tensor in model.example))
    inputs = [f"input_{index}" for index in range(len(keywords))]
    passed = [
        f"{keyword}={name}" if keyword else name for keyword, name in zip(keywords, inputs, strict=True)
    ]
    tensors = [f"torch.jit._unwrap_optional({place})" for place in _places(outputs, "outputs")]
    module.define(
        f"def forward(self, {', '.join(inputs)}):\n"
        f"    outputs = self.model({', '.join(passed)})\n"
        f"    return {', '.join(tensors)}\n"
    )
    return module


def _places(value: object, name: str) -> Iterator[str]:
    """Write down, depth first, how to reach each tensor in a value from TorchScript."""
    import torch

    if isinstance(value, torch.Tensor):
        yield name
    elif isinstance(value, Mapping):
        for key, member in value.items():
            yield from _places(member, f"{name}[{key!r}]")
    elif isinstance(value, tuple | list):
        for index, member in enumerate(value):
            yield from _places(member, f"{name}[{index}]")


def _backported(saved: Path, bytecode: int) -> Path:
    from torch.jit.mobile import _backport_for_mobile

    older = saved.with_suffix(".older")
    if not _backport_for_mobile(str(saved), str(older), bytecode):
        raise ConversionError(
            f"torch cannot backport this model from bytecode {read_program(saved).bytecode} to {bytecode}",
            hint="ask for a newer bytecode version",
        )
    saved.unlink()
    return older
