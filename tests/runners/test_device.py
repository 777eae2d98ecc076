"""The device runner: judging the report of a self-test."""

import base64
import copy
import json

import numpy as np
import pytest
from device_parts import verify_on_device

from edgepack.errors import SourceError, VerificationFailed
from edgepack.options import RunnerChoice
from edgepack.report.content import sections
from edgepack.report.json import from_json, to_json
from edgepack.verification import VerifyOptions, verify


@pytest.fixture
def judge(conv_bundle, shared_report, tmp_path):
    """Change a copy of the report and judge the bundle by it."""

    def judge(change, events=None):
        document = copy.deepcopy(shared_report)
        text = change(document)
        (tmp_path / "shared.json").write_text(text if isinstance(text, str) else json.dumps(document))
        return verify_on_device(conv_bundle, events, device_report=tmp_path / "shared.json")

    return judge


def first_output(document, artifact=0):
    return document["artifacts"][artifact]["cases"][0]["outputs"][0]


def set_in(key, value):
    return lambda document: document.update({key: value})


def test_a_report_is_judged_like_any_other_run(judge, conv_bundle):
    report = judge(lambda document: None)
    assert report.passed, [result.error for result in report.results]
    here = verify(conv_bundle)
    for result, host in zip(report.results, here.results, strict=True):
        assert result.place == "device, tflite 2.16.1 on Acme Phone 7, Android 15"
        assert (result.artifact_id, result.cases) == (host.artifact_id, 2)
        assert result.comparisons == host.comparisons
    assert [result.artifact_id for result in report.results] == ["tflite/float32", "tflite/int8"]


def test_latency_is_in_the_report(judge, shared_report):
    report = judge(lambda document: None)
    latency = report.results[0].latency
    assert latency.runs == 5
    assert latency.median_ms == shared_report["artifacts"][0]["latency_ms"]["median"]
    assert from_json(to_json(report)) == report
    (section,) = [one for one in sections(report) if one.title == "On a device"]
    assert section.items[0].text.startswith(
        "tflite/float32, tflite 2.16.1 on Acme Phone 7, Android 15: loaded in 1.5 ms; "
    )
    assert f"{latency.median_ms:.2f} ms an inference" in section.items[0].text


def test_a_device_is_set_beside_this_machine(conv_bundle, shared_report, tmp_path):
    (tmp_path / "shared.json").write_text(json.dumps(shared_report))
    choice = RunnerChoice(("host", "device"), device_report=tmp_path / "shared.json")
    report = verify(conv_bundle, VerifyOptions(runners=choice))
    device = [result for result in report.results if result.runner == "device"]
    assert [result.beside_host.different for result in device] == [0, 0]


def change_values(document):
    """A device that computes something else, and an app that sees it."""
    output = first_output(document)
    values = np.frombuffer(base64.b64decode(output["data"]), "<f4") * np.float32(1.5)
    output |= {"data": base64.b64encode(values.tobytes()).decode(), "passed": False}


def test_a_wrong_result_fails(judge):
    report = judge(change_values)
    assert not report.passed
    wrong, right = report.results
    assert (wrong.passed, wrong.error, right.passed) == (False, "", True)
    assert wrong.comparisons[0].reason.startswith("golden case 0: off by ")


def drop_data(document):
    first_output(document, artifact=1)["data"] = None


def swap_dtype(document):
    """The app sends what the file has, not what the model has."""
    output = first_output(document, artifact=1)
    values = np.frombuffer(base64.b64decode(output["data"]), "<f4").astype(np.int8)
    output["data"] = base64.b64encode(values.tobytes()).decode()


def disagree(document):
    change_values(document)
    first_output(document)["passed"] = True


def blame(document):
    first_output(document, artifact=1)["passed"] = False


def fail_to_load(document):
    document["artifacts"][1] |= {"error": "Following ops cannot be found", "cases": [], "passed": False}


@pytest.mark.parametrize(
    ("change", "error"),
    [
        (lambda document: document["artifacts"].pop(1), "the device's report does not have it"),
        (fail_to_load, "Following ops cannot be found"),
        (
            lambda document: document["artifacts"][1]["cases"].pop(1),
            "the device's report lacks output 'features' of golden case 1",
        ),
        (
            drop_data,
            "the device's report has 0 bytes of output 'features', and features:float32[1,4,8,6] has 768",
        ),
        (
            swap_dtype,
            "the device's report has 192 bytes of output 'features', and features:float32[1,4,8,6] has 768",
        ),
        (blame, "the app takes output 'features' for wrong, and it is not: it is within what is allowed"),
    ],
)
def test_what_the_report_lacks_or_denies_is_an_error_of_that_artifact(judge, change, error):
    first, second = judge(change).results
    assert (first.passed, second.passed, second.error) == (True, False, error)


def test_an_app_that_overlooks_an_error_is_found_out(judge):
    wrong = judge(disagree).results[0]
    assert wrong.error.startswith("the app takes output 'features' for right, and it is not: off by ")


def test_large_outputs_are_judged_by_the_apps_figures(judge, monkeypatch):
    monkeypatch.setattr("edgepack.runners.device_judge.LARGEST_DATA", 100)

    def strip(document):
        for artifact in document["artifacts"]:
            for case in artifact["cases"]:
                case["outputs"][0]["data"] = None

    events = []
    report = judge(strip, events)
    full = judge(lambda document: None)
    assert report.passed
    assert [one.max_error for one in report.results] == [one.max_error for one in full.results]
    assert all(less.cosine <= exact.cosine for less, exact in zip(report.results, full.results, strict=True))
    warned = [event for event in events if event.kind == "warning"]
    assert "tflite/float32: outputs of over 1 MiB were judged by the figures" in warned[0].message


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda document: "<html>", "is not JSON: "),
        (lambda document: "[]", "is no self-test's report: its schema is None"),
        (set_in("schema", "edgepack.selftest/2"), "its schema is 'edgepack.selftest/2'"),
        (set_in("device", {}), "is damaged: device: 'manufacturer' is a required property"),
        (set_in("runs", 0), "is damaged: runs: 0 is less than the minimum of 1"),
        (
            lambda document: document["artifacts"].append(document["artifacts"][0]),
            "is damaged: id 'tflite/float32' comes twice",
        ),
        (lambda document: first_output(document).update(data="?"), "is damaged: "),
        (
            set_in("bundle", {"name": "other", "manifest_sha256": "0" * 64}),
            "was of another bundle: 'other' with manifest 000000000000, and 'conv' has ",
        ),
        (
            lambda document: document.update(bundle=None, error="no such folder", artifacts=[]),
            "the self-test on Acme Phone 7, Android 15 could not open its bundle: no such folder",
        ),
    ],
)
def test_a_report_that_is_none_or_of_something_else_is_refused(judge, change, message):
    with pytest.raises(SourceError) as raised:
        judge(change)
    assert message in raised.value.message
    assert raised.value.exit_code == 3
    assert raised.value.hint


def test_a_test_that_ended_early_says_why(judge):
    with pytest.raises(VerificationFailed) as raised:
        judge(set_in("error", "the picture of golden case 0 does not become its input"))
    assert raised.value.message == (
        "the self-test on Acme Phone 7, Android 15 ended early: "
        "the picture of golden case 0 does not become its input"
    )


def test_a_report_that_is_not_there_is_refused(conv_bundle, tmp_path):
    with pytest.raises(SourceError, match=r"cannot read the self-test's report .*absent.json"):
        verify_on_device(conv_bundle, device_report=tmp_path / "absent.json")
