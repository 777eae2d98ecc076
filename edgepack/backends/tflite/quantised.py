"""The ways from the verified float32 file to its quantised forms."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Lock
from typing import Any

from edgepack.backends.base import Candidate, RouteContext
from edgepack.backends.keep_float import make_kept
from edgepack.backends.tflite.flatbuffer import read_needs
from edgepack.backends.tflite.layers import Layer, compare_layers, read_layers
from edgepack.backends.tflite.quantise import measure_ranges, quantise, read_contracts
from edgepack.backends.tflite.recipes import Recipe
from edgepack.backends.tflite.routes import DIRECT_MODULES as MAKE_MODULES
from edgepack.backends.tflite.routes import RUN_MODULES
from edgepack.errors import ConversionError
from edgepack.precision import BASE

_MEASURING = Lock()


@dataclass(frozen=True, slots=True)
class QuantisedRoute:
    """One recipe under its own name."""

    recipe: Recipe

    @property
    def name(self) -> str:
        """The recipe's."""
        return self.recipe.name

    def make(self, context: RouteContext) -> Candidate:
        """Quantise, read the new contract, and compare layer by layer; see `Route.make`.

        Raises:
            UsageError: A pattern of --keep-float fits no layer.
            ConversionError: There is no float32 file or no calibration data, the recipe makes no difference,
                or leaving layers in float does not help.
        """
        base = context.verified.get(BASE)
        if base is None:
            reason = context.failed.get(BASE, "it was not made")
            raise ConversionError(f"it is made from the float32 file, and there is none: {reason}")
        job = _Job(context, base, self.recipe)
        if self.recipe.fallback and not any(layer.operator in self.recipe.kept for layer in job.layers()):
            raise ConversionError(f"the file has no {' or '.join(self.recipe.kept)} to leave in float")
        wanted = context.options.quantisation.keep_float
        return make_kept(job.make, context.judge, wanted, job.layers, ".tflite")


@dataclass(frozen=True, slots=True)
class _Job:
    """Makes candidates that differ in the layers that stay in float."""

    context: RouteContext
    base: Candidate
    recipe: Recipe

    def layers(self) -> tuple[Layer, ...]:
        layers: tuple[Layer, ...] = self._run(RUN_MODULES, read_layers, self.base.path)
        return layers

    def make(self, kept: Sequence[str]) -> Candidate:
        """Make the candidate that leaves the layers of these names in float."""
        scopes = tuple(layer.scope for layer in self.layers() if layer.name in kept) if kept else ()
        float_io = self.context.options.quantisation.io == "float32"
        recipe = replace(self.recipe, kept_scopes=scopes, float_io=float_io)
        ranges = self._ranges() if recipe.calibrated else None
        file = self.context.folder / "model.tflite"
        self._run(MAKE_MODULES, quantise, self.base.path, file, recipe, ranges)
        inputs, outputs = self._run(RUN_MODULES, read_contracts, file, self.base.inputs, self.base.outputs)
        layers = self._run(
            RUN_MODULES,
            compare_layers,
            (self.base.path, self.base.inputs),
            (file, inputs),
            self.context.golden,
        )
        needs = self._run(RUN_MODULES, read_needs, file)
        return Candidate(
            path=file,
            inputs=inputs,
            outputs=outputs,
            requires=needs.requires,
            operators=needs.operators,
            places=needs.places,
            counts=needs.counts,
            layers=layers,
            kept_float=tuple(sorted(kept)),
        )

    def _ranges(self) -> Path:
        """Give the activations' ranges, measured once for all recipes."""
        context, base = self.context, self.base
        if context.calibration is None:
            raise ConversionError("there is no calibration data", hint="give some with --calibration")
        ranges = context.shared / "ranges.json"
        with _MEASURING:
            if not ranges.exists():
                self._run(RUN_MODULES, measure_ranges, base.path, base.inputs, context.calibration, ranges)
        return ranges

    def _run(self, modules: tuple[str, ...], job: Callable[..., Any], *arguments: Any) -> Any:
        name = f"{job.__name__} tflite {self.recipe.precision}"
        return self.context.workers.start(*modules).run(job, *arguments, name=name)
