"""The wheel holds what it should, and its base install does what the README promises of it."""

import json
import subprocess
import sys
import venv
import zipfile
from collections.abc import Iterator
from importlib.metadata import Distribution, distribution
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from edgepack.targets import TARGETS
from edgepack.toolchain.packages import EXTRAS

ROOT = Path(__file__).parents[2]
DIGITS = "sample_models/digits/model.py:digits"
ONNX = "sample_models/from_onnx/model.onnx"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "build", "--no-isolation", "--wheel", "--outdir", str(folder), str(ROOT)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    (path,) = folder.glob("*.whl")
    return path


@pytest.fixture(scope="module")
def base_python(wheel, tmp_path_factory) -> Path:
    """Python of an environment with the wheel and what its base asks for, and nothing else at all."""
    folder = tmp_path_factory.mktemp("base")
    venv.create(folder, with_pip=False, symlinks=True)
    python = folder / "bin" / "python"
    subprocess.run(
        [
            sys.executable,
            "-m",
            "pip",
            "--python",
            str(python),
            "install",
            "--no-index",
            "--no-deps",
            str(wheel),
        ],
        check=True,
        stdout=subprocess.DEVNULL,
    )
    (packages,) = folder.glob("lib/python3.*/site-packages")
    for dependency in required("edgepack", set()):
        for name in top_level_names(dependency):
            target = packages / name
            if not target.exists():
                target.symlink_to(dependency.locate_file(name))
    return python


@pytest.fixture(scope="module")
def bundle(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("built") / "digits"
    edgepack(Path(sys.executable), "build", DIGITS, "--target", "android", "-o", str(path), code=0)
    return path


def required(name: str, seen: set[str]) -> Iterator[Distribution]:
    """All that a package asks for without its extras, and what those ask for in turn."""
    for text in distribution(name).requires or ():
        requirement = Requirement(text)
        key = canonicalize_name(requirement.name)
        if key not in seen and (requirement.marker is None or requirement.marker.evaluate({"extra": ""})):
            seen.add(key)
            yield distribution(key)
            yield from required(key, seen)


def top_level_names(package: Distribution) -> set[str]:
    names = {file.parts[0] for file in package.files or ()}
    return {name for name in names if name not in ("..", "__pycache__")}


def edgepack(python: Path, *arguments: str, code: int) -> subprocess.CompletedProcess[str]:
    script = python.with_name("edgepack")
    result = subprocess.run([str(script), *arguments], cwd=ROOT, capture_output=True, text=True, check=False)
    assert result.returncode == code, result.stdout + result.stderr
    return result


def evaluate(python: Path, code: str) -> str:
    # -P: the wheel has to do, not the sources in the current folder.
    return subprocess.check_output([str(python), "-P", "-c", code], text=True)


def test_wheel_holds_the_package_and_nothing_else(wheel):
    on_disk = {
        str(path.relative_to(ROOT))
        for path in (ROOT / "edgepack").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    names = set(zipfile.ZipFile(wheel).namelist())
    metadata = {name for name in names if ".dist-info/" in name}
    assert names - metadata == on_disk
    assert "edgepack/py.typed" in names
    assert any(name.startswith("edgepack/bundle/schema/") and name.endswith(".json") for name in names)
    assert any(name.endswith("licenses/LICENSE") for name in metadata)


def test_the_base_environment_has_nothing_heavy(base_python):
    code = "import importlib.util as u; print([n for n in ('torch', 'tensorflow', 'onnx') if u.find_spec(n)])"
    assert evaluate(base_python, code) == "[]\n"


def test_base_shows_targets(base_python):
    targets = json.loads(edgepack(base_python, "targets", "--json", code=0).stdout)
    assert [target["name"] for target in targets["targets"]] == list(TARGETS)


def test_base_inspects_a_bundle(base_python, bundle):
    text = edgepack(base_python, "inspect", str(bundle), code=0).stdout
    assert "torch_lite/float32" in text
    assert "tflite/float32" in text


def test_base_opens_a_bundle_from_python(base_python, bundle):
    code = (
        f"import edgepack, pathlib; print(edgepack.open_bundle(pathlib.Path({str(bundle)!r})).manifest.name)"
    )
    assert evaluate(base_python, code) == "digits\n"


def test_base_embeds_a_bundle(base_python, bundle, tmp_path):
    edgepack(base_python, "embed", str(bundle), "--into", str(tmp_path), code=0)
    embedded = tmp_path / "assets" / "edgepack" / "digits"
    assert (embedded / "manifest.json").read_bytes() == (bundle / "manifest.json").read_bytes()
    edgepack(base_python, "embed", str(bundle), "--into", str(tmp_path), "--check", code=0)


def test_base_checks_an_app(base_python, bundle, tmp_path):
    releases = ("org.pytorch:pytorch_android_lite:1.12.2", "org.tensorflow:tensorflow-lite:2.16.1")
    named = [word for release in releases for word in ("--runtime", release)]
    result = edgepack(base_python, "android", "check", str(tmp_path), "--bundle", str(bundle), *named, code=0)
    assert "with digits: passed" in result.stdout


@pytest.mark.parametrize(("source", "extra"), [(DIGITS, "torch"), (ONNX, "tflite")])
def test_base_names_the_extra_that_building_needs(base_python, tmp_path, source, extra):
    output = tmp_path / "bundle"
    result = edgepack(base_python, "build", source, "--target", "android", "-o", str(output), code=5)
    assert f"pip install 'edgepack[{extra}]'" in result.stderr
    assert list(tmp_path.iterdir()) == []


def test_base_names_the_extra_that_verifying_needs(base_python, bundle):
    result = edgepack(base_python, "verify", str(bundle), code=5)
    assert "pip install 'edgepack[" in result.stderr


def test_base_doctor_says_what_is_missing(base_python):
    text = edgepack(base_python, "doctor", code=0).stdout
    lines = text.splitlines()
    assert "edgepack, to inspect bundles, embed them into apps: complete" in lines
    for extra, purpose in EXTRAS.items():
        if extra:
            state = f"incomplete, complete it by: pip install 'edgepack[{extra}]'"
            assert f"edgepack[{extra}], to {purpose}: {state}" in lines
