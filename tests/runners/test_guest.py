"""What a guest can do wrong, by a guest that does it: always a clear reason, and nothing left running."""

import os
import sys
import time
from pathlib import Path

import psutil
import pytest

from edgepack.errors import ToolError
from edgepack.runners.guest import Command, Guest, Task
from edgepack.workers import JobFailed, Limits

_FAKE = Path(__file__).with_name("fake_guest.py")
_TASK = Task(Path("model.tflite"), [[]])


@pytest.fixture
def start(tmp_path):
    guests = []

    def start(manner, limits=None):
        command = Command((sys.executable, str(_FAKE), "{control}", manner), dict(os.environ))
        guests.append(Guest(command, tmp_path / "log", limits))
        return guests[-1]

    yield start
    for guest in guests:
        guest.close()


@pytest.mark.parametrize(
    ("manner", "reason"),
    [
        ("rubbish", "the guest wrote b'Segmentation fau', which begins no frame"),
        ("other_version", "which begins no frame"),
        ("huge", "which begins no frame"),
        ("cut_short", "the guest wrote a frame that is shorter than it says"),
        ("out_of_turn", "the guest answered Started out of turn"),
        ("crash", "crashed: killed by SIGILL"),
        ("early_exit", "ended early with exit code 12"),
        ("refuse", "load: no such operator"),
        ("leave", "the guest ended by itself with exit code 7"),
    ],
)
def test_what_a_guest_does_wrong_is_named(start, manner, reason):
    with pytest.raises(JobFailed) as failed:
        start(manner).run(_TASK)
    assert reason in failed.value.reason


def test_what_a_guest_printed_comes_with_the_failure(start):
    with pytest.raises(JobFailed) as failed:
        start("leave").run(_TASK)
    assert "the guest's last words" in failed.value.log


@pytest.mark.parametrize(
    ("manner", "limits", "reason"),
    [
        ("hang", Limits(seconds=0.5), "stopped: took longer than the time limit of 0.5 s"),
        ("hog", Limits(seconds=60, memory=200 << 20), "more than the memory limit of 200 MiB"),
    ],
)
def test_limits_end_the_job_and_closing_ends_the_rest(start, manner, limits, reason):
    guest = start(manner, limits)
    with pytest.raises(JobFailed) as failed:
        guest.run(_TASK)
    assert reason in failed.value.reason
    family = [guest.pid, *(child.pid for child in psutil.Process(guest.pid).children(recursive=True))]
    guest.close()
    assert not [pid for pid in family if _runs(pid)]


def test_a_guest_that_was_killed_fails_its_jobs(start):
    guest = start("hang")
    psutil.Process(guest.pid).kill()
    with pytest.raises(JobFailed) as failed:
        guest.run(_TASK)
    assert failed.value.reason == "the guest crashed: killed by SIGKILL"


def test_a_program_that_is_not_there_is_named(tmp_path):
    with pytest.raises(ToolError) as missing:
        Guest(Command((str(tmp_path / "nowhere"), "{control}"), {}), tmp_path / "log")
    assert missing.value.message == f"cannot start {tmp_path / 'nowhere'}: No such file or directory"
    assert missing.value.exit_code == 5


def _runs(pid):
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        if not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:
            return False
        time.sleep(0.02)
    return True
