import json

import pytest

from edgepack.errors import BundleError
from edgepack.report.json import dumps, from_json, load, to_json


@pytest.mark.parametrize("name", ["good", "bad", "quantised"])
def test_a_report_survives_its_document(request, name):
    report = request.getfixturevalue(name)

    def refuse(constant):
        raise AssertionError(constant)

    document = json.loads(dumps(report), parse_constant=refuse)
    assert from_json(document) == report
    assert document["passed"] == bool(report)


def test_infinite_figures_are_strings_and_worst_figures_are_given(good, bad):
    figures = to_json(good)["results"][0]
    assert (figures["passed"], figures["max_error"], figures["snr_db"]) == (True, 0.0, "inf")
    (missing,) = to_json(bad)["failures"][1]["comparisons"]
    assert (missing["needed_relative"], missing["snr_db"]) == ("inf", "-inf")


@pytest.mark.parametrize("document", [[], {}, {"schema": "edgepack.report/2"}])
def test_other_documents_are_refused(document):
    with pytest.raises(BundleError, match="not a report that this edgepack reads") as raised:
        from_json(document)
    assert raised.value.exit_code == 6


@pytest.mark.parametrize(
    ("key", "value"),
    [("results", None), ("results", [{}]), ("results", ["x"]), ("seconds", {"a": "b"}), ("gaps", [{"x": 1}])],
)
def test_a_damaged_document_is_refused(good, key, value):
    with pytest.raises(BundleError, match="the report is damaged: ") as raised:
        from_json(to_json(good) | {key: value})
    assert raised.value.exit_code == 6
    assert raised.value.hint == "build or verify the bundle again"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "cannot read .*report.json: No such file"),
        (b"\xff", "report.json is not JSON"),
        (b"[" * 100_000, "report.json is not JSON"),
        (b"{}", "report.json: not a report"),
    ],
)
def test_a_report_file_that_cannot_be_used_is_named(good, tmp_path, content, message):
    path = tmp_path / "report.json"
    path.write_text(dumps(good))
    assert load(path) == good
    path.unlink()
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(BundleError, match=message) as raised:
        load(path)
    assert raised.value.exit_code == 6
