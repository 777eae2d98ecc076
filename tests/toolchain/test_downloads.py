"""The cache of downloads, with a registry that is a local file and does what a test tells it to."""

import hashlib
import os
import shutil
import threading
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from edgepack.errors import ToolError
from edgepack.events import EventKind
from edgepack.toolchain.downloads import Download, DownloadCache

_CONTENT = b"libraries" * 10_000


@dataclass
class Registry:
    """Serves a file, and counts how often."""

    file: Path
    served: list[str] = field(default_factory=list)

    def __str__(self):
        return "org.example:runtime:1.0"

    def fetch(self, folder, sha256):
        self.served.append(sha256)
        return Path(shutil.copy(self.file, folder / "downloaded"))

    def advice(self):
        return "throw the copy away"


@pytest.fixture
def registry(tmp_path):
    file = tmp_path / "published"
    file.write_bytes(_CONTENT)
    return Registry(file)


@pytest.fixture
def download(registry):
    return Download(registry, "runtime.aar", hashlib.sha256(_CONTENT).hexdigest(), len(_CONTENT))


def test_a_file_is_fetched_once_and_named_as_published(tmp_path, registry, download):
    cache = DownloadCache(tmp_path / "cache")
    path = cache.get(download)
    assert path.read_bytes() == _CONTENT
    assert path.name == "runtime.aar"
    assert cache.get(download) == path
    assert len(registry.served) == 1


@pytest.mark.parametrize(
    "damage", [b"", _CONTENT[:-1], _CONTENT[:-1] + b"!"], ids=["empty", "cut off", "altered"]
)
def test_a_file_that_was_damaged_since_is_fetched_anew(tmp_path, registry, download, damage):
    events = []
    cache = DownloadCache(tmp_path / "cache", emit=events.append)
    cache.get(download).write_bytes(damage)
    assert cache.get(download).read_bytes() == _CONTENT
    assert len(registry.served) == 2
    warnings = [event.message for event in events if event.kind is EventKind.WARNING]
    assert warnings == [f"{cache.path(download)} was damaged; getting it anew"]


@pytest.mark.parametrize("came", [_CONTENT[:1000], _CONTENT + b"!"], ids=["cut off", "altered"])
def test_what_is_not_the_published_file_never_enters(tmp_path, registry, download, came):
    registry.file.write_bytes(came)
    cache = DownloadCache(tmp_path / "cache")
    with pytest.raises(ToolError) as refused:
        cache.get(download)
    assert refused.value.message.startswith(
        f"org.example:runtime:1.0: what came is not what was published: {len(came)} bytes with sha256 "
    )
    assert refused.value.hint == "throw the copy away"
    assert refused.value.exit_code == 5
    assert not cache.path(download).exists()
    assert not list((tmp_path / "cache").glob("work-*"))


def test_offline_names_what_is_missing(tmp_path, registry, download):
    with pytest.raises(ToolError) as missing:
        DownloadCache(tmp_path / "cache", offline=True).get(download)
    assert missing.value.message == (
        "org.example:runtime:1.0 has not been downloaded, and downloads are switched off"
    )
    assert not registry.served


def test_two_that_want_the_same_file_fetch_it_once(tmp_path, registry, download):
    caches = [DownloadCache(tmp_path / "cache") for _ in range(4)]
    found = []
    threads = [threading.Thread(target=lambda one=one: found.append(one.get(download))) for one in caches]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 4
    assert len(registry.served) == 1


def test_a_cache_that_cannot_be_written_to_is_named(tmp_path, download):
    (tmp_path / "cache").write_text("a file where a folder should be")
    with pytest.raises(ToolError) as refused:
        DownloadCache(tmp_path / "cache").get(download)
    assert refused.value.message.startswith(f"cannot write to {tmp_path / 'cache'}: ")
    assert refused.value.hint == "make it writable, or name another folder in EDGEPACK_CACHE_DIR"


def test_a_full_disk_is_told_from_other_trouble(tmp_path, registry, download):
    class Full(Registry):
        def fetch(self, folder, sha256):
            with open("/dev/full", "wb", buffering=0) as device:
                device.write(b"x")

    with pytest.raises(ToolError) as refused:
        DownloadCache(tmp_path / "cache").get(
            Download(Full(registry.file), download.filename, download.sha256, download.bytes)
        )
    assert refused.value.message == f"cannot write to {tmp_path / 'cache'}: No space left on device"
    assert refused.value.hint.startswith("make room there")


def test_a_file_that_came_another_way_is_checked_too(tmp_path, registry, download):
    cache = DownloadCache(tmp_path / "cache", offline=True)
    wrong = tmp_path / "wrong"
    wrong.write_bytes(b"something else")
    with pytest.raises(ToolError, match="what came is not what was published"):
        cache.add(download, wrong)
    cache.add(download, registry.file)
    assert cache.get(download).read_bytes() == _CONTENT
    assert os.path.exists(registry.file)
