import pytest

from edgepack.bundle import check_files, open_bundle
from edgepack.errors import BundleError


def test_a_whole_bundle_passes(parts, tmp_path):
    reports = {"report.json": "{}\n", "report.html": "<p>"}
    for name in ("tiny", "tiny.zip"):
        with open_bundle(parts.write(tmp_path / name, reports=reports)) as bundle:
            check_files(bundle)


def _flip(root):
    path = root / "artifacts" / "tiny.ptl"
    data = bytearray(path.read_bytes())
    data[1000] ^= 4
    path.write_bytes(data)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (_flip, "file 'artifacts/tiny.ptl' was altered"),
        (lambda root: (root / "golden/0/image.bin").unlink(), "file 'golden/0/image.bin' is missing"),
        (
            lambda root: (root / "golden/0/image.bin").write_bytes(b"x"),
            "'golden/0/image.bin' has 1 bytes instead of 192",
        ),
        (lambda root: (root / "golden/0/more.bin").touch(), "'golden/0/more.bin' is not listed"),
        (lambda root: (root / ".hidden").touch(), "'.hidden' is not listed"),
    ],
)
def test_what_is_not_as_the_manifest_says_is_named(bundle_path, damage, message):
    bundle = open_bundle(bundle_path)
    damage(bundle_path)
    with pytest.raises(BundleError, match=message) as raised:
        check_files(bundle)
    assert raised.value.exit_code == 6
    assert str(bundle_path) in raised.value.message
    assert raised.value.hint == "copy the bundle again, or build it again"


def test_all_faults_are_in_the_details(bundle_path):
    bundle = open_bundle(bundle_path)
    for path in (bundle_path / "golden" / "0").iterdir():
        path.unlink()
    with pytest.raises(BundleError, match=r"\(and 1 more\)") as raised:
        check_files(bundle)
    assert len(raised.value.details["faults"]) == 2


def test_a_link_put_in_after_opening_is_refused_unread(bundle_path, tmp_path):
    bundle = open_bundle(bundle_path)
    image = bundle_path / "golden/0/image.bin"
    image.rename(tmp_path / "outside")
    image.symlink_to(tmp_path / "outside")
    with pytest.raises(BundleError, match=r"symbolic link: 'golden/0/image\.bin'"):
        check_files(bundle)
