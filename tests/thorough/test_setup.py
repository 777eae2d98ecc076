"""scripts/setup in a fresh clone: quick where the packages are there, each clone with its own edgepack."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from platformdirs import user_cache_path

ROOT = Path(__file__).parents[2]
# Read before the tests' own settings hide it.
CACHE = Path(os.environ.get("EDGEPACK_CACHE_DIR") or user_cache_path("edgepack"))
NEEDED = ("edgepack", "requirements", "scripts", "LICENSE", "README.md", "pyproject.toml")

pytestmark = pytest.mark.skipif(
    not (ROOT / ".venv" / "setup-key").exists(),
    reason="this environment was not made by scripts/setup, and these tests must not download one",
)


@pytest.fixture
def clone(tmp_path) -> Path:
    folder = tmp_path / "a clone"
    folder.mkdir()
    for name in NEEDED:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy2(source, folder / name)
    return folder


def set_up(clone: Path, **environment: str) -> str:
    result = subprocess.run(
        [str(clone / "scripts" / "setup")],
        cwd="/",
        # The runtimes are in the user's own cache, and nothing may be downloaded here.
        env={**os.environ, "EDGEPACK_CACHE_DIR": str(CACHE), **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    return result.stderr


def ask(clone: Path, *command: str) -> str:
    return subprocess.check_output(
        [str(clone / ".venv" / "bin" / command[0]), *command[1:]], text=True, cwd="/"
    )


def test_a_clone_sees_the_shared_packages_and_its_own_edgepack(clone):
    assert "installing" not in set_up(clone)
    code = "import edgepack, torch; print(edgepack.__file__); print(torch.__file__)"
    own, shared = ask(clone, "python", "-c", code).splitlines()
    assert Path(own) == clone / "edgepack" / "__init__.py"
    assert clone not in Path(shared).parents
    assert ask(clone, "edgepack", "--version").startswith("edgepack ")
    assert ask(clone, "ruff", "--version").startswith("ruff ")
    entry_points = "from edgepack.backends import backend_names; print(*backend_names())"
    assert "torch_lite" in ask(clone, "python", "-c", entry_points).split()


def test_the_second_run_does_nothing_and_what_is_damaged_is_made_again(clone):
    set_up(clone)
    assert set_up(clone) == ""
    (clone / ".venv" / "bin" / "edgepack").unlink()
    assert "making .venv" in set_up(clone)
    with (clone / "pyproject.toml").open("a") as file:
        file.write("# changed\n")
    assert "making .venv" in set_up(clone)
    assert set_up(clone) == ""


def test_a_python_that_cannot_run_is_passed_over(clone, tmp_path):
    shim = tmp_path / "shims" / "python3.12"
    shim.parent.mkdir()
    shim.write_text("#!/bin/sh\necho 'python3.12: command not found' >&2\nexit 127\n")
    shim.chmod(0o755)
    interpreter = ROOT / ".venv" / "bin" / "python"
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "python3").symlink_to(interpreter.resolve())
    path = f"{shim.parent}{os.pathsep}{tmp_path / 'real'}{os.pathsep}{os.environ['PATH']}"
    set_up(clone, PATH=path, PYENV_ROOT="/nowhere")
    assert ask(clone, "edgepack", "--version").startswith("edgepack ")


def test_without_any_fitting_python_it_says_how_to_get_one(clone, tmp_path):
    tools = tmp_path / "tools"
    tools.mkdir()
    for name in ("bash", "cat", "cut", "dirname", "env", "sha256sum"):
        (tools / name).symlink_to(shutil.which(name))
    result = subprocess.run(
        [str(clone / "scripts" / "setup")],
        env={"PATH": str(tools), "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 1
    assert "no Python 3.12 found" in result.stderr
    assert "uv python install 3.12" in result.stderr
    assert not (clone / ".venv").exists()
