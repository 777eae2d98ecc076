"""Jobs for test_worker.py: they must be importable inside the worker, too."""

import ctypes
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from edgepack.errors import SourceError
from edgepack.workers import Kept


def add(first, second):
    return first + second


def modules():
    return sorted(sys.modules)


def hold(value):
    return {"held": value, "pid": os.getpid()}


def hold_and_tell(value):
    return Kept(hold(value), "loaded")


def read_held(state, extra):
    return state["held"], extra, os.getpid() != state["pid"]


def refuse_to_hold():
    raise SourceError("no such model", hint="try another", details={"path": "x"})


def crash():
    print("about to crash", flush=True)
    ctypes.string_at(0)


def hang():
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    while True:
        time.sleep(1)


def eat_memory():
    hoard = []
    while True:
        hoard.append(b"x" * (8 << 20))
        time.sleep(0.001)


def raise_value_error():
    print("before the error")
    raise ValueError("bad weights")


def fill_a_disk():
    with open("/dev/full", "w") as full:
        full.write("weights")


def exit_early():
    os._exit(3)


def return_unpicklable():
    return lambda: None


def print_rubbish():
    os.write(1, bytes(range(256)) * 100)
    return "fine"


def leave_child_behind(pid_file):
    child = subprocess.Popen(["sleep", "600"])
    Path(pid_file).write_text(str(child.pid))


def hang_bound(state):
    hang()
