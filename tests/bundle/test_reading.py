import os
import shutil
import stat
import zipfile

import pytest

from edgepack.bundle import Bundle, open_bundle
from edgepack.bundle.reading import read_manifest
from edgepack.errors import BundleError, UsageError


@pytest.fixture
def zip_path(parts, tmp_path):
    return parts.write(tmp_path / "out" / "tiny.zip")


@pytest.fixture(params=["folder", "zip"])
def any_path(request, bundle_path, zip_path):
    return bundle_path if request.param == "folder" else zip_path


def test_a_bundle_gives_its_parts(any_path, parts):
    with open_bundle(any_path) as bundle:
        assert (bundle.name, bundle.manifest) == ("tiny", parts.manifest)
        source = parts.files["artifacts/tiny.tflite"]
        assert bundle.artifact_path("tflite/float32").read_bytes() == source.read_bytes()
        golden = bundle.golden
        assert (golden.model, golden.cases) == (parts.manifest.model, parts.manifest.golden)
        image = golden.root / golden.cases[0].inputs["image"].path
        assert image.read_bytes() == parts.files["golden/0/image.bin"].read_bytes()


def test_an_unknown_artifact_is_answered_with_the_nearest(bundle_path):
    with pytest.raises(UsageError, match="bundle tiny has no artifact 'tflite/float3'") as raised:
        open_bundle(bundle_path).artifact_path("tflite/float3")
    assert raised.value.exit_code == 2
    assert "did you mean tflite/float32?" in raised.value.hint


def test_closing_removes_what_was_unpacked_and_nothing_else(bundle_path, zip_path):
    for path in (bundle_path, zip_path):
        with open_bundle(path) as bundle:
            assert isinstance(bundle, Bundle)
        assert bundle.root.exists() == (path == bundle_path)
        assert path.exists()


def test_the_manifest_of_a_zip_is_read_alone(zip_path, parts):
    assert read_manifest(zip_path) == parts.manifest


def _refusal(path) -> BundleError:
    with pytest.raises(BundleError) as raised:
        open_bundle(path)
    assert raised.value.exit_code == 6
    assert raised.value.hint
    return raised.value


def test_what_is_no_bundle_is_refused_by_name(tmp_path):
    text = tmp_path / "notes.txt"
    text.write_text("hello")
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    assert f"there is no bundle at {tmp_path / 'none'}" in _refusal(tmp_path / "none").message
    assert f"there is no bundle at {fifo}" in _refusal(fifo).message
    assert f"{text} is not a readable .zip" in _refusal(text).message
    shutil.rmtree(tmp_path / "empty", ignore_errors=True)
    (tmp_path / "empty").mkdir()
    assert "is not a bundle: it has no manifest.json" in _refusal(tmp_path / "empty").message


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda data: data[: len(data) // 2], "manifest.json is not JSON"),
        (lambda data: b"", "manifest.json is not JSON"),
        (lambda data: b"\xff" + data, "manifest.json is not JSON"),
        (lambda data: b"[" * 100_000, "manifest.json is not JSON"),
        (lambda data: data.replace(b"0.9999999", b"NaN"), "NaN is no JSON number"),
        (lambda data: data.replace(b"edgepack.bundle/1", b"edgepack.bundle/9"), "edgepack.bundle/9"),
        (
            lambda data: data.replace(b"golden/0/image.bin", b"../../image.bin"),
            "'../../image.bin', not a relative path",
        ),
    ],
)
def test_a_damaged_manifest_is_refused(bundle_path, damage, message):
    manifest = bundle_path / "manifest.json"
    damaged = damage(manifest.read_bytes())
    assert damaged != manifest.read_bytes()
    manifest.write_bytes(damaged)
    error = _refusal(bundle_path)
    assert message in error.message
    assert str(bundle_path) in error.message


@pytest.mark.parametrize("name", ["golden/0/image.bin", "golden", "manifest.json", "stray"])
def test_links_are_refused_before_they_are_followed(bundle_path, tmp_path, name):
    place = bundle_path / name
    outside = tmp_path / "outside"
    if place.exists():
        place.rename(outside)
    place.symlink_to(outside)
    assert f"symbolic link: '{name}'" in _refusal(bundle_path).message


def test_a_device_or_pipe_inside_is_refused(bundle_path):
    os.mkfifo(bundle_path / "golden" / "pipe")
    assert "no plain file: 'golden/pipe'" in _refusal(bundle_path).message


def _entry(name, kind=stat.S_IFREG):
    info = zipfile.ZipInfo(name)
    info.external_attr = (kind | 0o644) << 16
    return info


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize(
    ("entry", "message"),
    [
        (_entry("../evil"), "entry '../evil' has a path that leaves the bundle"),
        (_entry("golden/../../evil"), "has a path that leaves the bundle"),
        (_entry("/evil"), "has a path that leaves the bundle"),
        (_entry("golden//evil"), "has a path that leaves the bundle"),
        (_entry("golden\\evil"), "has a character in its name"),
        (_entry("C:evil"), "has a character in its name"),
        (_entry("link", stat.S_IFLNK), "is a symbolic link"),
        (_entry("pipe", stat.S_IFIFO), "is no plain file"),
        (_entry("manifest.json"), "'manifest.json' comes twice"),
        (_entry("manifest.json/x"), "clashes with another"),
    ],
)
def test_an_unsafe_zip_leaves_nothing_behind(zip_path, tmp_path, monkeypatch, entry, message):
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(temporary))
    with zipfile.ZipFile(zip_path, "a") as archive:
        archive.writestr(entry, "/etc/passwd")
    assert message in _refusal(zip_path).message
    assert list(temporary.iterdir()) == []
    assert not (tmp_path / "evil").exists()


def test_a_zip_bomb_is_refused_by_what_it_declares(zip_path, monkeypatch):
    with zipfile.ZipFile(zip_path, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("zeros", bytes(2**22))
    monkeypatch.setattr("edgepack.bundle.archive._SMALL", 2**19)
    assert "over 100 times its size" in _refusal(zip_path).message


def test_a_deflated_zip_made_by_hand_is_read(bundle_path, tmp_path, parts):
    made = shutil.make_archive(str(tmp_path / "again"), "zip", bundle_path)
    with open_bundle(tmp_path / "again.zip") as bundle:
        assert bundle.manifest == parts.manifest
    assert made.endswith("again.zip")


def test_no_damage_to_a_zip_goes_unnoticed(zip_path):
    data = zip_path.read_bytes()
    zip_path.write_bytes(data[:-100])
    assert "is not a readable .zip" in _refusal(zip_path).message
    flipped = bytearray(data)
    flipped[data.index(b'"edgepack.bundle/1"') + 5] ^= 1
    zip_path.write_bytes(flipped)
    assert "Bad CRC-32 for file 'manifest.json'" in _refusal(zip_path).message
