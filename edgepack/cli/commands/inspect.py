"""Show what a bundle or an ONNX model holds.

Of a BUNDLE, a folder or a .zip: the model's inputs and outputs, the artifacts with their tensors and what
they require, and what is missing. Only the manifest is checked; `edgepack verify` checks the files.

With --against, each artifact's operators are compared with what a runtime has, in milliseconds: a quick no
with the reason, where `edgepack verify --runner arm64` proves. The exit code is 1 when something is lacking.

Of a MODEL.onnx: opset, inputs, outputs and operators. With --plan, what the TFLite backend would do with each
node, without converting it: native is what its converter takes, rewritten is said in other operators by the
passes named, refused has no form that computes the same. The exit code is 4 when something is refused.

\b
  edgepack inspect dist/digits --against org.pytorch:pytorch_android_lite:1.12.2
  edgepack inspect model.onnx --plan --input image:float32[1,3,224,224] --bind axes=[0,2]
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from edgepack.cli.columns import columns
from edgepack.cli.command import Outcome, define
from edgepack.cli.phrases import counted, with_hint
from edgepack.errors import ConversionError, UsageError, VerificationFailed

if TYPE_CHECKING:
    from edgepack.bundle.manifest import Artifact, Manifest, TensorContract
    from edgepack.runners.static_gate import Objection


@define(__doc__)
@click.argument("path", metavar="BUNDLE|MODEL.onnx", type=click.Path(path_type=Path))
@click.option("--against", multiple=True, metavar="RUNTIME", help="Compare with this runtime. Repeatable.")
@click.option("--plan", is_flag=True, help="Say what would become of each node of an ONNX model.")
@click.option(
    "--input", "inputs", multiple=True, metavar="NAME:DTYPE[SHAPE]", help="For --plan, as for edgepack build."
)
@click.option("--bind", multiple=True, metavar="NAME=VALUE", help="For --plan, as for edgepack build.")
def command(
    path: Path, against: tuple[str, ...], inputs: tuple[str, ...], bind: tuple[str, ...], *, plan: bool
) -> Outcome:
    """Show a manifest, what runtimes lack for it, or a model."""
    from edgepack.bundle import open_bundle, to_json

    if path.suffix.lower() == ".onnx":
        if against:
            raise UsageError("--against compares a bundle, and this is a model", hint="build it first")
        return _show_model(path, inputs, bind, plan=plan)
    if plan or inputs or bind:
        raise UsageError(f"--plan is for ONNX models, and {path} is none", hint="give a file ending in .onnx")

    with open_bundle(path) as opened:
        manifest = opened.manifest
    if against:
        return _compare(manifest, against)
    return Outcome(to_json(manifest), lambda: "\n\n".join(_sections(manifest)))


def _show_model(path: Path, inputs: tuple[str, ...], bind: tuple[str, ...], *, plan: bool) -> Outcome:
    from edgepack.cli.model_view import model_document, model_text
    from edgepack.input_syntax import parse_binding, parse_input
    from edgepack.inspection import inspect_onnx
    from edgepack.sources.base import SourceRequest

    if (inputs or bind) and not plan:
        raise UsageError("--input and --bind settle what --plan looks at", hint="add --plan")
    given = tuple(map(parse_input, inputs))
    request = SourceRequest(str(path), given, bind=tuple(map(parse_binding, bind)))
    found = inspect_onnx(request, plan=plan)
    refused = found.plan is not None and not found.plan.feasible
    code = ConversionError.exit_code if refused else 0
    return Outcome(model_document(found), lambda: model_text(path.name, found), code)


def _compare(manifest: Manifest, against: tuple[str, ...]) -> Outcome:
    from dataclasses import asdict

    from edgepack.runners.runtimes import find_release
    from edgepack.runners.static_gate import check_statically

    pairs = [
        (artifact, release)
        for release in map(find_release, against)
        for artifact in manifest.artifacts
        if artifact.format == release.format
    ]
    rows: list[tuple[str, str, str]] = []
    objections: list[Objection] = []
    for artifact, release in pairs:
        found = check_statically(artifact.id, artifact, release.id)
        objections += found
        rows += [(artifact.id, release.title, with_hint(one.reason, one.hint)) for one in found]
        if not found:
            rows.append((artifact.id, release.title, "nothing is lacking"))
    document = {"compared": len(pairs), "objections": [asdict(one) for one in objections]}
    code = VerificationFailed.exit_code if objections else 0
    return Outcome(document, lambda: columns(rows) if rows else "no artifact of their formats", code)


def _sections(manifest: Manifest) -> Iterator[str]:
    from edgepack.processing.text import to_text

    source = manifest.source.get("text", "unknown")
    bound = [("bound", one)] if (one := manifest.source.get("bound")) else []
    tensors = [("input", str(spec)) for spec in manifest.model.inputs]
    tensors += [("output", str(spec)) for spec in manifest.model.outputs]
    about = [
        ("target", manifest.target),
        ("source", source),
        *bound,
        ("golden cases", str(len(manifest.golden))),
    ]
    contracts = [
        ("preprocess", f"{one.input}: {to_text(one.steps)}") for one in manifest.processing.preprocess
    ]
    contracts += [
        ("postprocess", f"{one.output}: {to_text(one.steps)}") for one in manifest.processing.postprocess
    ]
    yield f"{manifest.name}\n{columns(about + tensors + contracts, indent='  ')}"
    for artifact in manifest.artifacts:
        yield f"{artifact.id}\n{columns(_facts(artifact), indent='  ')}"
    if manifest.gaps:
        yield f"not in this bundle\n{columns([(gap.id, gap.reason) for gap in manifest.gaps], indent='  ')}"


def _facts(artifact: Artifact) -> list[tuple[str, str]]:
    from rich.filesize import decimal

    return [
        ("file", f"{artifact.file.path}, {decimal(artifact.file.bytes)}"),
        ("requires", ", ".join(f"{name} {least}" for name, least in artifact.requires.items()) or "-"),
        ("made by", artifact.route),
        ("operators", _operators(artifact)),
        *(("input", _tensor(one)) for one in artifact.inputs),
        *(("output", _tensor(one)) for one in artifact.outputs),
        *(
            ("verified", f"{one.runner}, {one.runtime}: {one.cases} cases, largest error {one.max_error:.3g}")
            for one in artifact.verified
        ),
    ]


def _operators(artifact: Artifact) -> str:
    kinds = counted(len(artifact.operators), "kind")
    return f"{sum(artifact.counts.values())}, of {kinds}" if artifact.counts else kinds


def _tensor(contract: TensorContract) -> str:
    shape = ",".join(map(str, contract.shape))
    moved = contract.axes != tuple(range(len(contract.axes)))
    axes = f", axes {','.join(map(str, contract.axes))} of the model's" if moved else ""
    return f"{contract.index}: {contract.name}:{contract.dtype}[{shape}]{axes}"
