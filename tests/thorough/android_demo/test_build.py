"""scripts/android build, for real: what is in the APK, that it is the same each time, and how it fails."""

import json
import re
import shutil
import subprocess
from pathlib import Path
from zipfile import ZIP_STORED, ZipFile

import pytest

DEBUGGABLE = "application-debuggable"
PROGRAMS = ("java", "javac", "keytool", "aapt2", "zipalign", "apksigner")


@pytest.fixture(scope="session")
def built(android, digits, tmp_path_factory):
    """Give the APK and what was printed."""
    folder = tmp_path_factory.mktemp("built")
    done = android("build", "--bundle", digits, "--output", folder)
    assert done.returncode == 0, done.stderr
    return folder / "edgepack-demo.apk", done.stdout


def entries(apk):
    with ZipFile(apk) as opened:
        return [(one.filename, one.header_offset, one.CRC, one.date_time) for one in opened.infolist()]


def before_signature(apk):
    """Give the bytes of all entries; the signing block stands between them and the directory."""
    data = apk.read_bytes()
    size = int.from_bytes(data[(at := data.index(b"APK Sig Block 42")) - 8 : at], "little")
    return data[: at + 16 - size - 8]


def badging(apk):
    return subprocess.check_output(["aapt2", "dump", "badging", apk], text=True)


def test_the_artifacts_lie_in_it_byte_by_byte_and_not_compressed(built, digits):
    manifest = json.loads((digits / "manifest.json").read_text())
    with ZipFile(built[0]) as apk:
        for artifact in manifest["artifacts"]:
            info = apk.getinfo(f"assets/edgepack/digits/{artifact['path']}")
            assert info.compress_type == ZIP_STORED
            assert apk.read(info) == (digits / artifact["path"]).read_bytes()
        assert apk.read("assets/edgepack/digits/manifest.json") == (digits / "manifest.json").read_bytes()
        libraries = {name for name in apk.namelist() if name.startswith("lib/")}
    names = ("c++_shared", "fbjni", "pytorch_jni_lite", "tensorflowlite_jni")
    assert libraries == {f"lib/arm64-v8a/lib{name}.so" for name in names}
    assert {one["id"] for one in manifest["artifacts"]} >= {"torch_lite/float32", "tflite/int8"}


def test_it_is_small_and_says_so(built):
    (size,) = re.findall(r"^all but the native libraries +([\d.]+) kB$", built[1], flags=re.MULTILINE)
    assert float(size) < 500
    assert "package: name='dev.edgepack.demo'" in built[1]
    assert "native-code: 'arm64-v8a'" in built[1]
    assert "uses-permission" not in built[1]


def test_a_device_accepts_it_and_lets_run_as_look_into_it(built):
    subprocess.run(["apksigner", "verify", "--min-sdk-version", "24", built[0]], check=True)
    subprocess.run(["zipalign", "-c", "-p", "4", built[0]], check=True)
    assert DEBUGGABLE in badging(built[0])


def test_another_build_differs_in_nothing_but_the_signature(android, digits, built, tmp_path):
    done = android("build", "--bundle", digits, "--output", tmp_path)
    assert done.returncode == 0, done.stderr
    other = tmp_path / "edgepack-demo.apk"
    assert entries(other) == entries(built[0])
    assert before_signature(other) == before_signature(built[0])
    assert other.read_bytes() != built[0].read_bytes(), "each folder has a key of its own"
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "edgepack-demo.apk",
        "throwaway.p12",
        "throwaway.password",
    ]


@pytest.fixture(scope="session")
def keystore(tmp_path_factory):
    path = tmp_path_factory.mktemp("keys") / "own.p12"
    command = ["keytool", "-genkeypair", "-keystore", path, "-storepass", "secret phrase", "-alias", "own"]
    subprocess.run([*command, "-dname", "CN=own", "-keyalg", "RSA"], check=True, capture_output=True)
    return path


def test_with_a_key_of_ones_own_nobody_can_debug_it(android, digits, keystore, tmp_path):
    abis = "armeabi-v7a,x86_64"
    arguments = ("build", "--bundle", digits, "--output", tmp_path, "--keystore", keystore, "--abi", abis)
    done = android(*arguments, ANDROID_KEYSTORE_PASSWORD="secret phrase")
    assert done.returncode == 0, done.stderr
    apk = tmp_path / "edgepack-demo.apk"
    shown = subprocess.check_output(["apksigner", "verify", "--print-certs", apk], text=True)
    assert "certificate DN: CN=own" in shown
    assert DEBUGGABLE not in badging(apk)
    assert "native-code: 'armeabi-v7a' 'x86_64'" in done.stdout


def damaged(digits, folder):
    copy = shutil.copytree(digits, folder / "damaged")
    (copy / "artifacts" / "digits.float32.tflite").write_bytes(b"not a model")
    return copy


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["--abi", "arm64-v8a,mips"], 2, "the app cannot be built for 'mips'"),
        (["--keystore", "nowhere.p12"], 2, "there is no keystore nowhere.p12"),
        (["--keystore", "{keystore}"], 2, "there is no password for {keystore}"),
        (
            ["--keystore", "{keystore}", "--keystore-password-file", "nowhere"],
            2,
            "there is no password file nowhere",
        ),
        (
            ["--keystore", "{keystore}", "--keystore-password-file", "{wrong}"],
            2,
            "cannot open keystore {keystore}: the password is wrong",
        ),
        (
            ["--keystore", "{wrong}", "--keystore-password-file", "{wrong}"],
            2,
            "cannot open keystore {wrong}: it is no keystore",
        ),
        (
            ["--bundle", "{damaged}"],
            6,
            "{damaged}: file 'artifacts/digits.float32.tflite' has 11 bytes instead of",
        ),
        (["--bundle", "{wrong}"], 6, "{wrong}"),
    ],
)
def test_what_cannot_be_built_is_said(android, digits, keystore, tmp_path, arguments, code, message):
    wrong = tmp_path / "wrong"
    wrong.write_text("wrong\n")
    places = {"keystore": keystore, "wrong": wrong, "damaged": damaged(digits, tmp_path)}
    done = android("build", "--output", tmp_path / "out", *(one.format(**places) for one in arguments))
    assert done.returncode == code, done.stderr
    assert f"Error: {message.format(**places)}" in done.stderr
    assert not list(tmp_path.glob("out/*.apk"))


@pytest.mark.parametrize("missing", ["aapt2", "zipalign", "apksigner", "javac"])
def test_a_missing_program_is_named_with_its_package(android, digits, tmp_path, missing):
    for name in PROGRAMS:
        if name != missing:
            (tmp_path / name).symlink_to(shutil.which(name))
    done = android("build", "--bundle", digits, "--output", tmp_path / "out", PATH=str(tmp_path))
    assert done.returncode == 5
    assert f"Error: {missing} is not installed; it is needed to " in done.stderr
    assert "Hint: sudo apt install " in done.stderr


MAVEN = """#!/bin/sh
for word in "$@"; do
  case $word in -DoutputDirectory=*) echo other >"${word#*=}/library.aar" ;; esac
done
"""


def test_a_library_that_is_not_the_locked_one_is_refused(android, digits, tmp_path):
    maven = tmp_path / "mvn"
    maven.write_text(MAVEN)
    maven.chmod(0o755)
    path = f"{tmp_path}:{Path(shutil.which('aapt2')).parent}"
    arguments = ("build", "--bundle", digits, "--output", tmp_path / "out")
    done = android(*arguments, PATH=path, EDGEPACK_CACHE_DIR=str(tmp_path / "cache"))
    assert done.returncode == 5
    library = "org.pytorch:pytorch_android_lite:1.12.2"
    assert f"Error: {library}: what came is not what was published: 6 bytes with sha256" in done.stderr
