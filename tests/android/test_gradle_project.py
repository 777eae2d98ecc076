import pytest

from edgepack.android.gradle_project import read_project
from edgepack.errors import SourceError


@pytest.fixture
def project(tmp_path):
    """A project with a catalogue, properties, two modules, and files that are nobody's."""
    files = {
        "settings.gradle.kts": 'include(":app", ":ml")',
        "gradle.properties": "# versions\ntorch=1.12.2\norg.gradle.jvmargs=-Xmx2g",
        "gradle/libs.versions.toml": '[libraries]\ntflite = "org.tensorflow:tensorflow-lite:2.16.1"',
        "app/build.gradle": "android { androidResources { noCompress 'tflite' } }\n"
        "dependencies { implementation libs.tflite }",
        "ml/build.gradle.kts": 'dependencies { api("org.pytorch:pytorch_android_lite:$torch") }',
        "app/build/generated/old.gradle": "implementation 'org.tensorflow:tensorflow-lite:2.4.0'",
        ".gradle/x.gradle": "implementation 'org.tensorflow:tensorflow-lite:2.4.0'",
        "app/src/main/assets/edgepack/tiny/manifest.json": "{}",
        "app/src/debug/assets/x": "",
    }
    for name, text in files.items():
        path = tmp_path / "MyApp" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path / "MyApp"


def test_a_project_is_read_with_all_its_modules(project):
    app = read_project(project, required=True)
    assert [(pin.release, pin.where) for pin in app.pins] == [
        ("org.tensorflow:tensorflow-lite:2.16.1", "gradle/libs.versions.toml: tflite"),
        ("org.pytorch:pytorch_android_lite:1.12.2", "ml/build.gradle.kts:1"),
    ]
    assert (app.unclear, app.abis, app.stored) == ((), (), {"tflite"})
    assert app.source_sets == (project / "app" / "src" / "debug", project / "app" / "src" / "main")
    assert not app.is_built


def test_a_module_is_read_with_what_its_project_says(project):
    app = read_project(project / "app", required=True)
    assert [pin.release for pin in app.pins] == ["org.tensorflow:tensorflow-lite:2.16.1"]
    assert app.source_sets == (project / "app" / "src" / "debug", project / "app" / "src" / "main")


def test_a_folder_without_gradle_files_is_refused_where_they_are_needed(tmp_path):
    with pytest.raises(SourceError, match="has no Gradle files") as raised:
        read_project(tmp_path, required=True)
    assert "--runtime" in raised.value.hint
    assert read_project(tmp_path, required=False).pins == ()


def test_a_build_file_that_cannot_be_read_is_named(project):
    (project / "app" / "build.gradle").write_bytes(b"\xff")
    with pytest.raises(SourceError, match=r"cannot read .*build.gradle: ") as raised:
        read_project(project, required=True)
    assert raised.value.exit_code == 3
