"""What a small bundle is made from: random bytes, and a manifest that fits them."""

from __future__ import annotations

import random
from dataclasses import dataclass, replace
from pathlib import Path

from edgepack.bundle import file_ref, write_bundle
from edgepack.bundle.manifest import Artifact, Gap, GoldenCase, Manifest, TensorContract, Verified
from edgepack.model import ModelSpec, TensorSpec
from edgepack.precision import Gates, tolerance_for
from edgepack.verdict import Answers

MODEL = ModelSpec(
    inputs=(TensorSpec("image", "float32", (1, 3, 4, 4)),),
    outputs=(TensorSpec("logits", "float32", (1, 10)),),
)


@dataclass(frozen=True)
class Parts:
    """What `write_bundle` takes."""

    manifest: Manifest
    files: dict[str, Path]

    def write(self, output: Path, **options) -> Path:
        return write_bundle(output, self.manifest, self.files, **options)


def _artifact(kind: str, file, contracts) -> Artifact:
    return Artifact(
        id=f"{kind}/float32",
        format=kind,
        precision="float32",
        file=file,
        inputs=contracts[0],
        outputs=contracts[1],
        requires={"bytecode": "8"},
        route="trace",
        operators=("aten::add", "aten::relu"),
        places={"aten::add": "body.0, net.py:12"},
        verified=(Verified("host", "a runtime 1.0", 1, 1.5e-6, 3.25e-7, 0.9999999, 118.5),),
    )


def make_parts(folder: Path, seed: int = 0) -> Parts:
    """Draw the files of a bundle with two artifacts and one golden case."""
    draw = random.Random(seed)
    folder.mkdir(parents=True)
    sizes = {
        "artifacts/tiny.ptl": 3000,
        "artifacts/tiny.tflite": 2000,
        "golden/0/image.bin": 4 * 48,
        "golden/0/logits.bin": 4 * 10,
    }
    files = {}
    for path, size in sizes.items():
        files[path] = folder / path.replace("/", "-")
        files[path].write_bytes(draw.randbytes(size))
    refs = {path: file_ref(source, path) for path, source in files.items()}
    plain = (
        (TensorContract("image", 0, "float32", (1, 3, 4, 4), (0, 1, 2, 3)),),
        (TensorContract("logits", 0, "float32", (1, 10), (0, 1)),),
    )
    quantised = (
        (TensorContract("image", 0, "int8", (1, 4, 4, 3), (0, 2, 3, 1), (0.0627,), (-128,)),),
        (TensorContract("logits", 0, "float32", (1, 10), (0, 1)),),
    )
    manifest = Manifest(
        name="tiny",
        target="android",
        model=MODEL,
        artifacts=(
            _artifact("torch_lite", refs["artifacts/tiny.ptl"], plain),
            replace(
                _artifact("tflite", refs["artifacts/tiny.tflite"], quantised),
                tolerance=tolerance_for("int8", Gates(min_snr=12.5, min_agreement=0.95)),
                answers=Answers(labelled=True, samples=8, agreement=1.0, accuracy=0.875, reference=0.875),
                kept_float=("/conv/first",),
            ),
        ),
        golden=(GoldenCase({"image": refs["golden/0/image.bin"]}, {"logits": refs["golden/0/logits.bin"]}),),
        tools={"torch": "2.9.1", "edgepack": "0.1.0"},
        source={"kind": "python", "text": "modèle.py:tiny", "digest": "0" * 64},
        gaps=(Gap("tflite/int8", "was not asked for", by_nature=True),),
        build_key="k",
    )
    return Parts(manifest, files)
