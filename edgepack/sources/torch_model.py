"""A PyTorch module inside the worker that holds it."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import torch
from torch import nn

from edgepack.errors import ConversionError, SourceError
from edgepack.golden_inputs import draw_inputs
from edgepack.model import InputSpec
from edgepack.processing.binding import declared_processing
from edgepack.processing.steps import Processing
from edgepack.sources.base import FirstRun
from edgepack.sources.input_choice import bind_parameters, input_example
from edgepack.sources.texts import evidence, listing, summarise
from edgepack.sources.torch_flat import Flat, forward_parameters
from edgepack.sources.torch_graph import Digest, outermost_scripted, random_operators
from edgepack.sources.torch_outputs import named_tensors, refuse_unusable

if TYPE_CHECKING:
    from edgepack.compare import Array

_TORCH_FOLDER = Path(torch.__file__).parent
_DECISION = "Converting a tensor to a Python"  # how TracerWarning starts when Python code looks at values


class TorchModel:
    """A module in eval mode, with the inputs it is converted for.

    Attributes:
        framework: "torch".
        inputs: In the order that `__call__`, `flat` and `example` have them.
        warnings: What the user should know, from loading and tracing.
        first_run: On `example`; later runs must give the same.
        raw: The user's module.
        flat: Takes the input tensors by position and gives the output tensors: one alone, several as a tuple.
        example: Seeded input tensors, for tracing; a converter that writes into them must copy them first.
    """

    framework = "torch"
    warnings: tuple[str, ...]
    first_run: FirstRun | None

    def __init__(
        self, raw: nn.Module, inputs: tuple[InputSpec, ...], flat: Flat, file_digest: str | None
    ) -> None:
        self.raw = raw
        self.inputs = inputs
        self.flat = flat
        drawn = draw_inputs(inputs, cases=1, seed=0)[0]
        self.example = tuple(torch.from_numpy(drawn[one.tensor.name]) for one in inputs)
        self._file_digest = file_digest
        self._traced: torch.jit.ScriptModule | ConversionError
        self._decisions: list[str] = []
        self.warnings = ()
        self.first_run = None

    @classmethod
    def prepare(
        cls,
        raw: nn.Module,
        given: Sequence[InputSpec],
        fallback: Sequence[InputSpec] = (),
        file_digest: str | None = None,
    ) -> Self:
        """Put a module in eval mode, settle its inputs, run it once and trace it.

        Args:
            raw: The user's module.
            given: From `--input`.
            fallback: What the module or its file says of its inputs.
            file_digest: Sha256 of the file when that alone decides graph and weights.

        Raises:
            SourceError: The inputs are unknown or do not fit forward, or an output cannot be used.
        """
        # Jobs are forked from this process later, and a pool of threads does not survive that.
        torch.set_num_threads(1)
        raw = getattr(raw, "_orig_mod", raw)  # what torch.compile wraps, and tracing needs
        raw.eval()
        inputs, keywords = _settle_inputs(raw, tuple(given) or tuple(fallback))
        model = cls(raw, inputs, Flat(raw, keywords), file_digest)
        model._check_outputs()
        model._trace()
        return model

    def __call__(self, inputs: Sequence[Array]) -> dict[str, Array]:
        """Run the module without gradients; see `LoadedModel`.

        Args:
            inputs: One array per input, in order, of its dtype and shape.

        Raises:
            SourceError: The module refuses them; the message names them and gives its exception.
        """
        outputs, _ = named_tensors(self._run([torch.from_numpy(np.array(array)) for array in inputs]))
        return _arrays(outputs)

    def traced(self) -> torch.jit.ScriptModule:
        """Give `flat` traced for the example, always the same object.

        Raises:
            ConversionError: Tracing refused the module; the message says why.
        """
        if isinstance(self._traced, ConversionError):
            raise self._traced
        return self._traced

    def declared_processing(self) -> Processing:
        """Give what the module's attributes say; see `LoadedModel`."""
        return declared_processing(self.raw)

    def digest(self) -> str:
        """Sha256 over graphs, weights and inputs, or over the file that decides them; see `LoadedModel`.

        Where tracing refused the module, or had to fix decisions that scripting keeps open, the scripted
        graph counts too, and where both refuse, the exported one.

        Raises:
            ConversionError: No tool of PyTorch can tell what the module computes.
        """
        digest = Digest()
        digest.add_text(" ".join(str(one.tensor) for one in self.inputs))
        if self._file_digest is not None:
            digest.add_text(self._file_digest)
            return digest.hexdigest()
        digest.add_weights(self.raw)
        for module in outermost_scripted(self.raw):
            digest.add_scripted(module)
        traced = not isinstance(self._traced, ConversionError)
        whole = None if traced and not self._decisions else self._scripted()
        if traced:
            digest.add_graph(self.traced().inlined_graph)
        elif whole is None:
            self._add_exported(digest)
        if whole is not None:
            digest.add_scripted(whole)
        return digest.hexdigest()

    def suspects(self) -> list[str]:
        """Name the modules that draw random numbers, or, without a trace, those still in training mode."""
        if not isinstance(self._traced, ConversionError):
            return self.random_parts()
        return [
            f"{name or 'the model'} ({type(module).__name__})"
            for name, module in self.raw.named_modules()
            if module.training
        ]

    def random_parts(self) -> list[str]:
        """Name the modules that draw random numbers by the trace, if there is one; see `LoadedModel`."""
        if isinstance(self._traced, ConversionError):
            return []
        graph = self._traced.inlined_graph
        with suppress(RuntimeError):  # scripted code is not always fit for it
            # Frozen, because scripted parts look up whether they are training, and only a constant tells.
            graph = torch.jit.freeze(self._traced.eval(), optimize_numerics=False).inlined_graph
        return random_operators(graph, self.raw)

    def _run(self, tensors: Sequence[torch.Tensor]) -> Any:
        try:
            with torch.no_grad():
                return self.flat.nested(*tensors)
        except Exception as error:
            given = ", ".join(str(one.tensor) for one in self.inputs)
            raise SourceError(
                f"the model fails on inputs {given}: {summarise(error)}",
                hint="check order, dtypes and shapes; =low..high after an --input keeps its values in range",
                details=evidence(error),
            ) from error

    def _check_outputs(self) -> None:
        outputs, others = named_tensors(self._run([tensor.clone() for tensor in self.example]))
        for name, tensor in outputs:
            refuse_unusable(name, tensor)
        self.first_run = FirstRun([tensor.numpy().copy() for tensor in self.example], _arrays(outputs))
        if others:
            self.warnings += (f"left out of the outputs, because they are no tensors: {listing(others)}",)

    def _trace(self) -> None:
        with warnings.catch_warnings(record=True) as caught, torch.no_grad():
            warnings.simplefilter("always")
            try:
                self._traced = torch.jit.trace(
                    self.flat, tuple(tensor.clone() for tensor in self.example), check_trace=False
                )
            except Exception as error:  # noqa: BLE001  kept for whoever asks for the trace
                self._traced = ConversionError(
                    f"torch.jit.trace refuses the model: {summarise(error)}",
                    hint="--script compiles the module's code instead, for .ptl files",
                    details=evidence(error),
                )
                self._traced.__cause__ = error
        self._decisions = _decisions(caught)
        if self._decisions:
            places = listing(self._decisions)
            self.warnings += (
                f"tracing fixed what forward decides from sizes or values, at {places}: "
                ".tflite files, and .ptl files unless scripted (--script), decide always as for the example "
                "input",
            )

    def _scripted(self) -> torch.jit.ScriptModule | None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                return torch.jit.script(self.raw)
            except Exception:  # noqa: BLE001  scripting refuses most Python code, in many ways
                return None

    def _add_exported(self, digest: Digest) -> None:
        try:
            program = torch.export.export(self.flat, self.example)
        except Exception as error:
            assert isinstance(self._traced, ConversionError)
            raise self._traced from error
        digest.add_text(program.graph_module.code)
        for name, constant in sorted(program.constants.items()):
            digest.add_text(name)
            digest.add_value(constant)


def _arrays(outputs: Sequence[tuple[str, torch.Tensor]]) -> dict[str, Array]:
    return {name: tensor.detach().cpu().numpy().copy() for name, tensor in outputs}


def _settle_inputs(
    raw: nn.Module, inputs: tuple[InputSpec, ...]
) -> tuple[tuple[InputSpec, ...], list[str | None]]:
    """Give the inputs in the order of forward, and the parameter that each is passed to by name, if any."""
    parameters, takes_more = forward_parameters(raw)
    if not inputs:
        required = [one.name for one in parameters if one.required]
        raise SourceError(
            "the model does not say which inputs it takes",
            hint=f"add the app's sizes, for example {input_example(required)}; "
            "or give the module an attribute edgepack_inputs of such texts",
        )
    matched = bind_parameters(parameters, takes_more=takes_more, given=inputs)
    if matched is None:
        return inputs, [None] * len(inputs)
    positional = {one.name for one in parameters if one.by_position_only}
    return tuple(matched.values()), [None if name in positional else name for name in matched]


def _decisions(caught: Sequence[warnings.WarningMessage]) -> list[str]:
    """Give the places, "model.py:12", where forward looked at values that a trace cannot follow.

    Where torch looks at values itself, it checks shapes or does what a trace records in another way.
    """
    places = [
        f"{Path(one.filename).name}:{one.lineno}"
        for one in caught
        if str(one.message).startswith(_DECISION) and not Path(one.filename).is_relative_to(_TORCH_FOLDER)
    ]
    return list(dict.fromkeys(places))
