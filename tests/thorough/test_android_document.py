"""What docs/android.md shows is what happens, on a phone that is none."""

import json
import os
import sys
from pathlib import Path

import pytest
from platformdirs import user_cache_path
from shown_commands import blocks, check

ROOT = Path(__file__).parents[2]
DOCUMENT = (ROOT / "docs" / "android.md").read_text()
ADB = ROOT / "tests" / "runners" / "fake_adb.py"
# Read before the tests' own settings hide it.
CACHE = os.environ.get("EDGEPACK_CACHE_DIR") or str(user_cache_path("edgepack"))


@pytest.fixture
def folder(tmp_path):
    """A clone with the app that the document describes."""
    (tmp_path / "sample_models").symlink_to(ROOT / "sample_models")
    (tmp_path / "MyApp" / "app" / "src" / "main").mkdir(parents=True)
    (tmp_path / "MyApp" / "gradle").mkdir()
    (tmp_path / "MyApp" / "settings.gradle").touch()
    for language in ("toml", "groovy"):
        (text,) = blocks(language, DOCUMENT)
        heading, _, content = text.partition("\n")
        (tmp_path / heading.strip("#/ ")).write_text(content)
    return tmp_path


@pytest.fixture
def phone(tmp_path):
    """The environment in which there is a phone on adb."""
    tools, root = tmp_path / "tools", tmp_path / "phone"
    (root / "data" / "user" / "0" / "dev.edgepack.demo").mkdir(parents=True)
    (root / "state.json").write_text(json.dumps({"devices": {"R58M": "device"}}))
    tools.mkdir()
    (tools / "adb").write_text(f'#!/bin/sh\nexec "{sys.executable}" "{ADB}" "$@"\n')
    (tools / "adb").chmod(0o755)
    return {"PATH": f"{tools}{os.pathsep}{os.environ['PATH']}", "FAKE_DEVICE": str(root)}


def test_commands_print_what_is_shown(folder, phone):
    assert check(DOCUMENT, folder, EDGEPACK_CACHE_DIR=CACHE, **phone) == 6
