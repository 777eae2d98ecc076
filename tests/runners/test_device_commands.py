"""Devices on the command line."""

import json
import subprocess
import sys

import pytest


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--serial", "R58M"], "--serial and --device-report are for --runner device"),
        (["--device-report", "shared.json"], "--serial and --device-report are for --runner device"),
        (["--runner", "devise"], "unknown runner 'devise'"),
    ],
)
def test_the_command_line_refuses_what_makes_no_sense(conv_bundle, arguments, message):
    done = edgepack("verify", conv_bundle, *arguments)
    assert done.returncode == 2
    assert message in done.stderr


def test_the_command_line_judges_a_shared_report(conv_bundle, shared_report, tmp_path):
    (tmp_path / "shared.json").write_text(json.dumps(shared_report))
    done = edgepack("verify", conv_bundle, "--runner", "device", "--device-report", tmp_path / "shared.json")
    assert done.returncode == 0, done.stderr
    assert "passed, 2 of 2 artifacts proven" in done.stdout
    assert "device, tflite 2.16.1 on Acme Phone 7, Android 15" in done.stdout
    assert "an inference" in done.stdout


def test_a_build_does_not_run_on_a_device():
    done = edgepack("build", "no.such:model", "--runner", "host,device")
    assert done.returncode == 2
    assert "a build cannot run on a device" in done.stderr
    assert "edgepack verify --runner device" in done.stderr


def edgepack(*arguments):
    command = [sys.executable, "-m", "edgepack", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)
