"""What all commands have in common."""

import importlib
import json
import re
import subprocess

import click
import pytest

from edgepack.cli.app import app
from edgepack.cli.group import short_help

CONTEXT = click.Context(app, info_name="edgepack")
NAMES = app.list_commands(CONTEXT)


def test_the_commands_are_the_files():
    assert {"build", "completion", "doctor", "inspect", "run", "targets", "verify"} <= set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_a_command_has_the_common_flags_and_explains_everything(name):
    command = app.get_command(CONTEXT, name)
    options = {option: one for one in command.params for option in one.opts}
    assert {"--json", "--quiet", "--debug"} <= set(options)
    assert [option for option, one in options.items() if option.startswith("-") and not one.help] == []


@pytest.mark.parametrize("name", NAMES)
def test_the_short_help_is_a_line_that_fits(name):
    module = importlib.import_module(f"edgepack.cli.commands.{name.replace('-', '_')}")
    assert short_help(name) == module.__doc__.splitlines()[0].rstrip(".")
    assert 10 < len(short_help(name)) <= 64


def test_the_help_lists_every_command(edgepack):
    listed = edgepack("--help").stdout.partition("Commands:\n")[2]
    assert re.findall(r"^  ([\w-]+) ", listed, re.MULTILINE) == NAMES


def test_the_help_of_build_explains_inputs_and_their_ranges(edgepack):
    text = " ".join(edgepack("build", "--help").stdout.split())
    assert "name:dtype[d0,d1,…]" in text
    assert "=low..high" in text
    assert "tokens:int64[1,16]=0..99" in text


@pytest.mark.parametrize(
    ("words", "offers"),
    [
        ("edgepack ver", ["plain,verify"]),
        ("edgepack build --keep-f", ["plain,--keep-float", "plain,--keep-failed"]),
        ("edgepack build --target linux", ["plain,linux-arm64"]),
        ("edgepack build --format tflite,tor", ["plain,tflite,torch_lite"]),
        ("edgepack completion f", ["plain,fish"]),
    ],
)
def test_a_shell_completes(edgepack, words, offers):
    done = edgepack(
        _EDGEPACK_COMPLETE="bash_complete", COMP_WORDS=words, COMP_CWORD=str(len(words.split()) - 1)
    )
    assert done.returncode == 0
    assert done.stdout.split() == offers


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_completion_script_is_for_the_shell(edgepack, shell):
    done = edgepack("completion", shell)
    assert f"_EDGEPACK_COMPLETE={shell}_complete" in done.stdout
    assert json.loads(edgepack("completion", shell, "--json").stdout)["script"].strip() == done.stdout.strip()


def test_bash_understands_the_completion_script(edgepack, tmp_path):
    (tmp_path / "script").write_text(edgepack("completion", "bash").stdout)
    checked = subprocess.run(["bash", "-n", tmp_path / "script"], check=False, capture_output=True, text=True)
    assert (checked.returncode, checked.stderr) == (0, "")


def test_version(edgepack):
    from edgepack import __version__

    assert edgepack("--version").stdout == f"edgepack {__version__}\n"


def test_targets_as_json(edgepack):
    rows = {row["name"]: row for row in json.loads(edgepack("targets", "--json").stdout)["targets"]}
    assert rows["android"]["abi"] == "arm64-v8a"
    assert rows["android"]["runtimes"][0] == {
        "name": "pytorch_android_lite",
        "release": "1.12.2",
        "format": "torch_lite",
        "bytecode": [4, 9],
    }
