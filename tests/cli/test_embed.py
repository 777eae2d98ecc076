"""`edgepack embed`: what it prints, and its exit codes."""

import json
import subprocess
import sys

import pytest
from bundle_parts import make_parts


@pytest.fixture
def app(tmp_path):
    """A folder with the bundle dist/tiny and an app's source set."""
    make_parts(tmp_path / "workspace").write(tmp_path / "dist" / "tiny")
    (tmp_path / "app" / "src" / "main").mkdir(parents=True)
    return tmp_path


def test_embedding_says_what_it_did_and_what_the_app_needs(edgepack, app):
    command = ["embed", "dist/tiny", "--into", "app/src/main"]
    first = edgepack(*command)
    assert first.returncode == 0, first.stderr
    lines = first.stdout.splitlines()
    assert lines[0].startswith("app/src/main/assets/edgepack/tiny: 2 artifacts, 1 golden case, ")
    assert lines[1:3] == ["  added  artifacts/tiny.ptl", "  added  artifacts/tiny.tflite"]
    assert "The app's build.gradle needs:" in lines
    assert "    implementation 'org.tensorflow:tensorflow-lite:2.16.1'" in lines
    again = edgepack(*command)
    assert again.stdout.startswith("unchanged: app/src/main/assets/edgepack/tiny: ")
    assert "added" not in again.stdout


def test_an_app_with_kotlin_build_files_gets_kotlin(edgepack, app):
    (app / "app" / "build.gradle.kts").touch()
    text = edgepack("embed", "dist/tiny", "--into", "app/src/main").stdout
    assert 'noCompress += listOf("ptl", "tflite")' in text


def test_checking_names_each_difference(edgepack, app):
    command = ["embed", "dist/tiny", "--into", "app/src/main", "--check"]
    assert edgepack(*command).returncode == 1
    edgepack(*command[:-1])
    current = edgepack(*command)
    assert (current.returncode, current.stdout) == (0, "app/src/main/assets/edgepack/tiny is current\n")
    folder = app / "app" / "src" / "main" / "assets" / "edgepack" / "tiny"
    (folder / "golden" / "0" / "image.bin").unlink()
    (folder / "artifacts" / "tiny.ptl").write_bytes(b"x" * 3000)
    (folder / "notes.txt").touch()
    stale = edgepack(*command)
    assert stale.returncode == 1
    assert stale.stdout.splitlines()[1:] == [
        "  missing  golden/0/image.bin",
        "  stale    artifacts/tiny.ptl",
        "  extra    notes.txt",
    ]


def test_json(edgepack, app):
    command = ["embed", "dist/tiny", "--into", "app/src/main", "--json", "--artifact", "tflite/float32"]
    document = json.loads(edgepack(*command).stdout)
    assert document["folder"] == "app/src/main/assets/edgepack/tiny"
    assert (document["artifacts"], document["golden_cases"]) == (["tflite/float32"], 1)
    assert document["differences"]["missing"][0] == "artifacts/tiny.tflite"
    assert document["gradle"] == {
        "no_compress": ["tflite"],
        "dependencies": ["org.tensorflow:tensorflow-lite:2.16.1"],
    }
    assert json.loads(edgepack(*command, "--check").stdout)["current"] is True


def test_bad_input_has_a_code_and_a_hint(edgepack, app):
    done = edgepack("embed", "dist/tiny", "--into", "app/src/mein")
    assert done.returncode == 2
    assert "there is no folder app/src/mein" in done.stderr
    assert "AndroidManifest.xml" in done.stderr
    assert edgepack("embed", "dist/absent", "--into", "app/src/main").returncode == 6
    assert edgepack("embed", "dist/tiny").returncode == 2


def test_verifying_without_golden_cases_is_refused(edgepack, app):
    edgepack("embed", "dist/tiny", "--into", "app/src/main", "--no-golden")
    done = edgepack("verify", "app/src/main/assets/edgepack/tiny")
    assert done.returncode == 2
    assert "bundle tiny holds no golden cases" in done.stderr
    assert "--no-golden" in done.stderr


def test_embedding_imports_nothing_that_computes(app):
    code = (
        "import sys; from edgepack.cli.app import run\n"
        "code = run(['embed', 'dist/tiny', '--into', 'app/src/main'])\n"
        "heavy = {'numpy', 'torch', 'tensorflow', 'onnx', 'psutil'} & set(sys.modules)\n"
        "print(code, sorted(heavy), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=app, capture_output=True, text=True, check=True)
    assert done.stderr.splitlines()[-1] == "0 []"
