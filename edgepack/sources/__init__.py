"""Sources: where models come from, and the kinds of them that edgepack can load."""

from __future__ import annotations

from importlib.util import find_spec

from edgepack.errors import SourceError, UsageError
from edgepack.sources import exported, onnx, python, state_dict, torchscript
from edgepack.sources.base import LoadedModel, SourceKind, SourceRequest
from edgepack.sources.paths import require_file, split_target, unknown_source

KINDS: tuple[SourceKind, ...] = (
    python.KIND,
    torchscript.KIND,
    exported.KIND,
    state_dict.KIND,
    onnx.KIND,
)
"""All kinds; a text belongs to the first that recognises it."""


def find_kind(text: str, arch: str | None = None) -> SourceKind:
    """Tell what kind of source a text names, without loading anything.

    Args:
        text: As the user typed it.
        arch: From `--arch`; it makes a `.pt` file a state dict.

    Raises:
        SourceError: No kind recognises it, or there is no such file; the hint says what would do.
    """
    if arch is not None and not state_dict.KIND.recognises(text) and not torchscript.KIND.recognises(text):
        raise SourceError(
            f"--arch names the module that a state dict belongs to, and {text} is none",
            hint="leave --arch away, or give a .pth file",
        )
    kind = next((kind for kind in KINDS if kind.recognises(text)), None)
    if kind is None:
        raise unknown_source(text)
    target = split_target(text)
    if target is None:
        require_file(text)
    elif target[0].endswith(".py"):
        require_file(target[0])
    return kind if arch is None else state_dict.KIND


def load_model(request: SourceRequest) -> LoadedModel:
    """Load a model and make it ready to run and to convert; a setup for `Worker.branch`.

    Raises:
        SourceError: It cannot be loaded; the message says why and the hint what to do.
        ToolError: A package is missing; the hint says what brings it.
        UsageError: Inputs of a PyTorch model are to be bound.
    """
    from edgepack.toolchain.packages import missing_tool

    kind = find_kind(request.text, request.arch)
    if request.bind and kind.framework != "onnx":
        raise UsageError(
            f"--bind {request.bind[0]} fixes an input of an ONNX model; {request.text} is a PyTorch model",
            hint="in PyTorch write the value into forward, or wrap the module in one whose forward passes it",
        )
    for module in kind.modules:
        if find_spec(module) is None and (missing := missing_tool(module)):
            raise missing
    return kind.load(request)


__all__ = ["KINDS", "find_kind", "load_model"]
