import os
import subprocess
import sys

import pytest


def clean_environment(**extra):
    """The environment without anything that would decide what edgepack shows."""
    kept = {name: value for name, value in os.environ.items() if "EDGEPACK" not in name}
    for name in ("NO_COLOR", "FORCE_COLOR", "TERM", "COLUMNS"):
        kept.pop(name, None)
    return kept | extra


@pytest.fixture
def edgepack(tmp_path):
    """Run the real command in a process of its own, in an empty folder."""

    def run(*arguments, cwd=tmp_path, **environ):
        return subprocess.run(
            [sys.executable, "-m", "edgepack", *map(str, arguments)],
            check=False,
            cwd=cwd,
            env=clean_environment(**environ),
            capture_output=True,
            text=True,
            timeout=300,
        )

    return run


@pytest.fixture
def start_with(tmp_path):
    """Start the command in a process in which `diagnose`, which `doctor` calls, is replaced by other code."""

    def start(body, *arguments, **popen):
        code = (
            "import sys\nimport edgepack.toolchain.doctor as doctor\noriginal = doctor.diagnose\n"
            f"def diagnose():\n{body}\n"
            "doctor.diagnose = diagnose\n"
            "sys.argv = ['edgepack', 'doctor', *sys.argv[1:]]\n"
            "from edgepack.cli import main\nmain()"
        )
        return subprocess.Popen(
            [sys.executable, "-c", code, *arguments],
            cwd=tmp_path,
            env=clean_environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            **popen,
        )

    return start
