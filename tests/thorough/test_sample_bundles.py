"""Every backend on every sample model in every precision: a verified bundle that stands on its own."""

import pytest
from sample_index import FOLDER, SAMPLES

from edgepack.config import build_options
from edgepack.pipeline import build
from edgepack.precision import PRECISIONS
from edgepack.targets import find_target
from edgepack.verification import verify

# What each precision must reach on the seeded MobileNetV2, whose rounding errors add up over 53 layers.
COSINES = {"float16": 0.9999, "dynamic": 0.999, "int8": 0.999, "int16x8": 0.999}


def build_all(sample, output, **settings):
    wanted = {"calibration": "golden", "precisions": list(PRECISIONS)}
    settings = {**wanted, **settings, "output": str(output), "cache": False}
    return build(build_options(str(FOLDER / sample["source"]), {"name": sample["name"], **settings}))


@pytest.mark.parametrize("sample", SAMPLES, ids=[sample["name"] for sample in SAMPLES])
def test_sample_builds_into_a_verified_bundle(sample, tmp_path):
    result = build_all(sample, tmp_path / "bundle")
    wanted = find_target("android").formats
    artifacts = {artifact.id: artifact for artifact in result.bundle.manifest.artifacts}
    assert list(artifacts) == [
        f"{name}/{precision}" for name in wanted if name in sample["formats"] for precision in wanted[name]
    ]
    assert {gap.id.partition("/")[0] for gap in result.bundle.manifest.gaps} == set(wanted) - set(
        sample["formats"]
    )
    assert all(gap.by_nature for gap in result.bundle.manifest.gaps)
    outputs = [str(spec) for spec in result.bundle.manifest.model.outputs]
    for stated, got in zip(sample["outputs"], outputs, strict=True):
        assert got == stated if ":" in stated else got.endswith(f":{stated}")
    report = verify(tmp_path / "bundle")
    assert report.passed
    assert len(report.results) == len(artifacts)
    if sample["name"] == "mobilenet_v2":
        reached = {name: artifacts[f"tflite/{name}"].verified[0].cosine for name in COSINES}
        assert all(reached[name] >= least for name, least in COSINES.items()), reached


def test_digits_keep_their_accuracy_in_every_precision(tmp_path):
    digits = next(sample for sample in SAMPLES if sample["name"] == "digits")
    result = build_all(
        digits,
        tmp_path / "bundle",
        calibration=FOLDER / "digits" / "calibration.npz",
        labels=FOLDER / "digits" / "test_data.npz",
        max_accuracy_drop=1.0,
        min_agreement=98,
    )
    assert {one.artifact_id for one in result.report.results} >= {
        "torch_lite/int8",
        "tflite/int8",
        "tflite/int16x8",
    }
    for one in result.report.results:
        assert one.answers.samples > 300
        assert one.answers.reference > 0.97
        assert one.answers.change >= -1.0
