"""The runtimes that scripts/setup has installed in the user's own cache, and a machine for each of them."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from platformdirs import user_cache_path

from edgepack.runners.arm64 import Guests
from edgepack.runners.cpus import find_cpu
from edgepack.runners.runtime_store import RuntimeStore

# Read before the tests' own settings hide it.
CACHE = Path(os.environ.get("EDGEPACK_CACHE_DIR") or user_cache_path("edgepack"))


@pytest.fixture(scope="session")
def store():
    return RuntimeStore(CACHE, offline=True)


@pytest.fixture
def start(store, tmp_path):
    """Start a runtime on a processor."""
    opened = []

    def start(runtime_id, cpu="cortex-a53", limits=None):
        guests = Guests(store, tmp_path / f"guests-{len(opened)}", limits)
        opened.append(guests)
        return guests.start(store.get(runtime_id), find_cpu(cpu))

    yield start
    for guests in opened:
        guests.__exit__(None, None, None)


@pytest.fixture(scope="session")
def runtimes_environment():
    """An environment in which the command finds the runtimes of the user's own cache."""
    return os.environ | {"EDGEPACK_CACHE_DIR": str(CACHE)}


@pytest.fixture(scope="session")
def edgepack(runtimes_environment):
    """The real command, with the runtimes of the user's own cache."""

    def run(*arguments):
        return subprocess.run(
            [sys.executable, "-m", "edgepack", *map(str, arguments)],
            capture_output=True,
            text=True,
            env=runtimes_environment,
            check=False,
        )

    return run
