import os
import subprocess
import sys
import textwrap
import zipfile
from dataclasses import replace

import pytest

from edgepack.bundle import check_files, check_output, open_bundle, write_bundle
from edgepack.bundle.replacing import _move_into_place
from edgepack.errors import InternalError, UsageError

NAMES = pytest.mark.parametrize("name", ["tiny", "tiny.zip"])


@NAMES
def test_the_same_parts_give_the_same_bytes(parts, tmp_path, snapshot, name):
    first = parts.write(tmp_path / "a" / name)
    for path in parts.files.values():
        os.utime(path, (1, 1))
    turned = dict(reversed(parts.files.items()))
    second = write_bundle(tmp_path / "b" / name, parts.manifest, turned)
    assert snapshot(first.parent) == snapshot(second.parent)


def test_a_zip_is_stored_and_dated_as_asked(parts, tmp_path, monkeypatch):
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1700000000")
    dated = parts.write(tmp_path / "dated.zip", reports={"report.html": "<p>"})
    monkeypatch.delenv("SOURCE_DATE_EPOCH")
    plain = parts.write(tmp_path / "plain.zip")
    entries = zipfile.ZipFile(dated).infolist()
    assert [entry.filename for entry in entries] == [
        "manifest.json",
        "report.html",
        "artifacts/tiny.ptl",
        "artifacts/tiny.tflite",
        "golden/0/image.bin",
        "golden/0/logits.bin",
    ]
    assert {entry.date_time for entry in entries} == {(2023, 11, 14, 22, 13, 20)}
    assert {entry.compress_type for entry in entries} == {zipfile.ZIP_STORED}
    assert {entry.external_attr >> 16 for entry in entries} == {0o100644}
    assert {entry.date_time for entry in zipfile.ZipFile(plain).infolist()} == {(1980, 1, 1, 0, 0, 0)}
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "yesterday")
    with pytest.raises(UsageError, match="SOURCE_DATE_EPOCH is 'yesterday'"):
        parts.write(tmp_path / "never.zip")


@NAMES
def test_a_bundle_is_replaced_by_a_bundle(parts, other_parts, tmp_path, name):
    output = tmp_path / "out" / name
    parts.write(output)
    other_parts.write(output)
    with open_bundle(output) as bundle:
        check_files(bundle)
        assert bundle.manifest.build_key == "other"
    assert list(output.parent.iterdir()) == [output]


def test_a_source_path_that_is_no_utf8_is_kept(parts, tmp_path):
    manifest = replace(parts.manifest, source={"text": os.fsdecode(b"mod\xe8le.py")})
    write_bundle(tmp_path / "tiny", manifest, parts.files)
    assert open_bundle(tmp_path / "tiny").manifest == manifest


def test_permissions_are_the_users(parts, tmp_path):
    before = os.umask(0o027)
    try:
        root = parts.write(tmp_path / "tiny")
    finally:
        os.umask(before)
    assert root.stat().st_mode & 0o777 == 0o750
    assert (root / "manifest.json").stat().st_mode & 0o777 == 0o640


def test_a_link_as_output_is_followed(parts, tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "latest").symlink_to("real")
    assert parts.write(tmp_path / "latest") == tmp_path / "real"
    assert (tmp_path / "latest").is_symlink()


def _make_notes(output):
    output.mkdir()
    (output / "notes.txt").write_text("mine")


def _add_notes(output, parts):
    parts.write(output)
    (output / "notes.txt").write_text("mine")


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda output, parts: _make_notes(output), "it has no manifest.json"),
        (lambda output, parts: output.write_text("mine"), "is not a readable .zip"),
        (_add_notes, "it holds 'notes.txt', which is no part of one"),
    ],
)
def test_what_is_not_ours_is_replaced_only_by_force(parts, tmp_path, snapshot, make, reason):
    output = tmp_path / "out"
    make(output, parts)
    before = snapshot(tmp_path)
    for attempt in (lambda: check_output(output), lambda: parts.write(output)):
        with pytest.raises(UsageError, match="is not a bundle") as raised:
            attempt()
        assert raised.value.exit_code == 2
        assert reason in raised.value.message
        assert "--force" in raised.value.hint
    assert snapshot(tmp_path) == before
    check_files(open_bundle(parts.write(output, force=True)))


@pytest.mark.parametrize("inner", ["inner", "artifacts/inner.zip"])
def test_nothing_is_written_into_another_bundle(parts, tmp_path, snapshot, inner):
    parts.write(tmp_path / "out")
    before = snapshot(tmp_path)
    for attempt in (check_output, parts.write):
        with pytest.raises(UsageError, match="out: that is a bundle") as raised:
            attempt(tmp_path / "out" / inner, force=True)
        assert raised.value.hint == "choose an output beside it"
    assert snapshot(tmp_path) == before


def test_a_folder_of_others_with_a_manifest_may_hold_a_bundle(parts, tmp_path):
    (tmp_path / "manifest.json").write_text('{"manifest_version": 3}')
    check_files(open_bundle(parts.write(tmp_path / "out")))


def test_an_empty_folder_holds_nothing_to_lose(parts, tmp_path):
    (tmp_path / "out").mkdir()
    check_files(open_bundle(parts.write(tmp_path / "out")))


@pytest.mark.parametrize("place", [".", "..", "~", "~/..", "/", "/proc"])
def test_some_folders_are_not_replaced_even_by_force(parts, tmp_path, monkeypatch, place):
    work = tmp_path / "user" / "work"
    work.mkdir(parents=True)
    monkeypatch.chdir(work)
    monkeypatch.setenv("HOME", str(tmp_path / "homes" / "me"))
    (tmp_path / "homes" / "me").mkdir(parents=True)
    output = type(tmp_path)(place).expanduser()
    with pytest.raises(UsageError, match="refusing to replace") as raised:
        parts.write(output, force=True)
    assert raised.value.exit_code == 2
    assert raised.value.hint == "name a new folder inside it"
    assert work.is_dir()


@pytest.mark.parametrize(
    ("output", "message"),
    [
        ("file/tiny", "cannot write .*file/tiny: .*/file is a file"),
        # Not even root can make anything in these.
        ("/proc/self/fdinfo/tiny", "cannot write|not allowed to write"),
        ("/sys/kernel/tiny.zip", "cannot write|not allowed to write"),
        ("n" * 300, "cannot write .*name too long"),
    ],
)
def test_a_place_that_cannot_be_written_is_refused_before_the_work(parts, tmp_path, output, message):
    (tmp_path / "file").touch()
    output = tmp_path / output
    for attempt in (lambda: check_output(output), lambda: parts.write(output)):
        with pytest.raises(UsageError, match=message) as raised:
            attempt()
        assert raised.value.exit_code == 2
        assert raised.value.hint


@NAMES
def test_a_full_disk_leaves_the_old_bundle_and_nothing_else(parts, tmp_path, snapshot, name):
    # A limit on file sizes stands for the full disk: the kernel refuses the write, and anyone may set one.
    output = tmp_path / "out" / name
    parts.write(output)
    before = snapshot(output.parent)
    code = f"""
        import resource, sys
        from pathlib import Path
        from edgepack.bundle import open_bundle, write_bundle
        from edgepack.errors import UsageError
        bundle = open_bundle(Path({str(output)!r}))
        files = {{str(p.relative_to(bundle.root)): p for p in bundle.root.rglob("*/*.*")}}
        resource.setrlimit(resource.RLIMIT_FSIZE, (2500, 2500))
        for place in (Path({str(output)!r}), Path({str(tmp_path / "new" / "deep" / name)!r})):
            try:
                write_bundle(place, bundle.manifest, files)
            except UsageError as error:
                print(error.message, "|", error.hint)
    """
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", textwrap.dedent(code)],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stderr == ""
    first, second = done.stdout.splitlines()
    assert (
        first
        == f"no room to write {output}: File too large | free some space, or choose a place on another disk"
    )
    assert str(tmp_path / "new" / "deep" / name) in second
    assert snapshot(output.parent) == before
    assert not (tmp_path / "new").exists()


class _Interrupting(dict):
    def __getitem__(self, path):
        if path.startswith("golden/"):
            raise KeyboardInterrupt
        return super().__getitem__(path)


@NAMES
def test_an_interrupt_leaves_the_old_bundle_and_nothing_else(parts, other_parts, tmp_path, snapshot, name):
    output = tmp_path / "out" / name
    parts.write(output)
    before = snapshot(output.parent)
    with pytest.raises(KeyboardInterrupt):
        write_bundle(output, other_parts.manifest, _Interrupting(other_parts.files))
    assert snapshot(output.parent) == before


def test_the_old_bundle_is_put_back_when_the_new_one_does_not_go_in(bundle_path, tmp_path, snapshot):
    before = snapshot(bundle_path.parent)
    with pytest.raises(FileNotFoundError):
        _move_into_place(tmp_path / "gone", bundle_path)
    assert snapshot(bundle_path.parent) == before


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda files: files["artifacts/tiny.ptl"].write_bytes(b"x"),
            "artifacts/tiny.ptl changed after it was verified",
        ),
        (lambda files: files["artifacts/tiny.ptl"].unlink(), "a file for the bundle is gone"),
        (lambda files: files.pop("artifacts/tiny.ptl"), "not those of its manifest: .'artifacts/tiny.ptl'"),
        (
            lambda files: files.update(stray=files["artifacts/tiny.ptl"]),
            "not those of its manifest: .'stray'",
        ),
    ],
)
def test_files_that_are_not_the_manifests_are_a_bug(parts, tmp_path, change, message):
    parts = replace(parts, files=dict(parts.files))
    change(parts.files)
    with pytest.raises(InternalError, match=message) as raised:
        parts.write(tmp_path / "out" / "tiny")
    assert raised.value.exit_code == 70
    assert not (tmp_path / "out").exists()
