"""Progress on stderr: live on a terminal, plain lines elsewhere, nothing when it should be quiet."""

import os
import pty
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from edgepack.cli.progress import line_of
from edgepack.events import Event, EventKind

from .conftest import clean_environment

STEPS = """
import sys, threading, time
from edgepack.cli.command import Flags
from edgepack.cli.progress import progress
from edgepack.events import Event, EventKind, step

def work(emit, number):
    with step(emit, f"convert file{number} [bold]"):
        time.sleep(0.3)

with progress(Flags(quiet="--quiet" in sys.argv)) as emit:
    threads = [threading.Thread(target=work, args=(emit, number)) for number in range(4)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    emit(Event(EventKind.WARNING, "check", "look at [1,3]"))
print("result")
"""


@pytest.mark.parametrize(
    ("event", "line"),
    [
        (Event(EventKind.STARTED, "convert x"), ""),
        (Event(EventKind.FINISHED, "convert x", seconds=0.72), "convert x … 0.7 s"),
        (Event(EventKind.FAILED, "convert x", "no\nway", 2.0), "convert x … failed after 2.0 s: no"),
        (Event(EventKind.NOTE, "build", "unchanged"), "build: unchanged"),
        (Event(EventKind.WARNING, "load", "odd"), "warning: load: odd"),
    ],
)
def test_an_event_is_one_line(event, line):
    assert line_of(event) == line


def test_steps_are_plain_lines_in_a_pipe():
    done = subprocess.run(
        [sys.executable, "-c", STEPS], capture_output=True, text=True, check=True, env=clean_environment()
    )
    lines = sorted(done.stderr.splitlines())
    assert lines[:4] == [f"convert file{number} [bold] … 0.3 s" for number in range(4)]
    assert lines[4:] == ["warning: check: look at [1,3]"]
    assert done.stdout == "result\n"


def test_quiet_shows_nothing():
    done = subprocess.run(
        [sys.executable, "-c", STEPS, "--quiet"], capture_output=True, text=True, check=True
    )
    assert (done.stdout, done.stderr) == ("result\n", "")


def on_a_terminal(**environ):
    near, far = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-c", STEPS],
        stdout=subprocess.PIPE,
        stderr=far,
        text=True,
        env=clean_environment(**environ),
    )
    os.close(far)
    with ThreadPoolExecutor(1) as pool:
        shown = pool.submit(read_all, near)
        out, _ = process.communicate(timeout=60)
        assert (process.returncode, out) == (0, "result\n")
        return shown.result()


def read_all(descriptor):
    parts = []
    try:
        while part := os.read(descriptor, 4096):
            parts.append(part)
    except OSError:
        pass  # how a terminal says that the other side is closed
    os.close(descriptor)
    return b"".join(parts).decode()


def test_a_terminal_shows_running_steps_and_keeps_the_ended_ones():
    shown = on_a_terminal(TERM="xterm-256color", COLUMNS="100")
    assert "\x1b[" in shown
    for number in range(4):
        assert f"convert file{number} [bold] … 0.3 s" in shown
    assert "look at [1,3]" in shown


def test_no_color_means_no_colours():
    shown = on_a_terminal(TERM="xterm-256color", NO_COLOR="1")
    assert "\x1b[3" not in shown, "moving the cursor is no colour"
    assert "convert file0 [bold] … 0.3 s" in shown


def test_a_dumb_terminal_gets_plain_lines():
    shown = on_a_terminal(TERM="dumb")
    assert "\x1b" not in shown
    assert "convert file3 [bold] … 0.3 s" in shown
