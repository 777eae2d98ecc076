"""The manifest's JSON form: to and from the dataclasses, and its text."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from math import isfinite
from typing import Any

from edgepack.bundle.consistency import contradictions
from edgepack.bundle.manifest import (
    SCHEMA,
    Artifact,
    FileRef,
    Gap,
    GoldenCase,
    Manifest,
    TensorContract,
    Verified,
)
from edgepack.errors import BundleError, InternalError
from edgepack.json_schema import first_fault
from edgepack.model import ModelSpec, TensorSpec
from edgepack.precision import Tolerance
from edgepack.processing.document import from_json as processing_from_json
from edgepack.processing.document import to_json as processing_to_json
from edgepack.verdict import Answers

_FAMILY = SCHEMA.partition("/")[0]


def to_json(manifest: Manifest) -> dict[str, Any]:
    """Give the document that manifest.json holds, checked against the published schema.

    Keys stand in the order in which they are best read; mappings whose order means nothing are sorted.

    Raises:
        InternalError: The manifest breaks the schema or contradicts itself.
    """
    document = {
        "schema": manifest.schema,
        "name": manifest.name,
        "target": manifest.target,
        "model": {
            "inputs": [_tensor_out(spec) for spec in manifest.model.inputs],
            "outputs": [_tensor_out(spec) for spec in manifest.model.outputs],
        },
        "artifacts": [artifact_to_json(artifact) for artifact in manifest.artifacts],
        "golden": [
            {
                "inputs": _files_out(case.inputs),
                "outputs": _files_out(case.outputs),
                **({"raw": _files_out(case.raw)} if case.raw else {}),
            }
            for case in manifest.golden
        ],
        **processing_to_json(manifest.processing),
        "gaps": [{"id": gap.id, "reason": gap.reason, "by_nature": gap.by_nature} for gap in manifest.gaps],
        "tools": _sorted(manifest.tools),
        "source": _sorted(manifest.source),
        "build_key": manifest.build_key,
    }
    fault = schema_fault(document) or next(contradictions(manifest), "")
    if fault:
        raise InternalError(f"refusing to write the manifest of {manifest.name}: {fault}")
    return document


def from_json(document: object) -> Manifest:
    """Read a document of manifest.json, after checking it against the published schema.

    Raises:
        BundleError: It breaks the schema, is of a version that this edgepack does not read, or contradicts
            itself.
    """
    _check_version(document)
    fault = schema_fault(document)
    if fault:
        raise BundleError(f"manifest.json: {fault}", hint="build the bundle again")
    assert isinstance(document, Mapping)
    manifest = _manifest_in(document)
    for fault in contradictions(manifest):
        raise BundleError(f"manifest.json: {fault}", hint="build the bundle again")
    return manifest


def artifact_to_json(artifact: Artifact) -> dict[str, Any]:
    """Give one artifact's part of the document."""
    return {
        "id": artifact.id,
        "format": artifact.format,
        "precision": artifact.precision,
        **_file_out(artifact.file),
        "inputs": [_contract_out(contract) for contract in artifact.inputs],
        "outputs": [_contract_out(contract) for contract in artifact.outputs],
        "requires": _sorted(artifact.requires),
        "route": artifact.route,
        "operators": sorted(artifact.operators),
        **({"places": _sorted(artifact.places)} if artifact.places else {}),
        **({"counts": dict(sorted(artifact.counts.items()))} if artifact.counts else {}),
        "verified": [_verified_out(verified) for verified in artifact.verified],
        **({"allowed": asdict(artifact.tolerance)} if artifact.tolerance else {}),
        **({"answers": asdict(artifact.answers)} if artifact.answers else {}),
        **({"kept_float": list(artifact.kept_float)} if artifact.kept_float else {}),
    }


def artifact_from_json(document: Mapping[str, Any]) -> Artifact:
    """Read one artifact's part of a document that was checked, or that edgepack itself wrote.

    Raises:
        KeyError: A key is missing.
    """
    return Artifact(
        id=document["id"],
        format=document["format"],
        precision=document["precision"],
        file=_file_in(document),
        inputs=tuple(_contract_in(contract) for contract in document["inputs"]),
        outputs=tuple(_contract_in(contract) for contract in document["outputs"]),
        requires=dict(document["requires"]),
        route=document["route"],
        operators=tuple(document.get("operators", ())),
        places=dict(document.get("places", {})),
        counts={name: int(count) for name, count in document.get("counts", {}).items()},
        verified=tuple(_verified_in(verified) for verified in document["verified"]),
        tolerance=_read(Tolerance, document.get("allowed")),
        answers=_read(Answers, document.get("answers")),
        kept_float=tuple(document.get("kept_float", ())),
    )


def dumps(document: Mapping[str, Any]) -> str:
    """Give a JSON document as text: the same document gives the same bytes.

    Raises:
        ValueError: It holds NaN or an infinity, which JSON has no numbers for.
    """
    return json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def schema_fault(document: object) -> str:
    """Say what in a document breaks the published schema, or nothing."""
    return first_fault(document, "edgepack.bundle", "schema/bundle-1.json")


def _check_version(document: object) -> None:
    schema = document.get("schema") if isinstance(document, Mapping) else None
    if schema == SCHEMA:
        return
    if isinstance(schema, str) and schema.startswith(f"{_FAMILY}/"):
        from edgepack import __version__

        raise BundleError(
            f"manifest.json follows schema {schema!r}; edgepack {__version__} reads {SCHEMA!r} only",
            hint="install the edgepack release that made the bundle, or build it again with this one",
        )
    raise BundleError(
        f"manifest.json is not a bundle's: it names no {_FAMILY!r} schema",
        hint="give the folder or .zip that `edgepack build` wrote",
    )


def _read[Part](kind: type[Part], document: Mapping[str, Any] | None) -> Part | None:
    return None if document is None else kind(**document)


def _sorted(mapping: Mapping[str, str]) -> dict[str, str]:
    return dict(sorted(mapping.items()))


def _tensor_out(spec: TensorSpec) -> dict[str, Any]:
    return {"name": spec.name, "dtype": spec.dtype, "shape": list(spec.shape)}


def _file_out(file: FileRef) -> dict[str, Any]:
    return {"path": file.path, "sha256": file.sha256, "bytes": file.bytes}


def _files_out(files: Mapping[str, FileRef]) -> dict[str, Any]:
    return {name: _file_out(file) for name, file in sorted(files.items())}


def _contract_out(contract: TensorContract) -> dict[str, Any]:
    document = {
        "name": contract.name,
        "index": contract.index,
        "dtype": contract.dtype,
        "shape": list(contract.shape),
        "axes": list(contract.axes),
    }
    if contract.scale or contract.zero_point:
        document |= {"scale": list(contract.scale), "zero_point": list(contract.zero_point)}
    return document


def _verified_out(verified: Verified) -> dict[str, Any]:
    snr_db = verified.snr_db
    return {
        "runner": verified.runner,
        "runtime": verified.runtime,
        "cases": verified.cases,
        "max_error": verified.max_error,
        "needed_relative": verified.needed_relative,
        "cosine": verified.cosine,
        "snr_db": snr_db if snr_db is not None and isfinite(snr_db) else None,
    }


def _manifest_in(document: Mapping[str, Any]) -> Manifest:
    model = document["model"]
    return Manifest(
        name=document["name"],
        target=document.get("target", ""),
        model=ModelSpec(
            inputs=tuple(_tensor_in(spec) for spec in model["inputs"]),
            outputs=tuple(_tensor_in(spec) for spec in model["outputs"]),
        ),
        artifacts=tuple(artifact_from_json(artifact) for artifact in document["artifacts"]),
        golden=tuple(
            GoldenCase(_files_in(case["inputs"]), _files_in(case["outputs"]), _files_in(case.get("raw", {})))
            for case in document["golden"]
        ),
        tools=dict(document["tools"]),
        source=dict(document["source"]),
        gaps=tuple(Gap(gap["id"], gap["reason"], gap["by_nature"]) for gap in document.get("gaps", ())),
        processing=processing_from_json(document),
        build_key=document.get("build_key", ""),
    )


def _whole(numbers: list[float]) -> tuple[int, ...]:
    # JSON Schema calls 1.0 an integer too.
    return tuple(int(number) for number in numbers)


def _tensor_in(document: Mapping[str, Any]) -> TensorSpec:
    return TensorSpec(document["name"], document["dtype"], _whole(document["shape"]))


def _file_in(document: Mapping[str, Any]) -> FileRef:
    return FileRef(document["path"], document["sha256"], int(document["bytes"]))


def _files_in(document: Mapping[str, Any]) -> dict[str, FileRef]:
    return {name: _file_in(file) for name, file in document.items()}


def _contract_in(document: Mapping[str, Any]) -> TensorContract:
    return TensorContract(
        name=document["name"],
        index=int(document["index"]),
        dtype=document["dtype"],
        shape=_whole(document["shape"]),
        axes=_whole(document["axes"]),
        scale=tuple(float(scale) for scale in document.get("scale", ())),
        zero_point=_whole(document.get("zero_point", [])),
    )


def _verified_in(document: Mapping[str, Any]) -> Verified:
    return Verified(
        runner=document["runner"],
        runtime=document["runtime"],
        cases=int(document["cases"]),
        max_error=float(document["max_error"]),
        needed_relative=float(document["needed_relative"]),
        cosine=float(document["cosine"]),
        snr_db=None if document["snr_db"] is None else float(document["snr_db"]),
    )
