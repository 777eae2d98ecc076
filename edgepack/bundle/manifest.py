"""What a manifest says, as data. Reading, writing and the JSON Schema live beside it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from edgepack.model import ModelSpec
from edgepack.precision import Tolerance
from edgepack.processing.steps import Processing
from edgepack.verdict import Answers

SCHEMA = "edgepack.bundle/1"


@dataclass(frozen=True, slots=True)
class FileRef:
    """A file inside the bundle.

    Attributes:
        path: Relative to the bundle, with forward slashes.
        sha256: Of its content, in hexadecimal.
        bytes: Its size.
    """

    path: str
    sha256: str
    bytes: int


@dataclass(frozen=True, slots=True)
class TensorContract:
    """How one tensor of an artifact's file relates to the source model's tensor of that name.

    Attributes:
        name: The source model's name for it.
        index: Position among the file's inputs or outputs.
        dtype: The file's dtype, a numpy name; the source's is in the model spec.
        shape: The file's shape.
        axes: `axes[k]` is the source axis that the file's axis k holds. Where the file has more or fewer axes
            of size 1, the order of the source's axes before `shape` adds or drops those.
        scale: For quantised tensors, one value or one per channel: real = (q - zero_point) * scale.
        zero_point: As many as scales.
    """

    name: str
    index: int
    dtype: str
    shape: tuple[int, ...]
    axes: tuple[int, ...]
    scale: tuple[float, ...] = ()
    zero_point: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Verified:
    """How an artifact fared on one runner, over all golden cases: the worst figure of each kind.

    Attributes:
        runner: "host", "arm64" or "device".
        runtime: The library that executed it and its release.
        cases: How many golden cases were run.
        max_error: Largest |got - ref| over all outputs, in their own units.
        needed_relative: Smallest relative tolerance that would have passed.
        cosine: Smallest cosine similarity.
        snr_db: Smallest finite signal-to-noise ratio in decibels; None when every output is equal to its
            reference.
    """

    runner: str
    runtime: str
    cases: int
    max_error: float
    needed_relative: float
    cosine: float
    snr_db: float | None


@dataclass(frozen=True, slots=True)
class Artifact:
    """A verified file with its contract.

    Attributes:
        id: "format/precision".
        format: The backend that made it.
        precision: A name of `edgepack.precision.PRECISIONS`.
        file: Where it is.
        inputs: By position in the file.
        outputs: By position in the file.
        requires: What a runtime must offer, for example {"bytecode": "8"} or {"tflite": "2.14"}.
        route: The way it was made.
        operators: Sorted names of the operators it uses.
        places: Operator to where in the model it is used first, as far as that is known.
        counts: Operator to how often it is used, where that can be told.
        verified: One entry per runner and runtime.
        tolerance: What the judge allowed; None for the precision's own tolerance.
        answers: How often its top answer was right when it was built; None where that could not be told.
        kept_float: Layers that were left in float although the precision has integers for them.
    """

    id: str
    format: str
    precision: str
    file: FileRef
    inputs: tuple[TensorContract, ...]
    outputs: tuple[TensorContract, ...]
    requires: Mapping[str, str]
    route: str
    operators: tuple[str, ...] = ()
    places: Mapping[str, str] = field(default_factory=dict)
    counts: Mapping[str, int] = field(default_factory=dict)
    verified: tuple[Verified, ...] = ()
    tolerance: Tolerance | None = None
    answers: Answers | None = None
    kept_float: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class GoldenCase:
    """One set of inputs and the source model's outputs.

    Attributes:
        inputs: Raw little-endian files in the source's layout, by name.
        outputs: Likewise.
        raw: PNG pictures that the preprocessing contract turns into the inputs of these names.
    """

    inputs: Mapping[str, FileRef]
    outputs: Mapping[str, FileRef]
    raw: Mapping[str, FileRef] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Gap:
    """An artifact that the target asks for and the bundle does not hold.

    Attributes:
        id: "format/precision".
        reason: Why, in one sentence.
        by_nature: True when the source cannot have it (.ptl from plain ONNX), False when it should have
            worked.
    """

    id: str
    reason: str
    by_nature: bool


@dataclass(frozen=True, slots=True)
class Manifest:
    """Everything that apps and other tools rely on; see docs/bundle.md for the JSON form.

    Attributes:
        name: The bundle's name, also the stem of its files.
        target: The target it was built for.
        model: The source's view of inputs and outputs.
        artifacts: In the order of the target.
        golden: In order.
        processing: What turns pictures into inputs and outputs into answers.
        tools: Package name to version, of all that had a hand in it.
        source: What it was made from: "kind", "text" as the user typed it, "digest".
        gaps: What is missing, and why.
        build_key: Digest of all that decides the bundle's content, where that can be told from files alone.
    """

    name: str
    target: str
    model: ModelSpec
    artifacts: tuple[Artifact, ...]
    golden: tuple[GoldenCase, ...]
    tools: Mapping[str, str]
    source: Mapping[str, str]
    gaps: tuple[Gap, ...] = ()
    processing: Processing = field(default_factory=Processing)
    build_key: str = ""
    schema: str = field(default=SCHEMA)
