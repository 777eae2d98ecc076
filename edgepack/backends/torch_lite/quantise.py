"""The jobs that make a quantised .ptl file; they run where the model is held."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from edgepack.backends.torch_lite.export import Recipe, save_lite, scripted, traced_plainly
from edgepack.backends.torch_lite.program import Program
from edgepack.errors import Unsuitable
from edgepack.golden import GoldenSet
from edgepack.samples import Samples
from edgepack.verdict import LayerError
from edgepack.workers import Kept

if TYPE_CHECKING:
    from edgepack.backends.torch_lite.held import Held, Layer
    from edgepack.sources.torch_model import TorchModel


@dataclass(frozen=True, slots=True)
class Made:
    """What came of quantising.

    Attributes:
        program: What the file asks of a runtime.
        layers: How far each layer is from the float one's.
    """

    program: Program
    layers: tuple[LayerError, ...] = ()


def hold_static(model: TorchModel, golden: GoldenSet, samples: Samples, singly: bool) -> Kept:  # noqa: FBT001  jobs take arguments by position
    """Set a worker up that holds a calibrated model; see `StaticModel`. Its answer is the warnings."""
    from edgepack.backends.torch_lite.static import StaticModel

    _refuse_without_layers(model)
    held = StaticModel(model, samples, golden, singly=singly)
    return Kept(held, held.warnings)


def hold_dynamic(model: TorchModel, golden: GoldenSet) -> Kept:
    """Set a worker up that holds a model whose weights can be quantised. Its answer is the warnings."""
    from edgepack.backends.torch_lite.dynamic import DynamicModel

    _refuse_without_layers(model)
    held = DynamicModel(model, golden)
    return Kept(held, held.warnings)


def list_layers(held: Held) -> Sequence[Layer]:
    """Job: give all layers that can be left in float."""
    return held.layers()


def export_quantised(
    held: Held, kept: Sequence[str], recipe: Recipe, path: Path, bytecode: int | None
) -> Made:
    """Job: quantise the model and write it.

    Args:
        held: The model.
        kept: The names of the layers that stay in float.
        recipe: How the program is made.
        path: Where the file goes; the same model and data give the same bytes.
        bytecode: As for `export_lite`.

    Raises:
        ConversionError: QNNPACK has not what the model takes, or the program cannot be backported.
        Exception: Whatever torch raises on what it cannot trace, compile or export.
    """
    import torch

    layers = tuple(held.quantise(kept))
    model = held.model
    model.raw = model.flat.model
    with torch.no_grad():
        module = scripted(model) if recipe.scripted else traced_plainly(model)
        return Made(save_lite(module, recipe.blocked, path, bytecode), layers)


def _refuse_without_layers(model: TorchModel) -> None:
    """Refuse what torch.ao's tools, which exchange a module's layers, cannot work on.

    Raises:
        Unsuitable: It is TorchScript, or an exported program.
    """
    import torch

    from edgepack.sources.exported_program import Program as ExportedProgram

    for kind, name in ((torch.jit.ScriptModule, "TorchScript"), (ExportedProgram, "an exported program")):
        if isinstance(model.raw, kind):
            raise Unsuitable(
                f"{name} has no layers that torch.ao can quantise",
                hint="build from the Python module that it was made of",
            )
