"""What a kind of source must offer, and what loading one gives."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from edgepack.model import Binding, InputSpec, ModelSpec
from edgepack.processing.steps import Processing

if TYPE_CHECKING:
    from edgepack.compare import Array


@dataclass(frozen=True, slots=True)
class SourceRequest:
    """What the user asked to load.

    Attributes:
        text: As typed: "package.module:attr", "file.py:attr", or a file's path.
        inputs: From `--input`; empty when the model itself must know.
        arch: For a state dict: the "package.module:attr" that makes the module.
        trust: Whether unpickling code is allowed.
        bind: From `--bind`: inputs that are fixed to a value.
    """

    text: str
    inputs: tuple[InputSpec, ...] = ()
    arch: str | None = None
    trust: bool = False
    bind: tuple[Binding, ...] = ()


@dataclass(frozen=True, slots=True)
class FirstRun:
    """What a model computed when it had never run before.

    Attributes:
        inputs: In the order that the model takes them.
        outputs: By name.
    """

    inputs: Sequence[Array]
    outputs: Mapping[str, Array]


class LoadedModel(Protocol):
    """A model inside the worker that holds it: the eager reference that every artifact is judged against.

    Attributes:
        framework: "torch" or "onnx"; backends say which they can start from.
        inputs: In the order that `__call__` takes them.
        warnings: What the user should know, from loading.
        first_run: Where loading ran it; None where the model cannot keep anything from one run to the next.
    """

    framework: str
    inputs: tuple[InputSpec, ...]
    warnings: tuple[str, ...]
    first_run: FirstRun | None

    def __call__(self, inputs: Sequence[Array]) -> Mapping[str, Array]:
        """Run the model once, in eval mode and without gradients; outputs by stable name, in order."""
        ...

    def declared_processing(self) -> Processing:
        """Give what the model itself says turns pictures into inputs and outputs into answers.

        Raises:
            SourceError: It says so in a way that cannot be read.
        """
        ...

    def digest(self) -> str:
        """Sha256 over graph and weights: equal exactly when conversions would give the same files."""
        ...

    def suspects(self) -> Sequence[str]:
        """Names of modules or nodes that could make two runs differ (dropout left on, random operators)."""
        ...

    def random_parts(self) -> Sequence[str]:
        """Names of modules or nodes that draw random numbers for sure, however seldom it shows."""
        ...


class SourceKind(Protocol):
    """One kind of source; every method but `load` is quick and imports nothing heavy.

    Attributes:
        name: For messages and the manifest: "python", "torchscript", "exported", "state_dict", "onnx".
        framework: Of the models it gives: "torch" or "onnx".
        modules: What the worker that loads it should import beforehand.
    """

    name: str
    framework: str
    modules: tuple[str, ...]

    def recognises(self, text: str) -> bool:
        """Whether the text names a source of this kind."""
        ...

    def fingerprint(self, request: SourceRequest) -> str | None:
        """Sha256 over the files that alone decide the model, or None when Python must run to know."""
        ...

    def load(self, request: SourceRequest) -> LoadedModel:
        """Load the model; called inside a worker.

        Raises:
            SourceError: It cannot be loaded; the message says why and the hint what to do.
            ToolError: A package is missing; the hint names the extra.
        """
        ...


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """What the main process knows of a model that a worker holds.

    Attributes:
        framework: "torch" or "onnx".
        spec: Inputs and outputs.
        digest: See `LoadedModel.digest`.
        warnings: What the user should know, from loading.
        processing: What turns pictures into inputs and outputs into answers, said by the user or the model.
    """

    framework: str
    spec: ModelSpec
    digest: str
    warnings: tuple[str, ...] = ()
    processing: Processing = field(default_factory=Processing)
