"""Files that are to bring a runtime and cannot: they are bad input, not a tool that is missing."""

import zipfile

import pytest

from edgepack.errors import SourceError
from edgepack.runners.runtime_store import RuntimeStore
from edgepack.runners.runtime_transfer import import_runtimes
from edgepack.runners.runtimes import release_of_file


@pytest.fixture
def damaged(tmp_path):
    path = tmp_path / "mine.aar"
    path.write_bytes(b"PK\3\4 and no more")
    return path


def test_a_damaged_archive_is_bad_input(damaged):
    with pytest.raises(SourceError, match=r"mine\.aar is no Android archive: ") as refused:
        release_of_file(damaged)
    assert (refused.value.exit_code, refused.value.hint) == (3, "give an .aar file")


def test_an_archive_for_other_processors_is_bad_input(tmp_path):
    with zipfile.ZipFile(tmp_path / "old.aar", "w") as archive:
        archive.writestr("jni/armeabi-v7a/libtensorflowlite_jni.so", b"")
    with pytest.raises(SourceError, match=r"old\.aar has no library for arm64-v8a"):
        release_of_file(tmp_path / "old.aar")


def test_a_damaged_export_is_bad_input(damaged, tmp_path):
    with pytest.raises(SourceError, match="is damaged: ") as refused:
        import_runtimes(RuntimeStore(tmp_path / "own"), damaged)
    assert refused.value.hint == "export it again"
