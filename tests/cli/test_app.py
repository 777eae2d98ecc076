"""How a command ends: exit codes, and what goes to stdout and stderr."""

import json
import os
import signal
import subprocess
import sys

import psutil
import pytest

WAIT = """
    import time
    print("ready", flush=True)
    time.sleep(60)
"""
WAIT_FOR_A_JOB = """
    import threading, time, psutil
    from pathlib import Path
    from edgepack.workers import Workers
    def tell():
        while len(psutil.Process().children(recursive=True)) < 2:
            time.sleep(0.02)
        print(*(child.pid for child in psutil.Process().children(recursive=True)), flush=True)
    threading.Thread(target=tell).start()
    with Workers(Path("logs")) as workers:
        workers.start().run(time.sleep, 60, name="sleep")
"""


def test_a_result_goes_to_stdout_and_nothing_else_does(edgepack):
    done = edgepack("targets")
    assert done.returncode == 0
    assert done.stdout.startswith("android: ")
    assert done.stderr == ""


def test_no_command_shows_the_help(edgepack):
    assert edgepack().stdout == edgepack("--help").stdout
    assert edgepack().returncode == 0


@pytest.mark.parametrize(
    ("arguments", "message", "hint"),
    [
        (["verfy"], "no such command: verfy", "did you mean verify?"),
        (["targets", "--jsno"], "No such option", "`edgepack targets --help` explains the usage"),
        (["run", "x"], "Missing option '--artifact'", "`edgepack run --help` explains the usage"),
        (["build", "m:n", "--target", "androyd"], "unknown target 'androyd'", "did you mean android?"),
        (
            ["build", "m:n", "--input", "image"],
            "cannot read input 'image'",
            "for example image:float32[1,3,224,224]",
        ),
        (["verify", "--memory", "lots", "x"], "command line: memory must be", ""),
    ],
)
def test_wrong_usage_exits_with_2_and_says_what_to_do(edgepack, arguments, message, hint):
    done = edgepack(*arguments)
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.startswith(f"Error: {message}")
    assert hint in done.stderr


def test_a_misspelt_option_is_guessed(edgepack):
    assert "--target" in edgepack("build", "m:n", "--traget", "android").stderr


@pytest.mark.parametrize("arguments", [["inspect", "absent"], ["verify", "absent"], ["nonsense"]])
def test_with_json_an_error_is_one_document_on_stdout(edgepack, arguments):
    done = edgepack(*arguments, "--json")
    error = json.loads(done.stdout)["error"]
    assert set(error) == {"class", "message", "hint", "exit_code", "details"}
    assert error["exit_code"] == done.returncode != 0
    assert f"Error: {error['message']}" in done.stderr


def test_an_unexpected_exception_is_a_bug_of_ours(start_with):
    process = start_with("    raise LookupError('lost')", "--json")
    out, err = process.communicate(timeout=60)
    assert process.returncode == 70
    assert "a bug in edgepack: LookupError: lost" in err
    assert "--debug" in err
    assert "Traceback" not in err
    assert json.loads(out)["error"]["class"] == "InternalError"


def test_debug_shows_the_traceback_and_the_details(start_with):
    body = """
    from edgepack.errors import BundleError
    raise BundleError('bad', details={'log': 'the log'})
"""
    process = start_with(body, "--debug")
    _, err = process.communicate(timeout=60)
    assert process.returncode == 6
    assert "log: the log" in err
    assert "BundleError: bad" in err.rpartition("Traceback")[2]


def test_a_missing_package_names_the_extra(start_with):
    process = start_with("    raise ModuleNotFoundError('x', name='onnx2tf.utils')")
    _, err = process.communicate(timeout=60)
    assert process.returncode == 5
    assert "Error: the package onnx2tf is not installed\nHint: pip install 'edgepack[tflite]'" in err


def write_to(stdout, *arguments, **popen):
    return subprocess.run(
        [sys.executable, "-m", "edgepack", *arguments],
        check=False,
        stdout=stdout,
        stderr=subprocess.PIPE,
        text=True,
        **popen,
    )


@pytest.mark.parametrize("flags", [[], ["--json"]])
def test_a_full_disk_is_no_bug(flags):
    with open("/dev/full", "w") as full:
        done = write_to(full, "targets", *flags)
    assert done.returncode == 2
    assert done.stderr.startswith("Error: the disk is full: ")
    assert "Traceback" not in done.stderr


def test_a_full_disk_does_not_hide_another_error():
    with open("/dev/full", "w") as full:
        done = write_to(full, "inspect", "absent", "--json")
    assert done.returncode == 6
    assert done.stderr.startswith(
        "Error: standard output: No space left on device\nError: there is no bundle"
    )


@pytest.mark.parametrize("arguments", [["targets"], ["inspect", "absent", "--json"]])
def test_a_closed_standard_output_is_no_bug(arguments):
    done = write_to(None, *arguments, preexec_fn=lambda: os.close(1))
    assert done.returncode == 2
    assert done.stderr.startswith("Error: standard output is closed\nHint: ")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_the_command_with_130(start_with, number):
    # Whoever runs the tests may have them ignore it, as nohup does.
    process = start_with(WAIT, "--json", preexec_fn=lambda: signal.signal(number, signal.SIG_DFL))
    assert process.stdout.readline() == "ready\n"
    process.send_signal(number)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert err == "Error: interrupted\n"
    assert json.loads(out)["error"]["class"] == "Interrupted"


def test_nohup_is_respected(start_with):
    ignore_hangup = {"preexec_fn": lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN)}
    process = start_with(WAIT, **ignore_hangup)
    assert process.stdout.readline() == "ready\n"
    process.send_signal(signal.SIGHUP)
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=60)
    assert process.returncode == 130, "SIGTERM arrived, so SIGHUP had not ended it"


def is_alive(pid):
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_workers_too(start_with, number):
    process = start_with(WAIT_FOR_A_JOB)
    workers = [int(pid) for pid in process.stdout.readline().split()]
    assert len(workers) == 2
    process.send_signal(number)
    process.communicate(timeout=60)
    assert process.returncode == 130
    assert [pid for pid in workers if is_alive(pid)] == []


@pytest.mark.parametrize("arguments", [["targets"], ["--help"], ["build", "--help"]])
def test_a_reader_that_goes_away_is_no_error(arguments):
    reading, writing = os.pipe()
    os.close(reading)
    done = write_to(writing, *arguments)
    os.close(writing)
    assert done.stderr == ""
    assert done.returncode == 141


def test_a_broken_socket_is_not_taken_for_a_reader_that_goes_away(start_with):
    process = start_with("    raise BrokenPipeError('a worker is gone')")
    _, err = process.communicate(timeout=60)
    assert process.returncode == 70
    assert "a worker is gone" in err
