"""Whether an app can load a bundle, and why not."""

from dataclasses import replace

import pytest
from android_parts import make_apk, make_elf

from edgepack.android.check import CheckOptions, check_app
from edgepack.android.embed import embed
from edgepack.android.findings import Level
from edgepack.android.libraries import published
from edgepack.errors import SourceError, UsageError

TORCH = "org.pytorch:pytorch_android_lite:1.12.2"
TFLITE = "org.tensorflow:tensorflow-lite:2.16.1"
BUILD = """
android {{
    defaultConfig {{ ndk {{ abiFilters {abis} }} }}
    androidResources {{ noCompress 'ptl', 'tflite' }}
}}
dependencies {{
{lines}
}}
"""
BOTH = (f"implementation '{TORCH}'", f"implementation '{TFLITE}'")


@pytest.fixture
def loadable(parts, tmp_path):
    """A bundle whose artifacts use what the runtimes have."""
    operators = {"torch_lite": ("aten::add.Tensor",), "tflite": ("ADD@1", "CONV_2D@3")}
    return altered(parts, tmp_path / "dist" / "tiny", operators=operators)


def altered(parts, output, *, operators, requires=None):
    artifacts = tuple(
        replace(one, operators=operators[one.format], requires=requires or {"bytecode": "8"})
        for one in parts.manifest.artifacts
    )
    return replace(parts, manifest=replace(parts.manifest, artifacts=artifacts)).write(output)


@pytest.fixture
def project(tmp_path, loadable):
    """Write an app's project, with the bundle among its assets."""

    def write(*lines, abis="'arm64-v8a'", embedded=True):
        main = tmp_path / "MyApp" / "app" / "src" / "main"
        main.mkdir(parents=True, exist_ok=True)
        build = BUILD.format(lines="\n".join(lines), abis=abis)
        (tmp_path / "MyApp" / "app" / "build.gradle").write_text(build)
        if embedded:
            embed(loadable, main)
        return tmp_path / "MyApp"

    return write


def objections(result, artifact="tflite/float32"):
    return [
        objection.reason
        for verdict in result.verdicts
        if verdict.artifact == artifact
        for objection in verdict.objections
    ]


def findings(result, level):
    return {one.about: one.message for one in result.findings if one.level == level}


def test_an_app_with_the_right_runtimes_passes(project, loadable):
    result = check_app(project(*BOTH), loadable)
    assert result
    assert [(one.artifact, one.runtime, one.loads) for one in result.verdicts] == [
        ("torch_lite/float32", TORCH, True),
        ("tflite/float32", TFLITE, True),
    ]
    assert [sum(one.bytes for one in it.libraries) for it in result.runtimes] == [48_277_832, 3_401_672]
    warnings = findings(result, Level.WARNING)
    assert warnings.keys() == {TORCH, TFLITE}
    assert "libtensorflowlite_jni.so cannot be loaded with pages of 16 KB (arm64-v8a)" in warnings[TFLITE]
    assert "Google Play has asked of apps for Android 15 and later" in warnings[TFLITE]
    hints = {one.about: one.hint for one in result.findings}
    assert "com.google.ai.edge.litert:litert is built for them from 1.4.0 on" in hints[TFLITE]
    assert "ship the .tflite files" in hints[TORCH]


def test_a_missing_runtime_is_named_with_what_brings_it(project, loadable):
    result = check_app(project(BOTH[0]), loadable)
    assert not result
    assert objections(result, "torch_lite/float32") == []
    assert objections(result) == ["the app names no runtime for tflite"]
    (verdict,) = [one for one in result.verdicts if one.artifact == "tflite/float32"]
    assert verdict.objections[0].hint == f"add the dependency {TFLITE}"


@pytest.mark.parametrize(
    ("operators", "requires", "artifact", "reason"),
    [
        ({"tflite": ("CONV_2D@99",)}, None, "tflite/float32", "the runtime has no operator CONV_2D@99"),
        (
            {"torch_lite": ("aten::scaled_dot_product_attention",)},
            None,
            "torch_lite/float32",
            "the runtime has no operator aten::scaled_dot_product_attention",
        ),
        (
            {},
            {"bytecode": "10"},
            "torch_lite/float32",
            "it is of bytecode version 10, and the runtime loads 4 to 9",
        ),
    ],
)
def test_what_a_runtime_lacks_is_named(parts, project, tmp_path, operators, requires, artifact, reason):
    usual = {"torch_lite": ("aten::add.Tensor",), "tflite": ("ADD@1",)}
    bundle = altered(parts, tmp_path / "lacking", operators=usual | operators, requires=requires)
    result = check_app(project(*BOTH, embedded=False), bundle)
    assert not result
    assert objections(result, artifact) == [reason]


@pytest.mark.parametrize(
    ("line", "hint"),
    [
        ("org.tensorflow:tensorflow-lite:2.14.0", "pin org.tensorflow:tensorflow-lite:2.16.1"),
        ("com.google.ai.edge.litert:litert:1.4.0", "`edgepack runtime add` it"),
        ("com.google.android.gms:play-services-tflite-java:16.1.0", "each device's Play services decide"),
    ],
)
def test_a_release_of_which_nothing_is_known_fails_with_a_way_out(project, loadable, line, hint):
    result = check_app(project(BOTH[0], f"implementation '{line}'"), loadable)
    assert not result
    assert objections(result) == [f"edgepack does not know what {line} can load"]
    (verdict,) = [one for one in result.verdicts if one.artifact == "tflite/float32"]
    assert hint in verdict.objections[0].hint
    assert "not known" in findings(result, Level.NOTE)[line]


def test_a_named_runtime_takes_the_place_of_the_apps(project, loadable, tmp_path):
    app = project(BOTH[0], "implementation 'org.tensorflow:tensorflow-lite:2.14.0'")
    result = check_app(app, loadable, CheckOptions((TFLITE,)))
    assert result
    assert {one.release: one.where for one in result.runtimes} == {
        TFLITE: ("--runtime",),
        TORCH: ("app/build.gradle:7",),
    }
    (tmp_path / "empty").mkdir()
    assert check_app(tmp_path / "empty", loadable, CheckOptions((TFLITE, TORCH)))
    with pytest.raises(UsageError) as raised:
        check_app(app, loadable, CheckOptions(("org.tensorflow:tensorflow-light:2.16.1",)))
    assert raised.value.message == "unknown runtime 'org.tensorflow:tensorflow-light:2.16.1'"
    assert "did you mean org.tensorflow:tensorflow-lite:2.16.1?" in raised.value.hint


def test_every_release_that_an_app_may_ship_has_to_do(project, loadable):
    lines = (BOTH[0], "debugImplementation 'org.tensorflow:tensorflow-lite:2.14.0'", BOTH[1])
    result = check_app(project(*lines), loadable)
    assert not result
    loads = {one.runtime: one.loads for one in result.verdicts if one.artifact == "tflite/float32"}
    assert loads == {TFLITE: True, "org.tensorflow:tensorflow-lite:2.14.0": False}


def test_an_app_for_other_machines_fails(project, loadable):
    result = check_app(project(*BOTH, abis="'x86_64'"), loadable)
    assert findings(result, Level.PROBLEM) == {
        "arm64-v8a": "the bundle is for arm64-v8a, and the app is built for x86_64 only"
    }
    assert not result


def test_lines_that_are_not_understood_are_warned_of(project, loadable):
    result = check_app(project(*BOTH, "implementation deps['tensorflow-lite']"), loadable)
    assert result
    message = findings(result, Level.WARNING)["app/build.gradle:9"]
    assert message.startswith("not understood: implementation deps['tensorflow-lite'] (")


def test_stale_assets_fail(project, loadable):
    app = project(*BOTH)
    folder = app / "app" / "src" / "main" / "assets" / "edgepack" / "tiny"
    (folder / "artifacts" / "tiny.tflite").write_bytes(b"old")
    (folder / "golden" / "0" / "image.bin").unlink()
    result = check_app(app, loadable)
    assert objections(result) == ["its file among the app's assets is stale"]
    assert objections(result, "torch_lite/float32") == []
    assert findings(result, Level.PROBLEM) == {str(folder): "golden/0/image.bin is missing"}
    (folder / "manifest.json").write_text("<<<<")
    assert "manifest.json is not JSON" in findings(check_app(app, loadable), Level.PROBLEM)[str(folder)]


def test_a_bundle_that_was_embedded_in_part_is_current(project, loadable):
    app = project(*BOTH, embedded=False)
    embed(loadable, app / "app" / "src" / "main", artifacts=["tflite/float32"], golden=False)
    result = check_app(app, loadable)
    assert result
    assert findings(result, Level.NOTE) == {"torch_lite/float32": "the app does not embed it"}


def test_a_bundle_that_is_not_embedded_and_may_be_compressed_is_mentioned(project, loadable):
    app = project(*BOTH, embedded=False)
    build = app / "app" / "build.gradle"
    build.write_text(build.read_text().replace("noCompress 'ptl', 'tflite'", "noCompress 'ptl'"))
    result = check_app(app, loadable)
    assert result
    assert "is not among the app's assets" in findings(result, Level.NOTE)["assets/edgepack"]
    assert "no build file says noCompress 'tflite'" in findings(result, Level.WARNING)[".tflite"]


def apk_files(*releases, abis=("arm64-v8a",)):
    return {
        f"lib/{one.abi}/{one.name}": make_elf(one.build_id, alignment=one.alignment)
        for release in releases
        for one in published()[release]
        if one.abi in abis
    }


def embedded_files(loadable, tmp_path):
    (tmp_path / "staging").mkdir()
    root = embed(loadable, tmp_path / "staging").folder.parents[2]
    return {
        path.relative_to(root).as_posix(): path.read_bytes() for path in root.rglob("*") if path.is_file()
    }


def test_an_apk_is_checked_by_what_is_in_it(loadable, tmp_path):
    own = {
        "lib/arm64-v8a/libcamera.so": make_elf(alignment=0x1000),
        "lib/arm64-v8a/libready.so": make_elf(alignment=0x4000),
    }
    files = apk_files(TORCH, TFLITE) | own | embedded_files(loadable, tmp_path)
    result = check_app(make_apk(tmp_path / "app.apk", files, aligned=False), loadable)
    assert result, (result.verdicts, result.findings)
    warnings = findings(result, Level.WARNING)
    assert warnings.keys() == {TORCH, TFLITE, "other libraries", "lib/arm64-v8a/libready.so"}
    assert warnings[TORCH].startswith("libc++_shared.so, libfbjni.so, libpytorch_jni_lite.so cannot be ")
    assert warnings["other libraries"].startswith("libcamera.so cannot be loaded with pages of 16 KB")
    assert "does not start on a page of 16 KB" in warnings["lib/arm64-v8a/libready.so"]
    stripped = findings(result, Level.NOTE)[TFLITE]
    assert stripped == "the APK's libtensorflowlite_jni.so was stripped: the build is the same, the size not"


def test_compressed_and_stale_assets_of_an_apk_fail(loadable, tmp_path):
    assets = embedded_files(loadable, tmp_path)
    prefix = "assets/edgepack/tiny/artifacts"
    files = apk_files(TORCH, TFLITE) | assets | {f"{prefix}/tiny.ptl": b"old"}
    packed = (f"{prefix}/tiny.tflite", f"{prefix}/tiny.ptl")
    result = check_app(make_apk(tmp_path / "app.apk", files, compressed=packed), loadable)
    assert objections(result) == ["its file is compressed in the APK and cannot be mapped"]
    assert objections(result, "torch_lite/float32") == ["its file among the app's assets is stale"]
    assert "gains next to nothing" in findings(result, Level.WARNING)["artifacts/tiny.ptl"]
    assert not result


def test_an_apk_without_the_machine_or_with_an_unknown_library_fails(loadable, tmp_path):
    files = apk_files(TORCH) | apk_files(TFLITE, abis=("x86_64",)) | embedded_files(loadable, tmp_path)
    result = check_app(make_apk(tmp_path / "app.apk", files), loadable)
    assert findings(result, Level.PROBLEM) == {
        "libtensorflowlite_jni.so": "the APK has no libtensorflowlite_jni.so for arm64-v8a"
    }
    files["lib/arm64-v8a/libtensorflowlite_jni.so"] = make_elf("abcd")
    del files["lib/x86_64/libtensorflowlite_jni.so"]
    result = check_app(make_apk(tmp_path / "app.apk", files), loadable)
    assert objections(result) == ["the app names no runtime for tflite"]
    message = findings(result, Level.WARNING)["lib/arm64-v8a/libtensorflowlite_jni.so"]
    assert message == "not understood: build id abcd (no release that edgepack knows)"


def test_an_app_that_is_not_there_is_refused(loadable, tmp_path):
    with pytest.raises(UsageError, match="there is no app at") as raised:
        check_app(tmp_path / "absent", loadable)
    assert "Gradle project, or an .apk" in raised.value.hint
    (tmp_path / "notes.txt").write_text("hello")
    with pytest.raises(SourceError, match=r"notes.txt is not a readable APK"):
        check_app(tmp_path / "notes.txt", loadable)
