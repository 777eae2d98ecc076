"""What README.md and docs/ show is what happens."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from shown_commands import blocks, check

from edgepack.config import build_options
from edgepack.pipeline import build

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """Where the commands run, in the README's order: as in a clone, but writing elsewhere."""
    folder = tmp_path_factory.mktemp("readme")
    (folder / "sample_models").symlink_to(ROOT / "sample_models")
    return folder


def test_commands_print_what_is_shown(folder):
    assert check(README, folder) >= 6


def test_python_example_runs(folder):
    (code,) = blocks("python", README)
    subprocess.run([sys.executable, "-P", "-c", code], cwd=folder, check=True)


def test_the_artifact_that_the_bundle_document_shows_is_that_of_the_sample(tmp_path):
    (text,) = blocks("json", (ROOT / "docs" / "bundle.md").read_text())
    shown = json.loads(text)
    settings = {"output": str(tmp_path / "digits"), "formats": ["tflite"], "precisions": ["float32"]}
    build(build_options(f"{ROOT}/sample_models/digits/model.py:digits", settings))
    manifest = json.loads((tmp_path / "digits" / "manifest.json").read_text())
    (artifact,) = manifest["artifacts"]
    assert artifact.keys() >= shown.keys()
    assert artifact["verified"][0].keys() >= shown["verified"][0].keys() - {"…"}
    for key in ("id", "path", "inputs", "outputs", "requires", "route"):
        assert artifact[key] == shown[key]


def test_links_lead_somewhere():
    for document in (ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").glob("*.md")):
        for link in re.findall(r"\]\(([^)#]+)", document.read_text()):
            if "://" not in link:
                assert (document.parent / link).exists(), f"{document.name} links to {link}"


def test_scripts_that_the_documents_name_can_be_run():
    text = README + (ROOT / "CONTRIBUTING.md").read_text()
    names = set(re.findall(r"scripts/(\w+)", text))
    assert {"demo", "test", "setup"} <= names
    assert all(os.access(ROOT / "scripts" / name, os.X_OK) for name in names)


def test_contributors_are_told_what_each_script_is_for():
    section = (ROOT / "CONTRIBUTING.md").read_text().partition("## Scripts")[2].partition("\n## ")[0]
    told = set(re.findall(r"^\| `([\w.-]+)` \|", section, re.MULTILINE))
    assert told == {path.name for path in (ROOT / "scripts").iterdir() if path.is_file()}
