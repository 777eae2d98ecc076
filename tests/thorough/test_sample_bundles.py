"""Every backend on every sample model: a verified bundle that stands on its own."""

import tomllib
from pathlib import Path

import pytest

from edgepack.config import build_options
from edgepack.pipeline import build
from edgepack.targets import find_target
from edgepack.verification import verify

ROOT = Path(__file__).parents[2] / "sample_models"
SAMPLES = tomllib.loads((ROOT / "index.toml").read_text())["model"]


@pytest.mark.parametrize("sample", SAMPLES, ids=[sample["name"] for sample in SAMPLES])
def test_sample_builds_into_a_verified_bundle(sample, tmp_path):
    settings = {"output": str(tmp_path / "bundle"), "name": sample["name"], "cache": False}
    result = build(build_options(str(ROOT / sample["source"]), settings))
    wanted = find_target("android").formats
    assert [artifact.id for artifact in result.bundle.manifest.artifacts] == [
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
    assert len(report.results) == len(result.bundle.manifest.artifacts)
