"""The ways from a PyTorch module to a .ptl file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from edgepack.backends.base import Candidate, Route, RouteContext
from edgepack.backends.keep_float import make_kept
from edgepack.backends.torch_lite.export import Recipe, export_lite
from edgepack.backends.torch_lite.operators import foreign_operators, locate, refuse_foreign
from edgepack.backends.torch_lite.program import Program
from edgepack.backends.torch_lite.quantise import (
    Made,
    export_quantised,
    hold_dynamic,
    hold_static,
    list_layers,
)
from edgepack.bundle.manifest import TensorContract
from edgepack.errors import ConversionError
from edgepack.model import TensorSpec
from edgepack.workers import Worker

RUN_MODULES = ("torch",)


@dataclass(frozen=True, slots=True)
class LiteRoute:
    """A recipe for float32 under the name that it has in manifests."""

    name: str
    recipe: Recipe

    def make(self, context: RouteContext) -> Candidate:
        """Make the file in a fork of the worker that holds the model; see `Route.make`."""
        path = context.folder / "model.ptl"
        program: Program = context.model.run(
            export_lite, self.recipe, path, context.options.bytecode, name=f"make torch_lite ({self.name})"
        )
        return _candidate(context, path, Made(program))


@dataclass(frozen=True, slots=True)
class DynamicRoute:
    """8-bit weights, activations quantised as they come."""

    name: str
    recipe: Recipe

    def make(self, context: RouteContext) -> Candidate:
        """Quantise in forks of the worker that holds the model; see `Route.make`."""
        held = context.model.branch(hold_dynamic, context.golden, name="find torch_lite layers")
        return _make_quantised(context, held, self.recipe)


@dataclass(frozen=True, slots=True)
class StaticRoute:
    """8-bit weights and activations, by what calibration data shows.

    Attributes:
        singly: Whether values are floats between layers.
    """

    name: str
    recipe: Recipe
    singly: bool

    def make(self, context: RouteContext) -> Candidate:
        """Calibrate once, then quantise in forks of the worker that holds the result; see `Route.make`."""
        if context.calibration is None:
            raise ConversionError("there is no calibration data", hint="give some with --calibration")
        held = context.model.branch(
            hold_static, context.golden, context.calibration, self.singly, name="calibrate torch_lite"
        )
        return _make_quantised(context, held, self.recipe)


class RecipeRoute(Route, Protocol):
    """A route of this backend, whatever it leads to."""

    @property
    def recipe(self) -> Recipe:
        """How the program is made."""
        ...


_FULL, _CAUTIOUS = Recipe(scripted=False, blocked=()), Recipe(scripted=False, blocked=None)
_SCRIPT, _CAUTIOUS_SCRIPT = Recipe(scripted=True, blocked=()), Recipe(scripted=True, blocked=None)

ROUTES: dict[str, tuple[RecipeRoute, ...]] = {
    "float32": (
        LiteRoute("trace", _FULL),
        # Prepacking can store a bias as it was before an in-place operation changed it (swin_v2's qkv.bias).
        LiteRoute("trace-no-prepack", Recipe(scripted=False, blocked=("INSERT_FOLD_PREPACK_OPS",))),
        LiteRoute("trace-freeze", _CAUTIOUS),
        # Android's runtime is older than torch 2.0's operator for attention.
        LiteRoute("trace-plain-attention", Recipe(scripted=False, blocked=(), plain_attention=True)),
        LiteRoute("script", _SCRIPT),
        LiteRoute("script-freeze", _CAUTIOUS_SCRIPT),
    ),
    "dynamic": (
        DynamicRoute("dynamic-trace", _FULL),
        DynamicRoute("dynamic-trace-freeze", _CAUTIOUS),
        DynamicRoute("dynamic-script", _SCRIPT),
    ),
    "int8": (
        StaticRoute("static-trace", _FULL, singly=False),
        # Sums, activations and whatever else is between layers stay out of QNNPACK's hands.
        StaticRoute("static-single-layers", _CAUTIOUS, singly=True),
        StaticRoute("static-script", _SCRIPT, singly=False),
    ),
}
"""Per precision in the order to try: the fastest program first, and tracing before scripting, which refuses
most Python."""


def _make_quantised(context: RouteContext, held: Worker, recipe: Recipe) -> Candidate:
    path = context.folder / "model.ptl"

    def make(kept: Sequence[str]) -> Candidate:
        made: Made = held.run(
            export_quantised, kept, recipe, path, context.options.bytecode, name="make quantised torch_lite"
        )
        return _candidate(context, path, made, tuple(sorted(kept)), held.answer)

    wanted = context.options.quantisation.keep_float
    return make_kept(
        make, context.judge, wanted, lambda: held.run(list_layers, name="list torch_lite layers"), ".ptl"
    )


def _candidate(
    context: RouteContext, path: Path, made: Made, kept: tuple[str, ...] = (), warnings: tuple[str, ...] = ()
) -> Candidate:
    """Describe a file, once it is clear that its operators are torch's own."""
    operators = made.program.operators
    # Not this process, and not the model's, which has imported the user's packages.
    torch_alone = context.workers.start(*RUN_MODULES)
    if foreign := torch_alone.run(foreign_operators, operators, name="look up operators"):
        context.model.run(refuse_foreign, foreign, name="locate operators")
    return Candidate(
        path=path,
        inputs=_contracts(context.info.spec.inputs),
        outputs=_contracts(context.info.spec.outputs),
        requires={"bytecode": str(made.program.bytecode)},
        operators=operators,
        places=context.model.run(locate, operators, name="locate operators"),
        layers=made.layers,
        kept_float=kept,
        warnings=warnings,
    )


def _contracts(specs: Sequence[TensorSpec]) -> tuple[TensorContract, ...]:
    """The file takes and gives the source's own tensors, by position."""
    return tuple(
        TensorContract(spec.name, index, spec.dtype, spec.shape, tuple(range(len(spec.shape))))
        for index, spec in enumerate(specs)
    )
