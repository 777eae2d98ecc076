"""The format .ptl: which routes lead to it, and torch's lite interpreter to run it."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from edgepack.backends.base import Route
from edgepack.backends.torch_lite.archive import refuse_damage
from edgepack.backends.torch_lite.routes import ROUTES, RUN_MODULES
from edgepack.errors import UsageError
from edgepack.options import BuildOptions
from edgepack.sources.base import ModelInfo

if TYPE_CHECKING:
    from edgepack.compare import Array

BYTECODE_VERSIONS = range(4, 9)
"""What torch 2.9 can write: kMinSupportedBytecodeVersion to kProducedBytecodeVersion of its versions.h."""


class TorchLiteBackend:
    """Makes .ptl files and runs them with torch's own lite interpreter; see `Backend`."""

    name = "torch_lite"
    suffix = ".ptl"
    frameworks: tuple[str, ...] = ("torch",)
    extra = "torch"
    make_modules: tuple[str, ...] = ("torch",)
    run_modules: tuple[str, ...] = RUN_MODULES

    def routes(self, precision: str, info: ModelInfo, options: BuildOptions) -> Sequence[Route]:  # noqa: ARG002  the protocol's
        """The routes to a precision; with `options.script` only those that script.

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
        routes = ROUTES.get(precision, ())
        return [route for route in routes if route.recipe.scripted or not options.script]

    def execute(self, path: Path, feeds: Sequence[Sequence[Array]]) -> list[list[Array]]:
        """Run the file once per feed, in a process that knows torch's operators only; see `Backend.execute`.

        Raises:
            BadZipFile: The file is damaged.
            RuntimeError: The lite interpreter refuses it, for example because it lacks an operator.
        """
        import torch
        from torch.jit.mobile import _load_for_lite_interpreter

        refuse_damage(path)
        # QNNPACK has threads of its own, whatever the environment says, and they wait by spinning.
        torch.set_num_threads(1)
        # Packed weights are of the engine that was set when they were loaded.
        torch.backends.quantized.engine = "qnnpack"
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
