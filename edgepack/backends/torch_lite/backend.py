"""The format .ptl: which routes lead to it, and torch's lite interpreter to run it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from edgepack.backends.base import Candidate, Route, RouteContext
from edgepack.backends.torch_lite.archive import refuse_damage
from edgepack.backends.torch_lite.export import Recipe, export_lite
from edgepack.backends.torch_lite.operators import foreign_operators, refuse_foreign
from edgepack.backends.torch_lite.program import Program
from edgepack.bundle.manifest import TensorContract
from edgepack.errors import UsageError
from edgepack.model import TensorSpec
from edgepack.options import BuildOptions
from edgepack.sources.base import ModelInfo

if TYPE_CHECKING:
    from edgepack.compare import Array

BYTECODE_VERSIONS = range(4, 9)
"""What torch 2.9 can write: kMinSupportedBytecodeVersion to kProducedBytecodeVersion of its versions.h."""

RUN_MODULES = ("torch",)


@dataclass(frozen=True, slots=True)
class LiteRoute:
    """A recipe under the name that it has in manifests."""

    name: str
    recipe: Recipe

    def make(self, context: RouteContext) -> Candidate:
        """Make the file in a fork of the worker that holds the model; see `Route.make`."""
        path = context.folder / "model.ptl"
        program: Program = context.model.run(
            export_lite, self.recipe, path, context.options.bytecode, name=f"make torch_lite ({self.name})"
        )
        # Not this process, and not the model's, which has imported the user's packages.
        torch_alone = context.workers.start(*RUN_MODULES)
        if foreign := torch_alone.run(foreign_operators, program.operators, name="look up operators"):
            context.model.run(refuse_foreign, foreign, name="locate operators")
        return Candidate(
            path=path,
            inputs=_contracts(context.info.spec.inputs),
            outputs=_contracts(context.info.spec.outputs),
            requires={"bytecode": str(program.bytecode)},
            operators=program.operators,
        )


ROUTES = (
    LiteRoute("trace", Recipe(scripted=False, blocked=())),
    # Prepacking can store a bias as it was before an in-place operation changed it (swin_v2's qkv.bias).
    LiteRoute("trace-no-prepack", Recipe(scripted=False, blocked=("INSERT_FOLD_PREPACK_OPS",))),
    LiteRoute("trace-freeze", Recipe(scripted=False, blocked=None)),
    LiteRoute("script", Recipe(scripted=True, blocked=())),
    LiteRoute("script-freeze", Recipe(scripted=True, blocked=None)),
)
"""In the order to try: the fastest program first, and tracing before scripting, which refuses most Python."""


class TorchLiteBackend:
    """Makes .ptl files and runs them with torch's own lite interpreter; see `Backend`."""

    name = "torch_lite"
    suffix = ".ptl"
    frameworks: tuple[str, ...] = ("torch",)
    extra = "torch"
    make_modules: tuple[str, ...] = ("torch",)
    run_modules: tuple[str, ...] = RUN_MODULES

    def routes(self, precision: str, info: ModelInfo, options: BuildOptions) -> Sequence[Route]:  # noqa: ARG002  the protocol's
        """The routes to float32; with `options.script` only those that script.

        Who asks for scripting has control flow that depends on data: a trace would hold one branch of it
        and could still be right on every golden case.

        Raises:
            UsageError: torch cannot write the bytecode version that was asked for.
        """
        if options.bytecode is not None and options.bytecode not in BYTECODE_VERSIONS:
            raise UsageError(
                f"bytecode version {options.bytecode} cannot be written",
                hint=f"torch writes {', '.join(map(str, BYTECODE_VERSIONS))}",
            )
        if precision != "float32":
            return ()
        return [route for route in ROUTES if route.recipe.scripted or not options.script]

    def execute(self, path: Path, feeds: Sequence[Sequence[Array]]) -> list[list[Array]]:
        """Run the file once per feed, in a process that knows torch's operators only; see `Backend.execute`.

        Raises:
            BadZipFile: The file is damaged.
            RuntimeError: The lite interpreter refuses it, for example because it lacks an operator.
        """
        import torch
        from torch.jit.mobile import _load_for_lite_interpreter

        refuse_damage(path)
        module = _load_for_lite_interpreter(str(path))
        results = []
        # Android's Module.forward runs in inference mode, too.
        with torch.inference_mode():
            for feed in feeds:
                output = module(*(torch.tensor(array) for array in feed))
                tensors = (output,) if isinstance(output, torch.Tensor) else output
                # A module may give out a tensor that its next run overwrites.
                results.append([tensor.numpy().copy() for tensor in tensors])
        return results

    def runtime(self) -> str:
        """Name and release of the interpreter."""
        return f"torch {version('torch')} lite interpreter"


def _contracts(specs: Sequence[TensorSpec]) -> tuple[TensorContract, ...]:
    """The file takes and gives the source's own tensors, by position."""
    return tuple(
        TensorContract(spec.name, index, spec.dtype, spec.shape, tuple(range(len(spec.shape))))
        for index, spec in enumerate(specs)
    )
