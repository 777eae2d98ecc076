import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from edgepack.cache import Cache, default_root, digest_of
from edgepack.events import EventKind

KEY, OTHER = digest_of({"n": 1}), digest_of({"n": 2})


@pytest.fixture
def source(tmp_path):
    path = tmp_path / "model.tflite"
    path.write_bytes(os.urandom(5000))
    return path


@pytest.fixture
def events():
    return []


@pytest.fixture
def cache(tmp_path, events):
    return Cache(tmp_path / "cache", emit=events.append)


def _stored(tmp_path, name="*"):
    return sorted((tmp_path / "cache").glob(f"*/entries/*/*/{name}"))


def test_what_was_put_comes_back_as_a_copy(cache, source, tmp_path):
    document = {"id": "tflite/float32", "scale": [0.1], "none": None}
    assert cache.get(KEY, tmp_path / "first") is None
    cache.put(KEY, document, {"a.tflite": source})
    entry = cache.get(KEY, tmp_path / "first")
    assert entry.document == document
    assert entry.files == {"a.tflite": tmp_path / "first" / "a.tflite"}
    entry.files["a.tflite"].write_bytes(b"edited by the user")
    again = cache.get(KEY, tmp_path / "second")
    assert again.files["a.tflite"].read_bytes() == source.read_bytes()


def test_an_entry_stays_as_it_was_put_first(cache, source, tmp_path):
    cache.put(KEY, {"n": 1}, {"f": source})
    cache.put(KEY, {"n": 2}, {})
    assert cache.get(KEY, tmp_path / "out").document == {"n": 1}


def _flip(path, at=0):
    data = bytearray(path.read_bytes())
    data[at] ^= 1
    path.write_bytes(data)


@pytest.mark.parametrize(
    "damage",
    [
        lambda entry: _flip(entry / "file-f", 4000),
        lambda entry: (entry / "file-f").unlink(),
        lambda entry: _flip(entry / "entry.json", 2),
        lambda entry: _flip(entry / "entry.json", (entry / "entry.json").read_bytes().index(b"7")),
        lambda entry: (entry / "entry.json").write_text("[]"),
        lambda entry: (entry / "entry.json").write_bytes(b"\xff"),
    ],
)
def test_a_damaged_entry_is_dropped_and_can_be_put_again(cache, source, tmp_path, damage):
    cache.put(KEY, {"n": 7}, {"f": source})
    damage(_stored(tmp_path, "file-f")[0].parent)
    assert cache.get(KEY, tmp_path / "out") is None
    assert list((tmp_path / "out").glob("*")) == []
    assert _stored(tmp_path) == []
    cache.put(KEY, {"n": 7}, {"f": source})
    assert cache.get(KEY, tmp_path / "out").document == {"n": 7}


def test_the_least_recently_used_goes_first(tmp_path, source):
    cache = Cache(tmp_path / "cache", limit=12_000)
    for number in (1, 2):
        cache.put(digest_of({"n": number}), {"n": number}, {"f": source})
    for age, entry in enumerate(_stored(tmp_path, "")):
        os.utime(entry, (1000 + age, 1000 + age))
    cache.get(KEY, tmp_path / "out")
    cache.put(digest_of({"n": 3}), {"n": 3}, {"f": source})
    assert cache.get(KEY, tmp_path / "out") is not None
    assert cache.get(OTHER, tmp_path / "out") is None
    assert cache.get(digest_of({"n": 3}), tmp_path / "out") is not None


def test_what_is_larger_than_the_cache_is_not_kept(tmp_path, source):
    cache = Cache(tmp_path / "cache", limit=4999)
    cache.put(KEY, {}, {"f": source})
    assert cache.get(KEY, tmp_path / "out") is None


def test_work_of_a_killed_process_is_cleared_away(cache, source, tmp_path):
    work = tmp_path / "cache" / "builds-1" / "work"
    for name, age in (("abandoned", 10 * 24 * 3600), ("busy", 60)):
        (work / name).mkdir(parents=True)
        (work / name / "file-f").touch()
        then = os.stat(source).st_mtime - age
        os.utime(work / name, (then, then))
    cache.put(KEY, {}, {"f": source})
    assert [path.name for path in work.iterdir()] == ["busy"]


@pytest.mark.parametrize("root", ["/proc/self/fdinfo", "/sys/kernel", "file"])
def test_a_cache_that_cannot_be_used_is_told_of_once(source, tmp_path, events, root):
    (tmp_path / "file").touch()
    cache = Cache(tmp_path / root, emit=events.append)
    for key in (KEY, OTHER):
        cache.put(key, {}, {"f": source})
        assert cache.get(key, tmp_path / "out") is None
    assert [event.kind for event in events] == [EventKind.WARNING]
    assert f"the cache in {tmp_path / root / 'builds-1'} is left out: " in events[0].message


def test_a_full_disk_keeps_nothing_and_fails_nothing(source, tmp_path):
    # A limit on file sizes stands for the full disk: the kernel refuses the write, and anyone may set one.
    code = f"""
        import resource
        from pathlib import Path
        from edgepack.cache import Cache
        resource.setrlimit(resource.RLIMIT_FSIZE, (2500, 2500))
        cache = Cache(Path({str(tmp_path / "cache")!r}), emit=lambda event: print(event.message))
        cache.put({KEY!r}, {{}}, {{"f": Path({str(source)!r})}})
        print(cache.get({KEY!r}, Path({str(tmp_path / "out")!r})))
    """
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", textwrap.dedent(code)],
        capture_output=True,
        text=True,
        check=True,
    )
    warning, answer = done.stdout.splitlines()
    assert "File too large" in warning
    assert answer == "None"
    assert [path for path in (tmp_path / "cache").rglob("*") if path.is_file()] == []


def test_processes_may_use_one_cache_at_once(source, tmp_path):
    """Several put, get and prune the same few entries; whatever any of them gets is whole."""
    code = f"""
        import random, sys
        from pathlib import Path
        from edgepack.cache import Cache, digest_of
        def refuse(event):
            raise SystemExit(event.message)
        draw = random.Random(int(sys.argv[1]))
        cache = Cache(Path({str(tmp_path / "cache")!r}), limit=12_000, emit=refuse)
        source, expected = Path({str(source)!r}), Path({str(source)!r}).read_bytes()
        hits = 0
        for _ in range(150):
            number = draw.randrange(4)
            key = digest_of({{"n": number}})
            entry = cache.get(key, Path({str(tmp_path)!r}) / sys.argv[1])
            if entry is None:
                cache.put(key, {{"n": number}}, {{"f": source}})
            else:
                assert entry.document == {{"n": number}} and entry.files["f"].read_bytes() == expected
                hits += 1
        print(hits)
    """
    running = [
        subprocess.Popen(
            [sys.executable, "-c", textwrap.dedent(code), str(seed)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for seed in range(3)
    ]
    results = [(*process.communicate(), process.returncode) for process in running]
    assert [(error, code) for _, error, code in results] == [("", 0)] * 3
    assert all(int(hits) > 0 for hits, _, _ in results)


def test_the_users_cache_folder_can_be_moved(tmp_path, monkeypatch):
    monkeypatch.setenv("EDGEPACK_CACHE_DIR", str(tmp_path))
    assert default_root() == tmp_path
    monkeypatch.setenv("EDGEPACK_CACHE_DIR", "")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    monkeypatch.setenv("HOME", str(tmp_path))
    assert default_root().name == "edgepack"
    assert tmp_path in default_root().parents


def test_a_digest_tells_values_apart_and_orders_not():
    assert digest_of({"a": 1, "b": {"c": 2, "d": 3}}) == digest_of({"b": {"d": 3, "c": 2}, "a": 1})
    values = [1, 1.0, True, "1", None, [], [1], {"1": 1}, "é"]
    assert len({digest_of({"a": value}) for value in values}) == len(values)
    for value, error in ((Path("x"), TypeError), ({1}, TypeError), (float("nan"), ValueError)):
        with pytest.raises(error):
            digest_of({"a": value})
