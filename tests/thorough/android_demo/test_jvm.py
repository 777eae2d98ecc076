"""scripts/android test, for real: it finds what is wrong, and leaves behind what it saw."""

import hashlib
import json
import shutil

import numpy as np
import pytest

import edgepack

from .conftest import ROOT, SAMPLE

DIGIT_SCREEN = ROOT / "android_demo/jvm_tests/java/dev/edgepack/demo/DigitScreenTest.java"


@pytest.fixture(scope="module")
def wrong_digits(tmp_path_factory):
    """A bundle with a golden output that no artifact gives, and an accuracy that one of them has not."""
    folder = tmp_path_factory.mktemp("wrong") / "digits"
    edgepack.build(
        f"{SAMPLE / 'model.py'}:digits",
        output=folder,
        calibration=str(SAMPLE / "calibration.npz"),
        labels=str(SAMPLE / "test_data.npz"),
    )
    output = folder / "golden" / "1" / "outputs" / "output.bin"
    (np.fromfile(output, np.float32) + np.float32(5)).tofile(output)
    path = folder / "manifest.json"
    manifest = json.loads(path.read_text())
    manifest["golden"][1]["outputs"]["output"]["sha256"] = hashlib.sha256(output.read_bytes()).hexdigest()
    manifest["artifacts"][0]["answers"]["accuracy"] = 0.5
    path.write_text(json.dumps(manifest))
    return folder


@pytest.mark.timeout(600)
def test_wrong_outputs_and_wrong_answers_are_found(android, wrong_digits, tmp_path):
    done = android("test", "--bundle", wrong_digits, "--output", tmp_path)
    assert done.returncode == 1
    assert "the app's JVM tests failed" in done.stderr
    assert "everyFileOfTheEmbeddedBundlePasses" in done.stdout
    assert "expected:<[E]very file computes w...> but was:<[Not e]very file computes w...>" in done.stdout
    assert "torch_lite/float32 expected:<0.5> but was:<0.99" in done.stdout
    # What does not depend on either holds.
    passed = [line for line in done.stdout.splitlines() if " … " in line and "FAILED" not in line]
    written = DIGIT_SCREEN.read_text(encoding="utf-8").count("@Test\n")
    assert len([line for line in passed if line.startswith("DigitScreenTest")]) == written > 0
    assert (tmp_path / "screens" / "digit.png").stat().st_size > 10_000
    assert json.loads((tmp_path / "reports" / "sequence.json").read_text())["passed"] is True
    assert not list(tmp_path.glob("work-*"))


@pytest.mark.parametrize("program", ["g++", "javac"])
def test_a_missing_program_is_named(android, wrong_digits, tmp_path, program):
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in {"java", "javac", "aapt2", "zipalign", "g++", "mvn"} - {program}:
        (folder / name).symlink_to(shutil.which(name))
    done = android("test", "--bundle", wrong_digits, "--output", tmp_path / "out", PATH=str(folder))
    assert done.returncode == 5
    assert f"{program} is not installed" in done.stderr
