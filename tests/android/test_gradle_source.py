"""What is read of build files, and what is reported as not understood."""

import pytest

from edgepack.android.catalogue import read_catalogue
from edgepack.android.gradle_source import merge_variables, read_source, strip_comments

CATALOGUE = """
[versions]
tflite = "2.16.1"
[libraries]
tensorflow-lite = { module = "org.tensorflow:tensorflow-lite", version.ref = "tflite" }
tensorflow-lite-gpu = { module = "org.tensorflow:tensorflow-lite-gpu", version.ref = "tflite" }
floating = "org.tensorflow:tensorflow-lite:2.+"
[bundles]
ml = ["tensorflow-lite", "tensorflow-lite-gpu"]
"""
PINNED = "org.tensorflow:tensorflow-lite:2.16.1"


@pytest.fixture
def read(tmp_path):
    path = tmp_path / "libs.versions.toml"
    path.write_text(CATALOGUE)
    catalogue = read_catalogue(path, "gradle/libs.versions.toml")

    def read(text, **properties):
        code = strip_comments(text)
        return read_source(code, "app/build.gradle", [catalogue], merge_variables([code], properties))

    return read


@pytest.mark.parametrize(
    "line",
    [
        "implementation 'org.tensorflow:tensorflow-lite:2.16.1'",
        'implementation("org.tensorflow:tensorflow-lite:2.16.1")',
        "api 'org.tensorflow:tensorflow-lite:2.16.1@aar'",
        'releaseImplementation("org.tensorflow:tensorflow-lite:2.16.1") { exclude(module = "x") }',
        "implementation group: 'org.tensorflow', name: 'tensorflow-lite', version: '2.16.1'",
        'implementation(group = "org.tensorflow", name = "tensorflow-lite", version = "2.16.1")',
        "implementation(\n    'org.tensorflow:tensorflow-lite:2.16.1',\n)",
        "implementation('org.tensorflow:tensorflow-lite') { version { strictly '2.16.1' } }",
        'implementation("org.tensorflow:tensorflow-lite") {\n  version {\n    strictly("2.16.1")\n  }\n}',
        "def tfliteVersion = '2.16.1'\nimplementation \"org.tensorflow:tensorflow-lite:$tfliteVersion\"",
        'val v = "2.16.1"\nimplementation("org.tensorflow:tensorflow-lite:${v}")',
        'val v by extra("2.16.1")\nimplementation("org.tensorflow:tensorflow-lite:$v")',
        "ext { v = '2.16.1' }\nimplementation \"org.tensorflow:tensorflow-lite:${rootProject.ext.v}\"",
        "ext.v = '2.16.1'\nimplementation group: 'org.tensorflow', name: 'tensorflow-lite', version: v",
        'implementation("org.tensorflow:tensorflow-lite:${libs.versions.tflite.get()}")',
        'implementation("org.tensorflow:tensorflow-lite:$fromProperties")',
        "configurations.all { resolutionStrategy { force 'org.tensorflow:tensorflow-lite:2.16.1' } }",
    ],
)
def test_a_release_is_told_in_several_ways(read, line):
    found = read(f"dependencies {{\n{line}\n}}", fromProperties="2.16.1")
    assert [pin.release for pin in found.pins] == [PINNED]
    assert found.pins[0].where.startswith("app/build.gradle:")
    assert found.unclear == ()


@pytest.mark.parametrize(
    "line",
    [
        "implementation libs.tensorflow.lite",
        "implementation(libs.tensorflow.lite)",
        "implementation(libs.tensorflow.lite.get())",
        "implementation(libs.bundles.ml)",
    ],
)
def test_a_catalogue_is_looked_up(read, line):
    (pin,) = read(line).pins
    assert (pin.release, pin.where) == (PINNED, "gradle/libs.versions.toml: tensorflow-lite")


@pytest.mark.parametrize(
    "line",
    [
        "testImplementation 'org.tensorflow:tensorflow-lite:2.16.1'",
        "androidTestImplementation(libs.tensorflow.lite)",
        "compileOnly 'org.tensorflow:tensorflow-lite:2.16.1'",
        "// implementation 'org.tensorflow:tensorflow-lite:2.16.1'",
        "/* implementation 'org.tensorflow:tensorflow-lite:2.16.1'\n */",
        "implementation 'org.tensorflow:tensorflow-lite-gpu:2.16.1'",
        "implementation libs.tensorflow.lite.gpu",
        "implementation(libs.something) { exclude group: 'org.tensorflow', module: 'tensorflow-lite' }",
        "implementation 'org.tensorflow:tensorflow-lite-support:0.4.4' // not tensorflow-lite",
    ],
)
def test_what_does_not_ship_a_runtime_does_not_count(read, line):
    found = read(line)
    assert (found.pins, found.unclear) == ((), ())


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("implementation 'org.tensorflow:tensorflow-lite:2.+'", "version '2.+' is no single release"),
        ("implementation 'org.tensorflow:tensorflow-lite'", "a platform or another file decides"),
        ('implementation "org.tensorflow:tensorflow-lite:$v"', "no text is given for it"),
        ('implementation "org.tensorflow:tensorflow-lite:${a ?: b}"', "cannot be told"),
        (
            "implementation 'org.tensorflow:tensorflow-lite:' + tflite()",
            "the text is put together from parts",
        ),
        ("implementation group: 'org.tensorflow', name: 'tensorflow-lite', version: v", "no text is given"),
        ("implementation libs.floating", "version '2.+' is no single release"),
        ("implementation deps['tensorflow-lite']", "edgepack does not read this form"),
        ("implementation(tensorflow('tensorflow-lite'))", "edgepack does not read this form"),
        ("implementation files('libs/pytorch.aar')", "a local archive"),
        ("ndk { abiFilters.addAll(abis) }", "no machine is named here"),
    ],
)
def test_what_is_not_understood_is_said_with_its_line(read, line, reason):
    found = read(f"dependencies {{\n    {line}\n}}")
    assert found.pins == ()
    (unclear,) = found.unclear
    assert (unclear.where, unclear.text) == ("app/build.gradle:2", line)
    assert reason in unclear.reason


def test_two_values_for_a_name_are_not_chosen_from(read):
    text = "def v = '2.16.1'\nif (old) { v = '2.4.0' }\nimplementation \"org.tensorflow:tensorflow-lite:$v\""
    found = read(text)
    assert found.pins == ()
    assert "2 values are given for it" in found.unclear[0].reason


def test_every_release_that_is_named_counts(read):
    found = read(
        "debugImplementation 'org.tensorflow:tensorflow-lite:2.14.0'\n"
        "releaseImplementation 'org.tensorflow:tensorflow-lite:2.16.1'\n"
    )
    assert [pin.release.rpartition(":")[2] for pin in found.pins] == ["2.14.0", "2.16.1"]


@pytest.mark.parametrize(
    "text",
    [
        "ndk { abiFilters 'arm64-v8a', \"x86_64\" }",
        'ndk { abiFilters += listOf("arm64-v8a", "x86_64") }',
        'ndk {\n  abiFilters(\n    "arm64-v8a",\n    "x86_64",\n  )\n}',
        "splits {\n  abi {\n    enable true\n    reset()\n    include 'arm64-v8a', 'x86_64'\n  }\n}",
    ],
)
def test_machines_are_read(read, text):
    assert read(text).abis == ("arm64-v8a", "x86_64")


@pytest.mark.parametrize(
    "text",
    [
        "aaptOptions { noCompress 'tflite', '.ptl' }",
        'androidResources { noCompress += listOf("tflite", "ptl") }',
        'androidResources {\n  noCompress(\n    "tflite",\n    "ptl",\n  )\n}',
    ],
)
def test_what_is_not_compressed_is_read(read, text):
    assert read(text).stored == ("tflite", "ptl")


def test_a_comment_in_a_text_is_none():
    code = 'maven { url "https://x" } // y\nval a = "/*" /* z\n*/ + "b"'
    assert strip_comments(code) == 'maven { url "https://x" }     \nval a = "/*"     \n   + "b"'
