"""The self-test's report: what the app writes, what its document shows, and what is read here."""

import re
from pathlib import Path

import pytest

from edgepack.errors import SourceError
from edgepack.runners.device_report import LARGEST_DATA, SCHEMA, parse, read_file
from edgepack.runners.device_session import PACKAGE

ROOT = Path(__file__).parents[2]
JAVA = ROOT / "android_demo" / "app" / "src" / "main" / "java" / "dev" / "edgepack" / "demo"


def example():
    """The report that docs/selftest.md shows, with something in the place of what it leaves out."""
    (text,) = re.findall(r"^```json\n(.*?)^```", (ROOT / "docs" / "selftest.md").read_text(), re.S | re.M)
    text = text.replace('"manifest_sha256": "…"', f'"manifest_sha256": "{"0" * 64}"')
    return text.replace('"data": "…"', '"data": "AAAAAA=="')


def test_the_report_that_the_document_shows_is_one():
    report = parse(example(), "of the document")
    assert (report.bundle, report.runs, report.error) == ("digits", 20, "")
    artifact = report.artifacts["tflite/int8"]
    assert (artifact.load_ms, artifact.median_ms, artifact.p90_ms) == (3.1, 0.21, 0.34)
    output = artifact.cases[0]["output"]
    assert (output.passed, output.max_error, output.snr_db, output.data) == (True, 0.13, 32.7, bytes(4))


@pytest.mark.parametrize(("model", "name"), [("Phone 7", "Acme Phone 7"), ("ACME P9", "ACME P9")])
def test_a_phone_is_named_once(model, name):
    text = example().replace(
        '"manufacturer": "…", "model": "…"', f'"manufacturer": "Acme", "model": "{model}"'
    )
    assert parse(text, "").device == f"{name}, Android 14"


def test_a_shared_file_may_begin_with_a_mark(tmp_path):
    (tmp_path / "shared.json").write_text(example(), encoding="utf-8-sig")
    assert read_file(tmp_path / "shared.json") == parse(example(), "")


def test_text_that_is_no_text_is_refused(tmp_path):
    (tmp_path / "shared.json").write_bytes(b"\xff\xfe")
    with pytest.raises(SourceError, match="cannot read the self-test's report"):
        read_file(tmp_path / "shared.json")


def test_the_app_speaks_of_the_same_things():
    test, activity = ((JAVA / f"{name}.java").read_text() for name in ("SelfTest", "SelfTestActivity"))
    assert f'"{SCHEMA}"' in test
    (shift,) = re.findall(r"LARGEST_DATA = 1 << (\d+);", test)
    assert 1 << int(shift) == LARGEST_DATA
    assert f"package {PACKAGE};" in activity
    for extra in ("bundle", "report", "runs"):
        assert f' = "{extra}";' in activity
    assert 'getFilesDir(), "selftest"' in activity
