"""What is shown of an error that carries a report."""

import json

import pytest

from edgepack.cli.command import Flags
from edgepack.cli.problems import show
from edgepack.errors import ConversionError
from edgepack.report import Report, RouteFailure

FAILURE = RouteFailure("tflite/float32", "direct", "no operator Det", log_tail="the log")
ERROR = ConversionError(
    "no route", "use another", {"report": Report("net", "android", (), (FAILURE,)), "log": "long"}
)


def test_the_report_of_a_failed_build_is_its_result(capsys):
    assert show(ERROR, Flags()) == 4
    out, err = capsys.readouterr()
    assert "no operator Det" in out
    assert err == "Error: no route\nHint: use another\n"


def test_debug_does_not_repeat_the_report(capsys):
    show(ERROR, Flags(debug=True))
    _, err = capsys.readouterr()
    assert "log: long" in err
    assert "RouteFailure" not in err


def test_with_json_the_report_is_in_the_details(capsys):
    show(ERROR, Flags(json=True))
    details = json.loads(capsys.readouterr().out)["error"]["details"]
    assert details["log"] == "long"
    assert details["report"]["passed"] is False
    assert details["report"]["failures"][0]["reason"] == "no operator Det"


@pytest.mark.parametrize("value", [float("inf"), {"path": object()}])
def test_whatever_is_in_the_details_the_document_is_valid_json(capsys, value):
    show(ConversionError("no", details={"value": value}), Flags(json=True))
    json.loads(capsys.readouterr().out, parse_constant=pytest.fail)
