"""The demo app's source: what Gradle and scripts/android both rely on, and what must not creep in."""

import re
import tomllib
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from edgepack.backends import load_backend
from edgepack.runners.java import APIS
from edgepack.runners.runtimes import RUNTIMES
from edgepack.targets import find_target

ROOT = Path(__file__).parents[2]
PROJECT = ROOT / "android_demo"
MAIN = PROJECT / "app" / "src" / "main"
RUNTIME = PROJECT / "runtime" / "src" / "main" / "java" / "dev" / "edgepack" / "runtime"
PICTURES = PROJECT / "pictures" / "src" / "main" / "java" / "dev" / "edgepack" / "pictures"
CATALOGUE = tomllib.loads((PROJECT / "gradle" / "libs.versions.toml").read_text())
ANDROID = "{http://schemas.android.com/apk/res/android}"


def gradle(module):
    return (PROJECT / module / "build.gradle").read_text()


def strings(folder):
    root = ET.parse(MAIN / "res" / folder / "strings.xml").getroot()
    return {one.get("name"): one.text or "" for one in root.iter("string")}


def test_gradle_and_the_script_take_all_versions_from_the_catalogue():
    used = {"compileSdk", "minSdk", "targetSdk", "appCode", "appName", "pytorch", "tensorflowLite"}
    named = set(re.findall(r"libs\.versions\.(\w+)\.get", gradle("app") + gradle("runtime")))
    assert named == used
    assert used | {"androidGradlePlugin"} == set(CATALOGUE["versions"])
    script = (ROOT / "scripts" / "android_tools" / "project.py").read_text()
    # Gradle compiles against an SDK of its own; the script against the one that packages.py locks.
    assert set(re.findall(r'table\["(\w+)"\]', script)) == used - {"compileSdk"}
    locked = (ROOT / "scripts" / "android_tools" / "packages.py").read_text()
    assert f'"{find_api_level(locked)}"' == f'"{CATALOGUE["versions"]["compileSdk"]}"'
    (api,) = APIS["tflite"].further
    assert str(api) == f"org.tensorflow:tensorflow-lite-api:{CATALOGUE['versions']['tensorflowLite']}"


def find_api_level(locked):
    """Android 14, which the locked jar is, has API level 34: the two have been 20 apart since Android 13."""
    (release,) = re.findall(r'"(\d+)-robolectric-\d+"', locked)
    return int(release) + 20


def test_the_runtimes_are_those_that_the_target_is_proven_with():
    versions = CATALOGUE["versions"]
    pinned = {
        library["module"]: versions[library["version"]["ref"]] for library in CATALOGUE["libraries"].values()
    }
    assert all(f"{module}:{release}" in RUNTIMES for module, release in pinned.items())
    proven = {runtime.name: runtime.release for runtime in find_target("android").runtimes}
    assert {module.split(":")[1]: release for module, release in pinned.items()} == proven


@pytest.mark.parametrize("form", ["torch_lite", "tflite"])
def test_artifacts_are_not_compressed(form):
    suffix = load_backend(form).suffix.removeprefix(".")
    (line,) = re.findall(r"noCompress (.*)", gradle("app"))
    assert f"'{suffix}'" in line


def test_placeholders_of_the_manifest_have_values_in_both_builds():
    wanted = set(re.findall(r"\$\{(\w+)\}", (MAIN / "AndroidManifest.xml").read_text()))
    assert wanted == {"pytorch", "tensorflowLite"}
    script = (ROOT / "scripts" / "android_tools" / "compiling.py").read_text()
    for name in wanted:
        assert re.search(rf"{name}: libs\.versions\.{name}\.get\(\)", gradle("app"))
        assert f'"{name}": versions.' in script


def test_the_app_asks_for_no_permission_and_exports_what_it_must():
    manifest = ET.parse(MAIN / "AndroidManifest.xml").getroot()
    assert [element.tag for element in manifest] == ["application"]
    activities = {
        one.get(f"{ANDROID}name"): one.get(f"{ANDROID}exported") for one in manifest.iter("activity")
    }
    assert activities == {".DigitActivity": "true", ".SelfTestActivity": "true"}


def test_every_text_is_there_in_both_languages_with_the_same_places_to_fill():
    english, chinese = strings("values"), strings("values-zh-rCN")
    assert english.keys() == chinese.keys()
    for name, text in english.items():
        places = re.compile(r"%\d\$\.?\d?[a-z]")
        assert sorted(places.findall(text)) == sorted(places.findall(chinese[name])), name


def test_no_text_stands_in_a_layout():
    for path in (MAIN / "res").rglob("*.xml"):
        for element in ET.parse(path).iter():
            for key in ("text", "title", "contentDescription", "hint"):
                assert element.get(f"{ANDROID}{key}", "@string/").startswith("@string/"), path


def test_the_app_knows_nothing_that_the_manifest_says():
    """Not the steps, sizes and labels of the digits; the runtime package knows steps by name only."""
    app = "".join(path.read_text() for path in (MAIN / "java").rglob("*.java"))
    for word in (
        "resize",
        "grayscale",
        "invert",
        "centre",
        "threshold",
        "blocksum",
        "softmax",
        'labels = {"',
        '"0"',
    ):
        assert word not in app, word
    assert not re.search(r"\b(8|10|28|32|64|128)\b", re.sub(r"/\*.*?\*/|//[^\n]*", "", app, flags=re.DOTALL))


def test_the_runtime_package_stands_alone():
    text = "".join(path.read_text() for path in RUNTIME.glob("*.java"))
    assert "android.app" not in text
    assert "android.view" not in text
    assert "dev.edgepack.demo" not in text


def test_the_runtime_package_is_small_and_what_apps_take_over_is_in_it():
    sources = {path.stem: path.read_text() for path in RUNTIME.glob("*.java")}
    runners = {"ModelRunner", "TorchLiteRunner", "TfLiteRunner"}
    assert sources.keys() >= {"BundleReader", "Preprocess", "GoldenCheck"} | runners
    assert sum(text.count("\n") for text in sources.values()) < 600
    for name, text in sources.items():
        assert max(map(len, text.splitlines())) <= 120, name
        assert re.search(r"\*/\n(public |final |abstract )*(class|record) \w", text), f"{name} has no Javadoc"


def test_with_the_arithmetic_of_pictures_it_is_still_a_small_thing_to_take_over():
    """Lines of code: neither blank nor of comments, nor what Java asks for to name other classes."""
    noise = re.compile(r"\s*(//|/?\*|$)|import |package ")
    texts = [path.read_text() for folder in (RUNTIME, PICTURES) for path in folder.glob("*.java")]
    assert sum(not noise.match(line) for text in texts for line in text.splitlines()) < 600


def test_what_pictures_become_needs_no_android():
    for path in PICTURES.glob("*.java"):
        assert not re.search(r"^import (?!java\.|org\.json\.)", path.read_text(), flags=re.MULTILINE), path


def test_nothing_newer_than_the_oldest_android_is_used():
    """javac sees Java 17 whole; Android has had these only since level 26 or later, some not at all."""
    newer = ["java.nio.file", "java.time", "String.join", "java.util.Base64", "List.of", "Map.of"]
    newer += [".isBlank()", ".strip()", ".repeat(", ".lines()", "readAllBytes", "transferTo"]
    # Of buffers: compiled for Java 9 or later, these calls name methods that older releases do not have.
    newer += [".rewind()", ".flip()", ".position(", ".limit("]
    folders = (MAIN / "java", RUNTIME, PICTURES)
    for path in (path for folder in folders for path in folder.rglob("*.java")):
        for word in newer:
            assert word not in path.read_text(), f"{word} in {path}"
