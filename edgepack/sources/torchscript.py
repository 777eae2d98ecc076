"""TorchScript files, `.pt`; also whole modules that torch.save pickled, where the user trusts them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgepack.errors import SourceError
from edgepack.files import sha256_of
from edgepack.model import DTYPES, InputSpec, TensorSpec
from edgepack.sources.base import LoadedModel, SourceRequest
from edgepack.sources.paths import has_suffix
from edgepack.sources.texts import evidence, summarise
from edgepack.sources.torch_file import Content, check_integrity, damaged, examine

if TYPE_CHECKING:
    import torch


class TorchScriptSource:
    """A module that torch.jit.save wrote."""

    name = "torchscript"
    framework = "torch"
    modules: tuple[str, ...] = ("torch", "numpy")

    def recognises(self, text: str) -> bool:
        """Whether the text names a `.pt` file; see `SourceKind`."""
        return has_suffix(text, ".pt")

    def fingerprint(self, request: SourceRequest) -> str | None:
        """Sha256 of the file, if that alone decides the model; see `SourceKind`."""
        path = Path(request.text)
        return sha256_of(path) if examine(path) is Content.TORCHSCRIPT else None

    def load(self, request: SourceRequest) -> LoadedModel:
        """Load the module; see `SourceKind`."""
        from edgepack.sources.pickled import load_module
        from edgepack.sources.torch_model import TorchModel

        path = Path(request.text)
        content = examine(path)
        check_integrity(path)
        match content:
            case Content.EXPORTED:
                raise SourceError(f"{path} holds an exported program", hint="give it the suffix .pt2")
            case Content.PICKLE:
                module, declared = load_module(path, trust=request.trust)
                return TorchModel.prepare(module, request.inputs, declared)
        # Shapes that the file remembers are wrong for the graph when the user asks for others.
        script = _load_script(path, restore_shapes=not request.inputs)
        fallback = () if request.inputs else _remembered_inputs(script)
        return TorchModel.prepare(script, request.inputs, fallback, sha256_of(path))


KIND = TorchScriptSource()


def _load_script(path: Path, *, restore_shapes: bool) -> torch.jit.ScriptModule:
    import torch

    try:
        return torch.jit.load(path, map_location="cpu", _restore_shapes=restore_shapes)
    except RuntimeError as error:
        if "Unknown builtin op" in str(error):
            raise SourceError(
                f"{path} uses an operator that PyTorch alone does not have: {summarise(error)}",
                hint="write a file.py that imports the package which brings it and returns torch.jit.load(…)",
                details=evidence(error),
            ) from error
        raise damaged(path, summarise(error)) from error


def _remembered_inputs(script: torch.jit.ScriptModule) -> tuple[InputSpec, ...]:
    """Give the inputs that a traced module was traced with, or nothing when the file lacks one of them."""
    arguments = [argument.name for argument in script.forward.schema.arguments[1:]]
    values = list(script.graph.inputs())[1:]
    found = [_remembered_input(name, value.type()) for name, value in zip(arguments, values, strict=True)]
    inputs = tuple(one for one in found if one is not None)
    return inputs if len(inputs) == len(found) else ()


def _remembered_input(name: str, kind: Any) -> InputSpec | None:
    if kind.kind() != "TensorType" or kind.sizes() is None:
        return None
    dtype = str(kind.dtype()).removeprefix("torch.")
    if dtype not in DTYPES or None in kind.sizes():
        return None
    return InputSpec(TensorSpec(name, dtype, tuple(kind.sizes())))
