"""ONNX files, with their weights inside or beside them."""

from __future__ import annotations

from pathlib import Path

from edgepack.sources.base import LoadedModel, SourceRequest
from edgepack.sources.onnx_fingerprint import fingerprint
from edgepack.sources.paths import has_suffix


class OnnxSource:
    """A graph that has never seen PyTorch, or has left it."""

    name = "onnx"
    framework = "onnx"
    modules: tuple[str, ...] = ("onnx", "onnxruntime", "numpy")

    def recognises(self, text: str) -> bool:
        """Whether the text names an `.onnx` file; see `SourceKind`."""
        return has_suffix(text, ".onnx")

    def fingerprint(self, request: SourceRequest) -> str | None:
        """Sha256 over the file and all files its weights lie in; see `SourceKind`."""
        return fingerprint(Path(request.text))

    def load(self, request: SourceRequest) -> LoadedModel:
        """Check and load the model; see `SourceKind`."""
        from edgepack.sources.onnx_model import OnnxModel

        return OnnxModel.open(Path(request.text), request.inputs, request.bind)


KIND = OnnxSource()
