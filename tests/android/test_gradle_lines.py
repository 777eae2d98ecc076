from dataclasses import replace

import pytest

from edgepack.android.gradle_lines import dependencies, gradle_text, suffixes
from edgepack.errors import UsageError

GROOVY = """\
android {
    androidResources {
        noCompress 'ptl', 'tflite'
    }
}
dependencies {
    implementation 'org.pytorch:pytorch_android_lite:1.12.2'
    implementation 'org.tensorflow:tensorflow-lite:2.16.1'
}"""
KOTLIN = """\
android {
    androidResources {
        noCompress += listOf("tflite")
    }
}
dependencies {
    implementation("org.tensorflow:tensorflow-lite:2.16.1")
}"""


def test_the_lines_are_for_what_the_bundle_holds(parts):
    assert gradle_text(parts.manifest, kotlin=False) == GROOVY
    tflite = tuple(one for one in parts.manifest.artifacts if one.format == "tflite")
    assert gradle_text(replace(parts.manifest, artifacts=tflite), kotlin=True) == KOTLIN


def test_a_runtime_that_lacks_something_is_still_the_one_that_the_target_is_proven_on(parts):
    artifacts = tuple(replace(one, operators=("NO_SUCH@9",)) for one in parts.manifest.artifacts)
    assert dependencies(replace(parts.manifest, artifacts=artifacts)) == dependencies(parts.manifest)


def test_a_format_without_a_known_runtime_has_no_dependency(parts):
    artifacts = tuple(replace(one, format="core_ml") for one in parts.manifest.artifacts)
    manifest = replace(parts.manifest, artifacts=artifacts)
    assert (suffixes(manifest), dependencies(manifest)) == (("ptl", "tflite"), ())


def test_another_target_has_no_gradle_lines(parts):
    with pytest.raises(UsageError, match="was built for linux-arm64, not for Android"):
        dependencies(replace(parts.manifest, target="linux-arm64"))
