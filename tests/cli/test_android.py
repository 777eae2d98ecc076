"""`edgepack android check`: what it prints, and its exit codes."""

import json
import subprocess
import sys

import pytest
from bundle_parts import make_parts

from edgepack.android.modules import LARGE_PAGES

TFLITE = "org.tensorflow:tensorflow-lite:2.16.1"


@pytest.fixture
def app(tmp_path):
    """A folder with the bundle dist/tiny and the project MyApp, which pins one of two runtimes."""
    make_parts(tmp_path / "workspace").write(tmp_path / "dist" / "tiny")
    (tmp_path / "MyApp" / "app").mkdir(parents=True)
    (tmp_path / "MyApp" / "app" / "build.gradle").write_text(f"implementation '{TFLITE}'\n")
    return tmp_path


def test_the_text_says_what_loads_and_why_not(edgepack, app):
    done = edgepack("android", "check", "MyApp", "--bundle", "dist/tiny")
    assert done.returncode == 1
    lines = done.stdout.splitlines()
    assert lines[0] == "MyApp with tiny: FAILED, 0 of 2 load"
    assert lines[2].startswith(f"{TFLITE}  tflite  in app/build.gradle:1  3.4 MB for arm64-v8a, ")
    refusals = [line for line in lines if line.startswith(("torch_lite/", "tflite/"))]
    assert "NO: the app names no runtime for torch_lite (add the dependency org.pytorch:" in refusals[0]
    assert "NO: the runtime has no operator aten::add" in refusals[1]
    warnings = lines[lines.index("Warnings") + 1 : lines.index("Notes")]
    (small_pages,) = [line for line in warnings if line.startswith(f"  {TFLITE}: ")]
    assert small_pages.endswith(f" ({LARGE_PAGES['tflite']})")


def test_json(edgepack, app):
    done = edgepack("android", "check", "MyApp", "--bundle", "dist/tiny", "--json")
    document = json.loads(done.stdout)
    assert (document["passed"], document["bundle"], document["proof"]) == (False, "tiny", None)
    assert document["runtimes"][0]["release"] == TFLITE
    torch, tflite = document["artifacts"][0], document["artifacts"][-1]
    assert (torch["runtime"], torch["loads"]) == ("", False)
    assert tflite["objections"][0]["reason"].startswith("the runtime has no operator aten::add")
    assert {one["level"] for one in document["findings"]} == {"warning", "note"}


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["absent", "--bundle", "dist/tiny"], 2, "there is no app at absent"),
        (["MyApp"], 2, "Missing option '--bundle'"),
        (["dist", "--bundle", "dist/tiny"], 3, "dist has no Gradle files"),
        (["MyApp", "--bundle", "dist/absent"], 6, "there is no bundle at"),
        (["MyApp", "--bundle", "dist/tiny", "--runtime", "tflite"], 2, "unknown runtime 'tflite'"),
        (["MyApp", "--bundle", "dist/tiny", "--run"], 5, f"runtime {TFLITE} is not installed"),
    ],
)
def test_bad_input_has_a_code_and_a_hint(edgepack, app, arguments, code, message):
    done = edgepack("android", "check", *arguments, EDGEPACK_CACHE_DIR=str(app / "cache"))
    assert done.returncode == code, done.stdout + done.stderr
    assert message in done.stderr
    assert "Hint: " in done.stderr


def test_without_a_sub_command_the_help_is_shown(edgepack):
    done = edgepack("android")
    assert done.returncode == 0
    assert "check  Check whether an app can load and run a bundle." in done.stdout


def test_checking_imports_nothing_that_computes(app):
    code = (
        "import sys; from edgepack.cli.app import run\n"
        "run(['android', 'check', 'MyApp', '--bundle', 'dist/tiny', '--quiet'])\n"
        "print(sorted({'numpy', 'torch', 'tensorflow', 'onnx'} & set(sys.modules)), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=app, capture_output=True, text=True, check=True)
    assert done.stderr.splitlines()[-1] == "[]"
