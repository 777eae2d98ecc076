import pytest

from edgepack.android.catalogue import read_catalogue
from edgepack.errors import SourceError

HEAD = '[versions]\ntflite = "2.16.1"\n'


def read(tmp_path, text):
    path = tmp_path / "libs.versions.toml"
    path.write_text(text)
    return read_catalogue(path, "gradle/libs.versions.toml")


@pytest.mark.parametrize(
    "line",
    [
        'tflite = "org.tensorflow:tensorflow-lite:2.16.1"',
        'tflite = { module = "org.tensorflow:tensorflow-lite", version = "2.16.1" }',
        'tflite = { module = "org.tensorflow:tensorflow-lite", version.ref = "tflite" }',
        'tflite = { group = "org.tensorflow", name = "tensorflow-lite", version.ref = "tflite" }',
        'tflite = { module = "org.tensorflow:tensorflow-lite", version = { strictly = "2.16.1" } }',
        'tflite = { module = "org.tensorflow:tensorflow-lite", '
        'version = { strictly = "[2.10, 3[", prefer = "2.16.1" } }',
        'tflite = { module = "org.tensorflow:tensorflow-lite", version = { require = "2.16.1!!" } }',
    ],
)
def test_a_release_is_told_in_several_ways(tmp_path, line):
    (entry,) = read(tmp_path, f"{HEAD}[libraries]\n{line}").find("tflite")
    assert (entry.module, entry.version.text) == ("org.tensorflow:tensorflow-lite", "2.16.1")
    assert entry.where == "gradle/libs.versions.toml: tflite"


@pytest.mark.parametrize(
    ("version", "fault"),
    [
        ('version = "2.+"', "version '2.+' is no single release"),
        ('version = "[2.10, 3.0)"', "version '[2.10, 3.0)' is no single release"),
        ('version = "latest.release"', "version 'latest.release' is no single release"),
        ('version = { require = "2.14.0", prefer = "2.16.1" }', "is no single release"),
        ('version = { strictly = "[2, 3[" }', "is no single release"),
        ('version.ref = "absent"', "[versions] has no 'absent'"),
        ("", "no version is given: a platform or another file decides"),
        ("version = 2", "version 2 is no text"),
    ],
)
def test_what_is_no_single_release_is_not_guessed(tmp_path, version, fault):
    module = 'module = "org.tensorflow:tensorflow-lite"'
    line = f"tflite = {{ {', '.join(filter(None, (module, version)))} }}"
    (entry,) = read(tmp_path, f"{HEAD}[libraries]\n{line}").find("tflite")
    assert entry.version.text == ""
    assert fault in entry.version.fault


def test_aliases_and_bundles_are_found_as_build_files_call_them(tmp_path):
    catalogue = read(
        tmp_path,
        '[libraries]\ntensorflow-lite_core = "a:b:1"\ntorch = "c:d:2"\n'
        '[bundles]\non-device = ["tensorflow-lite_core", "torch"]',
    )
    assert catalogue.name == "libs"
    assert [one.module for one in catalogue.find("tensorflow.lite.core")] == ["a:b"]
    assert [one.module for one in catalogue.find("bundles.on.device")] == ["a:b", "c:d"]
    assert catalogue.find("tensorflow.lite") == ()


@pytest.mark.parametrize("text", ["[libraries", b"\xff"])
def test_a_catalogue_that_cannot_be_read_is_named(tmp_path, text):
    path = tmp_path / "libs.versions.toml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(SourceError, match=r"cannot read gradle/libs.versions.toml: ") as raised:
        read_catalogue(path, "gradle/libs.versions.toml")
    assert (raised.value.exit_code, raised.value.hint) == (3, "check the file")
