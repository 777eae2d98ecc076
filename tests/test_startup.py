"""What is imported when: a command that computes nothing must not wait for libraries that compute."""

import json
import subprocess
import sys

import pytest

HEAVY = {"jsonschema", "numpy", "onnx", "psutil", "rich", "tensorflow", "torch"}
SHOW = """
import json, sys
from edgepack.cli.app import run
code = run(sys.argv[1:])
print(json.dumps([code, sorted(sys.modules)]), file=sys.stderr)
"""


def imported_by(*arguments, **environ):
    done = subprocess.run(
        [sys.executable, "-c", SHOW, *arguments], capture_output=True, text=True, env=environ, check=True
    )
    code, modules = json.loads(done.stderr.splitlines()[-1])
    assert code == 0
    return set(modules)


@pytest.mark.parametrize(
    "arguments",
    [
        ["--help"],
        ["--version"],
        ["build", "--help"],
        ["doctor", "--help"],
        ["run", "--help"],
        ["embed", "--help"],
        ["android", "check", "--help"],
        ["targets"],
        ["targets", "--json"],
        ["completion", "zsh"],
    ],
    ids=" ".join,
)
def test_light_commands_import_nothing_heavy(arguments):
    assert imported_by(*arguments) & HEAVY == set()


def test_inspecting_a_model_leaves_the_work_to_a_worker(tmp_path):
    import onnx

    model = onnx.parser.parse_model(
        '<ir_version: 8, opset_import: ["" : 18]> g (float[2] x) => (float[2] y) { y = Neg(x) }'
    )
    onnx.save(model, tmp_path / "neg.onnx")
    assert imported_by("inspect", str(tmp_path / "neg.onnx"), "--plan") & HEAVY <= {"psutil", "rich"}


def test_completing_imports_nothing_heavy():
    words = {
        "COMP_WORDS": "edgepack build --target ",
        "COMP_CWORD": "3",
        "_EDGEPACK_COMPLETE": "bash_complete",
    }
    assert imported_by(**words) & HEAVY == set()


def test_help_imports_no_command():
    assert {name for name in imported_by("--help") if name.startswith("edgepack.cli.commands")} == set()


def test_a_command_imports_no_other():
    commands = {name for name in imported_by("targets") if name.startswith("edgepack.cli.commands.")}
    assert commands == {"edgepack.cli.commands.targets"}


def test_importing_edgepack_imports_nothing():
    code = "import sys; before = set(sys.modules); import edgepack; print(sorted(set(sys.modules) - before))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "['edgepack']\n"
