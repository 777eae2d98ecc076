"""Programs that the distribution provides: found, or named with what installs them."""

import sys

import pytest

from edgepack.errors import ToolError
from edgepack.toolchain.fetching import MavenSource, WheelSource
from edgepack.toolchain.programs import CROSS_COMPILER, DISTRIBUTIONS, MAVEN, QEMU, call, find, install_hint


@pytest.mark.parametrize(
    ("distribution", "hint"),
    [
        ("debian", "sudo apt install g++-aarch64-linux-gnu"),
        ("arch", "sudo pacman -S aarch64-linux-gnu-gcc"),
        (
            None,
            "Debian and Ubuntu: sudo apt install g++-aarch64-linux-gnu; "
            "Fedora: sudo dnf install gcc-c++-aarch64-linux-gnu sysroot-aarch64-fc$(rpm -E %fedora)-glibc; "
            "Arch: sudo pacman -S aarch64-linux-gnu-gcc",
        ),
    ],
)
def test_the_hint_names_the_distributions_packages(distribution, hint):
    assert install_hint(CROSS_COMPILER, distribution) == hint


@pytest.mark.parametrize("program", [QEMU, CROSS_COMPILER, MAVEN])
def test_a_missing_program_says_what_it_is_for(program, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ToolError) as missing:
        find(program)
    assert missing.value.message == f"{program.name} is not installed; it is needed to {program.purpose}"
    assert any(one.command in missing.value.hint for one in DISTRIBUTIONS.values())
    assert missing.value.exit_code == 5


def test_a_program_that_fails_is_quoted():
    code = "import sys; print('Resolving'); print('ERROR: no such file', file=sys.stderr); sys.exit(3)"
    with pytest.raises(ToolError) as failed:
        call([sys.executable, "-c", code], "download it")
    assert failed.value.message == "could not download it: ERROR: no such file"
    assert "Resolving" in failed.value.details["output"]


def test_a_program_that_hangs_is_stopped():
    with pytest.raises(ToolError, match=r"took longer than 0\.2 s"):
        call([sys.executable, "-c", "import time; time.sleep(60)"], "download it", timeout=0.2)


def test_pip_without_an_index_is_quoted(tmp_path, monkeypatch):
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    source = WheelSource("torch", "2.1.0", "3.11", "manylinux2014_aarch64")
    with pytest.raises(ToolError) as failed:
        source.fetch(tmp_path, "0" * 64)
    assert failed.value.message.startswith("could not download torch==2.1.0 with pip: ERROR: ")


def test_maven_gets_the_archive_and_nothing_else(tmp_path, monkeypatch):
    """A Maven that notes its arguments: the real one would need the network."""
    (tmp_path / "out").mkdir()
    maven = tmp_path / "mvn"
    maven.write_text(
        f'#!/bin/sh\necho "$@" > {tmp_path}/arguments\necho jar > {tmp_path}/out/runtime-1.0.aar\n'
    )
    maven.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    found = MavenSource("org.example", "runtime", "1.0").fetch(tmp_path / "out", "0" * 64)
    assert found == tmp_path / "out/runtime-1.0.aar"
    arguments = (tmp_path / "arguments").read_text()
    assert "-Dartifact=org.example:runtime:1.0:aar" in arguments
    assert "http" not in arguments
