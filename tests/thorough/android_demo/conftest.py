"""What `scripts/android build` has left in the user's own cache, and a bundle to put into the app."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from platformdirs import user_cache_path

ROOT = Path(__file__).parents[3]
# Read before the tests' own settings hide it.
CACHE = Path(os.environ.get("EDGEPACK_CACHE_DIR") or user_cache_path("edgepack"))


@pytest.fixture(scope="session")
def android():
    """The command behind scripts/android, with the user's own downloads."""

    def run(*arguments, **environment):
        return subprocess.run(
            [sys.executable, ROOT / "scripts" / "android_tools", *map(str, arguments)],
            capture_output=True,
            text=True,
            env={**os.environ, "EDGEPACK_CACHE_DIR": str(CACHE), **environment},
            check=False,
        )

    return run
