"""What a schema cannot say: whether the parts of a manifest agree with each other."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from math import isfinite

from edgepack.bundle.manifest import Artifact, FileRef, Manifest, TensorContract
from edgepack.errors import SourceError
from edgepack.model import TensorSpec
from edgepack.processing.binding import bind_postprocess, bind_preprocess

MANIFEST = "manifest.json"
REPORTS = ("report.json", "report.html")
"""Files of a bundle that its manifest does not list: itself, and what was made from the outcome."""

_ITEM_BYTES = {
    **dict.fromkeys(("bool", "int8", "uint8"), 1),
    **dict.fromkeys(("float16", "int16"), 2),
    **dict.fromkeys(("float32", "int32"), 4),
    **dict.fromkeys(("float64", "int64"), 8),
}


def listed_files(manifest: Manifest) -> Iterator[FileRef]:
    """Give every file that the manifest lists; one that two entries share comes twice."""
    for artifact in manifest.artifacts:
        yield artifact.file
    for case in manifest.golden:
        yield from case.inputs.values()
        yield from case.outputs.values()
        yield from case.raw.values()


def contradictions(manifest: Manifest) -> Iterator[str]:
    """Give what does not agree, one sentence each."""
    yield from _repeated("artifact", [artifact.id for artifact in manifest.artifacts])
    yield from _repeated("input", [spec.name for spec in manifest.model.inputs])
    yield from _repeated("output", [spec.name for spec in manifest.model.outputs])
    yield from _path_faults(manifest)
    for artifact in manifest.artifacts:
        yield from _artifact_faults(artifact, manifest)
    for index, case in enumerate(manifest.golden):
        yield from _case_faults(f"golden case {index} input", case.inputs, manifest.model.inputs)
        yield from _case_faults(f"golden case {index} output", case.outputs, manifest.model.outputs)
        for name in case.raw.keys() - {contract.input for contract in manifest.processing.preprocess}:
            yield f"golden case {index} holds a picture for {name!r}, and no preprocessing is for that"
    yield from _processing_faults(manifest)


def _repeated(kind: str, names: Sequence[str]) -> Iterator[str]:
    for name in dict.fromkeys(name for name in names if names.count(name) > 1):
        yield f"{kind} {name!r} is listed more than once"


def _path_faults(manifest: Manifest) -> Iterator[str]:
    seen: dict[str, FileRef] = {}
    for file in listed_files(manifest):
        if file.path in (MANIFEST, *REPORTS):
            yield f"path {file.path!r} is the bundle's own"
        if seen.setdefault(file.path, file) != file:
            yield f"path {file.path!r} is listed with two different contents"


def _artifact_faults(artifact: Artifact, manifest: Manifest) -> Iterator[str]:
    sides: tuple[tuple[str, tuple[TensorContract, ...], Iterable[TensorSpec]], ...] = (
        ("input", artifact.inputs, manifest.model.inputs),
        ("output", artifact.outputs, manifest.model.outputs),
    )
    for kind, contracts, specs in sides:
        yield from _repeated(f"{artifact.id}: {kind}", [contract.name for contract in contracts])
        yield from _repeated(f"{artifact.id}: {kind} index", [str(contract.index) for contract in contracts])
        known = {spec.name: spec for spec in specs}
        for contract in contracts:
            where = f"{artifact.id}: {kind} {contract.name!r}"
            yield from _contract_faults(where, contract, known.get(contract.name))
    for name in (spec.name for spec in manifest.model.outputs):
        if name not in {contract.name for contract in artifact.outputs}:
            yield f"{artifact.id}: the model's output {name!r} is missing"
    # A model may make no use of an input, but a file is fed all that it takes; of outputs it may have more.
    positions = sorted(contract.index for contract in artifact.inputs)
    if positions != list(range(len(positions))):
        yield f"{artifact.id}: input indices {positions} do not count from 0"
    for record in artifact.verified:
        if not all(map(isfinite, (record.max_error, record.needed_relative, record.cosine))):
            yield f"{artifact.id}: verified on {record.runner} with figures that are no numbers"


def _contract_faults(where: str, contract: TensorContract, spec: TensorSpec | None) -> Iterator[str]:
    if spec is None:
        yield f"{where} is not one of the model's"
    elif fault := _layout_fault(contract, spec):
        yield f"{where}: {fault}"
    if len(contract.scale) != len(contract.zero_point):
        yield f"{where}: {len(contract.scale)} scales but {len(contract.zero_point)} zero points"


def _layout_fault(contract: TensorContract, spec: TensorSpec) -> str:
    """Say how a file's tensor cannot hold the model's, or nothing; axes of size 1 may come and go."""
    axes, shape = list(contract.axes), list(contract.shape)
    if sorted(axes) != list(range(len(spec.shape))):
        return f"axes {axes} do not permute shape {list(spec.shape)}"
    if [spec.shape[axis] for axis in axes if spec.shape[axis] != 1] != [size for size in shape if size != 1]:
        return f"shape {shape} is not the model's {list(spec.shape)} by axes {axes}"
    return ""


def _processing_faults(manifest: Manifest) -> Iterator[str]:
    processing = manifest.processing
    try:
        before = bind_preprocess(processing.preprocess, manifest.model.inputs)
        after = bind_postprocess(processing.postprocess, manifest.model.outputs)
    except SourceError as error:
        yield error.message
        return
    if (before, after) != (processing.preprocess, processing.postprocess):
        yield "the preprocessing does not end in a layout"


def _case_faults(where: str, files: Mapping[str, FileRef], specs: Sequence[TensorSpec]) -> Iterator[str]:
    expected = {spec.name: spec.elements * _ITEM_BYTES[spec.dtype] for spec in specs}
    for name in [*files, *(name for name in expected if name not in files)]:
        if name not in expected:
            yield f"{where} {name!r} is not one of the model's"
        elif name not in files:
            yield f"{where} {name!r} is missing"
        elif files[name].bytes != expected[name]:
            yield f"{where} {name!r} has {files[name].bytes} bytes, its shape and dtype need {expected[name]}"
