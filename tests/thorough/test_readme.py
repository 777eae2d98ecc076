"""What README.md and docs/ show is what happens."""

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from edgepack.config import build_options
from edgepack.pipeline import build

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()
NUMBER = re.compile(r"\d+(\.\d+)*(e[-+]?\d+)?")


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """Where the commands run, in the README's order: as in a clone, but writing elsewhere."""
    folder = tmp_path_factory.mktemp("readme")
    (folder / "sample_models").symlink_to(ROOT / "sample_models")
    return folder


def blocks(language: str, text: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.DOTALL | re.MULTILINE)


def commands() -> list[tuple[str, list[str]]]:
    """Each command with the output shown for it."""
    found: list[tuple[str, list[str]]] = []
    for line in "".join(blocks("console", README)).splitlines():
        if line.startswith("$ "):
            found.append((line[2:], []))
        else:
            found[-1][1].append(line)
    return found


def shape(line: str) -> str:
    """A line without what differs between machines and runs: numbers, and the spaces that align them."""
    return " ".join(NUMBER.sub("0", line).replace("─", "").split())


def test_commands_print_what_is_shown(folder):
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    shown = commands()
    assert len(shown) >= 6
    for command, expected in shown:
        result = subprocess.run(
            shlex.split(command),
            cwd=folder,
            env={**os.environ, "PATH": path},
            capture_output=True,
            text=True,
            check=False,
        )
        assert result.returncode == 0, f"{command}\n{result.stderr}"
        got = iter([shape(line) for line in result.stdout.splitlines()])
        for line in (one for one in expected if one != "…"):
            wanted = shape(line.removesuffix("…"))
            # The rest of the iterator is searched, so the lines have to come in this order.
            assert any(wanted in one for one in got), f"{command}\ndoes not print: {line}\n{result.stdout}"


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
