import pytest
from android_parts import make_apk, make_elf

from edgepack.android.apk import read_apk
from edgepack.android.libraries import identify, published
from edgepack.errors import SourceError

TFLITE = "org.tensorflow:tensorflow-lite:2.16.1"
MAIN = "libtensorflowlite_jni.so"


def published_elf(abi, **options):
    (library,) = [one for one in published()[TFLITE] if one.abi == abi]
    return make_elf(library.build_id, **options)


@pytest.fixture
def read(tmp_path):
    def read(files, **options):
        make_apk(tmp_path / "app.apk", files, **options)
        (tmp_path / "scratch").mkdir()
        return read_apk(tmp_path / "app.apk", (), tmp_path / "scratch", "tiny")

    return read


def test_what_an_apk_holds(read, tmp_path):
    app = read(
        {
            f"lib/arm64-v8a/{MAIN}": published_elf("arm64-v8a"),
            f"lib/x86_64/{MAIN}": published_elf("x86_64"),
            "lib/arm64-v8a/libother.so": make_elf("00", alignment=0x4000),
            "assets/edgepack/tiny/manifest.json": b"{}",
            "assets/edgepack/tiny/artifacts/tiny.tflite": bytes(100),
            "assets/edgepack/other/manifest.json": b"{}",
            "classes.dex": b"",
        },
        compressed=("assets/edgepack/tiny/manifest.json", "classes.dex"),
    )
    assert app.is_built
    assert [(pin.release, pin.where) for pin in app.pins] == [
        (TFLITE, f"lib/arm64-v8a/{MAIN}"),
        (TFLITE, f"lib/x86_64/{MAIN}"),
    ]
    assert app.abis == ("arm64-v8a", "x86_64")
    assert [one.alignment for one in app.libraries] == [0x1000, 0x1000, 0x4000]
    assert app.compressed == {"assets/edgepack/tiny/manifest.json"}
    assert (app.misplaced, app.unclear) == ((), ())
    unpacked = [path.relative_to(tmp_path / "scratch").as_posix() for path in app.source_sets[0].rglob("*.*")]
    assert sorted(unpacked) == [
        "assets/edgepack/tiny/artifacts/tiny.tflite",
        "assets/edgepack/tiny/manifest.json",
    ]


def test_a_library_of_another_build_is_not_guessed_at(read):
    app = read(
        {f"lib/arm64-v8a/{MAIN}": make_elf("abcd"), "lib/arm64-v8a/libpytorch_jni_lite.so": make_elf()}
    )
    assert app.pins == ()
    assert [(one.where, one.text) for one in app.unclear] == [
        (f"lib/arm64-v8a/{MAIN}", "build id abcd"),
        ("lib/arm64-v8a/libpytorch_jni_lite.so", "build id missing"),
    ]


def test_a_library_that_is_stored_off_a_page_is_found(read):
    files = {
        "assets/x": b"1",
        "lib/arm64-v8a/libready.so": make_elf(alignment=0x4000),
        "lib/arm64-v8a/libold.so": make_elf(alignment=0x1000),
        "lib/armeabi-v7a/libready.so": make_elf(alignment=0x4000, bits=32),
    }
    assert read(files, aligned=False).misplaced == ("lib/arm64-v8a/libready.so",)


def test_every_published_runtime_is_identified_on_every_machine():
    for release, libraries in published().items():
        mains = [one for one in libraries if one.name in (MAIN, "libpytorch_jni_lite.so")]
        assert {one.abi for one in mains} == {"arm64-v8a", "armeabi-v7a", "x86", "x86_64"}
        assert {identify(one, ()) for one in mains} == {release}


@pytest.mark.parametrize(
    ("files", "options", "message"),
    [
        ({}, {"manifest": "README"}, "is no APK: it has no AndroidManifest.xml"),
        (
            {},
            {"manifest": "base/manifest/AndroidManifest.xml"},
            "is an app bundle, from which the store",
        ),
        (
            {f"lib/x86/{MAIN}": b"text"},
            {},
            f"lib/x86/{MAIN} is no native library: it is no little",
        ),
    ],
)
def test_what_is_no_apk_is_refused(read, files, options, message):
    with pytest.raises(SourceError) as raised:
        read(files, **options)
    assert message in raised.value.message
    assert raised.value.hint
    assert raised.value.exit_code == 3


def test_a_damaged_apk_is_refused(tmp_path):
    path = make_apk(tmp_path / "app.apk", {"lib/x86/libx.so": make_elf()})
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(SourceError, match="is not a readable APK"):
        read_apk(path, (), tmp_path, "tiny")
