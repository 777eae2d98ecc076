"""The parts of scripts/android test that need no Java."""

import platform
import re
import sys
from pathlib import Path

import pytest

from edgepack.errors import UsageError

TOOLS = Path(__file__).parents[2] / "scripts" / "android_tools"


@pytest.fixture(autouse=True)
def tools(monkeypatch):
    """Let the modules behind scripts/android be imported, and forget them afterwards."""
    known = set(sys.modules)
    monkeypatch.syspath_prepend(TOOLS)
    yield
    for name in set(sys.modules) - known:
        if str(getattr(sys.modules[name], "__file__", None)).startswith(str(TOOLS)):
            del sys.modules[name]


def test_every_download_is_locked():
    from jvm_packages import locked

    downloads = list(locked())
    assert len({download.sha256 for download in downloads}) == len(downloads) > 20
    assert all(re.fullmatch("[0-9a-f]{64}", download.sha256) and download.bytes > 0 for download in downloads)
    names = {str(download): download.filename for download in downloads}
    assert names["org.robolectric:robolectric:4.13"] == "robolectric-4.13.jar"
    assert names["androidx.test:monitor:1.6.1"] == "monitor-1.6.1.aar"


def test_only_machines_on_which_android_can_be_drawn_will_do(monkeypatch, tmp_path):
    from natives import make_natives

    monkeypatch.setattr(platform, "machine", lambda: "riscv64")
    with pytest.raises(UsageError) as caught:
        make_natives([], tmp_path)
    assert caught.value.message == "the JVM tests need an x86_64 machine, and this is riscv64"
    assert caught.value.exit_code == 2


def test_held_back_digits_are_what_the_data_set_has(tmp_path):
    import numpy as np
    from samples import held_back

    rows = np.frombuffer(held_back(tmp_path).read_bytes(), np.uint8).reshape(-1, 65)
    assert len(rows) == 360
    assert rows[:, :64].max() == 16
    assert set(rows[:, 64]) == set(range(10))
