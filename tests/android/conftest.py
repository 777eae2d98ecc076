"""A small bundle of random bytes, for whatever only copies, compares and lists."""

from dataclasses import replace

import pytest
from bundle_parts import Parts, make_parts

from edgepack.files import sha256_of


@pytest.fixture
def parts(tmp_path) -> Parts:
    """The parts of one bundle."""
    return make_parts(tmp_path / "workspace")


@pytest.fixture
def bundle(parts, tmp_path):
    """A bundle on disk, with a report."""
    return parts.write(tmp_path / "dist" / "tiny", reports={"report.json": "{}", "report.html": "<p>"})


@pytest.fixture
def rebuilt(bundle, tmp_path):
    """The same bundle built again: one artifact has changed, the golden case has not."""
    parts = make_parts(tmp_path / "other-workspace")
    source = parts.files["artifacts/tiny.tflite"]
    source.write_bytes(bytes(reversed(source.read_bytes())))
    artifacts = tuple(
        replace(one, file=replace(one.file, sha256=sha256_of(source))) if one.format == "tflite" else one
        for one in parts.manifest.artifacts
    )
    again = replace(parts, manifest=replace(parts.manifest, artifacts=artifacts))
    return again.write(tmp_path / "again" / "tiny")


@pytest.fixture
def main(tmp_path):
    """The folder that holds an app's AndroidManifest.xml."""
    folder = tmp_path / "MyApp" / "app" / "src" / "main"
    folder.mkdir(parents=True)
    return folder
