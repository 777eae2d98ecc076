"""Installing runtimes, right and broken ones, with the real toolchain."""

import shutil
import threading
import zipfile

import pytest

from edgepack.errors import SourceError, ToolError, UsageError
from edgepack.events import EventKind
from edgepack.runners.runtime_store import RuntimeStore
from edgepack.runners.runtime_transfer import export_runtimes, import_runtimes
from edgepack.runners.runtimes import find_release, release_of_file
from edgepack.toolchain.compiler import find_compiler

TFLITE = find_release("org.tensorflow:tensorflow-lite:2.16.1")
_LIBRARY = "libtensorflowlite_jni.so"


@pytest.fixture
def carried(store, tmp_path):
    """What carries the default TFLite runtime to a machine without network."""
    export_runtimes(store, tmp_path / "carried.zip", [TFLITE.id])
    return tmp_path / "carried.zip"


@pytest.fixture
def own(tmp_path):
    """A store of the test's own, which may not download."""
    return RuntimeStore(tmp_path / "own", offline=True)


def make_archive(path, code, library=_LIBRARY, abi="arm64-v8a"):
    """An Android archive with a library made from C code."""
    source = path.with_suffix(".c")
    source.write_text(code)
    made = path.with_suffix(".so")
    find_compiler().compile(["-x", "c", "-shared", "-fPIC", "-nostdlib", source, "-o", made], "a library")
    with zipfile.ZipFile(path, "w") as archive:
        archive.write(made, f"jni/{abi}/{library}")
        archive.writestr("AndroidManifest.xml", "<manifest/>")
    return path


def test_a_carried_runtime_is_installed_tested_and_found_whole(own, carried):
    (installed,) = import_runtimes(own, carried)
    assert installed.release == TFLITE
    assert set(installed.self_test) >= {"cortex-a53 float32.tflite", "cortex-a76 int8.tflite"}
    assert max(installed.self_test.values()) <= 1.0
    assert own.get(TFLITE.id) == installed
    assert own.program(installed).path.exists()


def test_an_altered_carrier_is_refused(own, carried, tmp_path):
    altered = tmp_path / "altered.zip"
    with zipfile.ZipFile(carried) as source, zipfile.ZipFile(altered, "w") as target:
        for name in source.namelist():
            target.writestr(name, source.read(name)[:-1] + b"!")
    with pytest.raises(ToolError, match="what came is not what was published"):
        import_runtimes(own, altered)
    assert not own.installed()


def test_a_damaged_runtime_is_installed_again(carried, tmp_path):
    events = []
    own = RuntimeStore(tmp_path / "own", offline=True, emit=events.append)
    (installed,) = import_runtimes(own, carried)
    library = installed.folder / "lib" / _LIBRARY
    whole = library.read_bytes()
    library.write_bytes(whole[:-4096])
    assert own.get(TFLITE.id).libraries == installed.libraries
    assert library.read_bytes() == whole
    assert [one.message for one in events if one.kind is EventKind.WARNING] == [
        f"{_LIBRARY} was damaged; installing {TFLITE.id} again"
    ]


def test_a_damaged_runtime_that_cannot_be_had_again_is_named(own, carried):
    (installed,) = import_runtimes(own, carried)
    own.prune()
    (installed.folder / "lib" / _LIBRARY).unlink()
    with pytest.raises(ToolError) as missing:
        own.get(TFLITE.id)
    assert "downloads are switched off" in missing.value.message


def test_two_installs_at_once_make_one(tmp_path, carried):
    tested = []

    def note(title, form, program):
        tested.append(title)
        return {}

    def install():
        store = RuntimeStore(tmp_path / "own", offline=True)
        with zipfile.ZipFile(carried) as archive:
            member = archive.extract(archive.namelist()[0], tmp_path / threading.current_thread().name)
        store.downloads.add(TFLITE.download, member)
        store.add(TFLITE, test=note)

    threads = [threading.Thread(target=install) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert tested == [TFLITE.title]
    assert [one.release for one in RuntimeStore(tmp_path / "own").installed()] == [TFLITE]


def test_an_archive_of_the_users_own_is_installed_too(own, carried, tmp_path):
    with zipfile.ZipFile(carried) as archive:
        file = tmp_path / "tensorflow-lite-mine.aar"
        with archive.open(archive.namelist()[0]) as source, file.open("wb") as target:
            shutil.copyfileobj(source, target)
    installed = own.add(release_of_file(file), file)
    assert installed.release.format == "tflite"
    assert own.get(installed.release.id).libraries == installed.libraries


@pytest.mark.parametrize(
    ("code", "message"),
    [
        (
            "extern int ANeuralNetworks_getDevice(void); int f(void) { return ANeuralNetworks_getDevice(); }",
            "the bridge to Android's libraries lacks ANeuralNetworks_getDevice",
        ),
        ("int f(void) { return 1; }", "the guest ended by itself with exit code 3"),
    ],
    ids=["symbol", "no_interface"],
)
def test_an_archive_that_cannot_be_driven_is_refused_with_the_reason(own, tmp_path, code, message):
    file = make_archive(tmp_path / "strange.aar", code)
    with pytest.raises(ToolError) as refused:
        own.add(release_of_file(file), file)
    assert message in refused.value.message
    assert refused.value.exit_code == 5
    assert not own.installed()


@pytest.mark.parametrize(
    ("abi", "library", "message"),
    [
        ("armeabi-v7a", _LIBRARY, "has no library for arm64-v8a"),
        ("arm64-v8a", "libsomething.so", "holds libsomething.so, none of which edgepack can drive"),
    ],
)
def test_an_archive_without_our_libraries_is_refused(tmp_path, abi, library, message):
    file = make_archive(tmp_path / "other.aar", "int f(void) { return 1; }", library, abi)
    with pytest.raises(SourceError) as refused:
        release_of_file(file)
    assert message in refused.value.message
    assert refused.value.exit_code == 3


def test_a_wrong_answer_in_the_self_test_refuses_the_runtime(own, carried, monkeypatch):
    answers = {"output": [[0.0] * 10], "shape": [1, 8, 12, 12], "absolute": 0.01}
    monkeypatch.setattr("edgepack.runners.selftest._answers", lambda: {"float32.tflite": answers})
    with pytest.raises(ToolError) as refused:
        import_runtimes(own, carried)
    assert "failed its self-test: float32.tflite comes out wrong on cortex-a53" in refused.value.message
    assert not own.installed()


def test_what_is_not_installed_is_named(own):
    with pytest.raises(ToolError) as missing:
        own.get(TFLITE.id)
    assert missing.value.hint == f"edgepack runtime add {TFLITE.id}"
    with pytest.raises(UsageError, match="is not installed"):
        own.remove(TFLITE.id)
