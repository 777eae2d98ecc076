"""Embedding: what is written, what is left alone, and what is refused."""

import json
import os
import shutil
import subprocess
import sys
from dataclasses import replace

import pytest

import edgepack
from edgepack.android.embed import compare, embed
from edgepack.bundle import check_files, open_bundle, write_bundle
from edgepack.errors import BundleError, UsageError

FILES = [
    "artifacts/tiny.ptl",
    "artifacts/tiny.tflite",
    "golden/0/image.bin",
    "golden/0/logits.bin",
    "manifest.json",
]


def content(folder):
    found = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()}
    return {name: path.read_bytes() for name, path in sorted(found.items())}


def stamps(folder):
    return {
        path.relative_to(folder).as_posix(): (path.stat().st_ino, path.stat().st_mtime_ns)
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_what_is_embedded_is_the_bundle_without_reports(bundle, main):
    embedded = edgepack.embed(bundle, main)
    assert embedded.folder == main / "assets" / "edgepack" / "tiny"
    expected = {name: data for name, data in content(bundle).items() if not name.startswith("report.")}
    assert content(main / "assets") == {f"edgepack/tiny/{name}": data for name, data in expected.items()}
    assert embedded.differences.missing == tuple(FILES)
    assert embedded.bytes == sum(map(len, expected.values()))
    with open_bundle(embedded.folder) as opened:
        check_files(opened)


def test_a_zip_gives_the_same(parts, bundle, main, tmp_path):
    zipped = parts.write(tmp_path / "tiny.zip")
    (tmp_path / "other").mkdir()
    assert content(embed(zipped, tmp_path / "other").folder) == content(embed(bundle, main).folder)


def test_only_the_chosen_come_along(bundle, main):
    folder = embed(bundle, main, artifacts=["tflite/float32"], golden=False).folder
    assert list(content(folder)) == ["artifacts/tiny.tflite", "manifest.json"]
    with open_bundle(folder) as opened:
        check_files(opened)
        manifest = opened.manifest
    assert [one.id for one in manifest.artifacts] == ["tflite/float32"]
    # A build must not take this for what it wrote itself.
    assert (manifest.golden, manifest.build_key) == ((), "")


def test_keys_of_later_releases_survive_a_choice(bundle, main):
    document = json.loads((bundle / "manifest.json").read_text())
    document["licence"] = "MIT"
    (bundle / "manifest.json").write_text(json.dumps(document))
    folder = embed(bundle, main, golden=False).folder
    assert json.loads((folder / "manifest.json").read_text())["licence"] == "MIT"


def test_what_is_current_is_not_touched(bundle, main):
    folder = embed(bundle, main).folder
    before = stamps(folder)
    again = embed(bundle, main)
    assert stamps(folder) == before
    assert again.differences.current
    assert again.differences.same == tuple(FILES)


def test_a_new_build_replaces_what_changed_and_keeps_the_rest(bundle, rebuilt, main):
    folder = embed(bundle, main).folder
    before = stamps(folder)
    changed = embed(rebuilt, main)
    assert changed.differences.stale == ("artifacts/tiny.tflite", "manifest.json")
    after = stamps(folder)
    assert {name for name in FILES if after[name] == before[name]} == set(FILES) - {
        *changed.differences.stale
    }
    assert content(folder) == content(rebuilt)
    assert os.listdir(folder.parent) == ["tiny"]


def test_what_is_gone_from_the_bundle_is_removed(bundle, main):
    embed(bundle, main)
    found = embed(bundle, main, artifacts=["torch_lite/float32"], golden=False)
    assert found.differences.extra == ("artifacts/tiny.tflite", "golden/0/image.bin", "golden/0/logits.bin")
    assert list(content(found.folder)) == ["artifacts/tiny.ptl", "manifest.json"]
    assert sorted(path.name for path in found.folder.iterdir()) == ["artifacts", "manifest.json"]


def test_a_copy_made_by_hand_becomes_current(bundle, main):
    shutil.copytree(bundle, main / "assets" / "edgepack" / "tiny")
    assert embed(bundle, main).differences.extra == ("report.html", "report.json")
    assert compare(bundle, main).differences.current


def test_comparing_changes_nothing(bundle, rebuilt, main):
    assert compare(bundle, main).differences.missing == tuple(FILES)
    assert list(main.iterdir()) == []
    folder = embed(bundle, main).folder
    (folder / "artifacts" / "tiny.ptl").unlink()
    (folder / "notes.txt").write_text("mine")
    before = content(folder)
    found = compare(rebuilt, main).differences
    assert (found.missing, found.stale, found.extra) == (
        ("artifacts/tiny.ptl",),
        ("artifacts/tiny.tflite", "manifest.json"),
        ("notes.txt",),
    )
    assert content(folder) == before


def test_a_full_disk_leaves_the_old_assets(bundle, rebuilt, main):
    folder = embed(bundle, main).folder
    before = content(folder)
    # In a process of its own, for the limit on the size of files stays.
    code = (
        "import resource, signal, sys, edgepack\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))\n"
        "try:\n    edgepack.embed(*sys.argv[1:])\n"
        "except edgepack.EdgepackError as error:\n    print(error.exit_code, error.message)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, rebuilt, main], capture_output=True, text=True, check=True
    )
    assert done.stdout.startswith(f"2 no room to write {folder.resolve()}")
    assert content(folder) == before
    assert os.listdir(folder.parent) == ["tiny"]


def place_text(place, _bundle):
    place.parent.mkdir(parents=True)
    place.write_text("mine")


def place_folder(place, _bundle):
    place.mkdir(parents=True)
    (place / "notes.txt").write_text("mine")


def place_stranger(place, bundle):
    embed(bundle, place.parents[2])
    (place / "golden" / "notes.txt").write_text("mine")


def place_link(place, bundle):
    place.parent.mkdir(parents=True)
    place.symlink_to(bundle)


def place_conflict(place, bundle):
    embed(bundle, place.parents[2])
    (place / "manifest.json").write_text("<<<<<<< HEAD\n")


@pytest.mark.parametrize(
    ("prepare", "reason"),
    [
        (place_text, "it is a file"),
        (place_folder, "is not a bundle: it has no manifest.json"),
        (place_stranger, "it holds 'golden/notes.txt', which is no part of one"),
        (place_link, "it is a symbolic link"),
        (place_conflict, "manifest.json is not JSON"),
    ],
)
def test_what_is_not_ours_is_refused_and_kept(bundle, main, prepare, reason):
    place = main / "assets" / "edgepack" / "tiny"
    prepare(place, bundle)
    before = content(main), content(bundle)
    with pytest.raises(UsageError) as raised:
        embed(bundle, main, golden=False)
    assert raised.value.message.startswith(f"{place} is not edgepack's to replace: ")
    assert reason in raised.value.message
    assert "embed again" in raised.value.hint
    assert raised.value.exit_code == 2
    assert (content(main), content(bundle)) == before


def test_an_embedded_bundle_is_not_embedded_into_itself(bundle, main):
    folder = embed(bundle, main).folder
    before = content(folder)
    with pytest.raises(UsageError, match="would be embedded into itself") as raised:
        embed(folder, main, golden=False)
    assert "not the one in the app" in raised.value.hint
    assert content(folder) == before


def rename(parts, name):
    return replace(parts, manifest=replace(parts.manifest, name=name))


def test_what_android_would_leave_out_is_refused(parts, main, tmp_path):
    bundle = rename(parts, "_tiny").write(tmp_path / "_tiny")
    with pytest.raises(UsageError) as raised:
        embed(bundle, main)
    assert "'_tiny/artifacts/tiny.ptl' would be missing in the app" in raised.value.message
    assert "--name" in raised.value.hint
    assert list(main.iterdir()) == []


def test_a_bundle_for_another_target_is_refused(parts, main, tmp_path):
    manifest = replace(parts.manifest, target="linux-arm64")
    bundle = write_bundle(tmp_path / "tiny", manifest, parts.files)
    with pytest.raises(UsageError, match="bundle tiny was built for linux-arm64, not for Android") as raised:
        embed(bundle, main)
    assert raised.value.hint == "build it with --target android"


def test_bad_input_is_named(bundle, main, tmp_path):
    with pytest.raises(UsageError, match=r"there is no folder .*absent") as raised:
        embed(bundle, tmp_path / "absent")
    assert "AndroidManifest.xml" in raised.value.hint
    with pytest.raises(UsageError, match="bundle tiny has no artifact 'tflite/int8'"):
        embed(bundle, main, artifacts=["tflite/int8"])
    (bundle / "artifacts" / "tiny.ptl").write_bytes(b"x")
    with pytest.raises(BundleError, match=r"'artifacts/tiny.ptl' has 1 bytes instead of 3000"):
        embed(bundle, main)
    with pytest.raises(BundleError, match="there is no bundle at"):
        embed(tmp_path / "absent", main)
    assert list(main.iterdir()) == []
