"""The device runner: judging a report, and having one made over adb."""

import base64
import copy
import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from edgepack.bundle import open_bundle, write_bundle
from edgepack.errors import MissingTool, SourceError, UsageError, VerificationFailed
from edgepack.options import RunnerChoice
from edgepack.report.content import sections
from edgepack.report.json import from_json, to_json
from edgepack.verification import VerifyOptions, verify
from edgepack.workers import Limits


def verify_on_device(bundle, events=None, seconds=60.0, **choice):
    options = VerifyOptions(runners=RunnerChoice(("device",), **choice), limits=Limits(seconds))
    return verify(bundle, options, emit=(lambda _: None) if events is None else events.append)


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


def test_a_connected_device_tests_the_bundle_and_is_left_as_it_was(conv_bundle, phone):
    report = verify_on_device(conv_bundle)
    assert report.passed, [result.error for result in report.results]
    assert [result.latency.runs for result in report.results] == [20, 20]
    assert phone.files == []
    assert (phone.root / "stopped").exists()
    assert all(call[:2] == ["-s", "R58M"] for call in phone.calls[1:])


def test_a_zipped_bundle_will_do(conv_bundle, phone, tmp_path):
    with open_bundle(conv_bundle) as bundle:
        listed = [*(one.file for one in bundle.manifest.artifacts)]
        for case in bundle.manifest.golden:
            listed += [*case.inputs.values(), *case.outputs.values()]
        files = {file.path: bundle.root / file.path for file in listed}
        write_bundle(tmp_path / "conv.zip", bundle.manifest, files)
    assert verify_on_device(tmp_path / "conv.zip").passed


def test_one_of_several_devices_is_chosen(conv_bundle, phone):
    phone.set(devices={"R58M": "device", "emulator-5554": "device", "offline-one": "offline"})
    with pytest.raises(UsageError) as raised:
        verify_on_device(conv_bundle)
    assert raised.value.message == "2 devices are connected: R58M, emulator-5554"
    assert raised.value.hint == "choose one with --serial"
    with pytest.raises(UsageError, match="there is no device R58") as raised:
        verify_on_device(conv_bundle, serial="R58")
    assert "did you mean R58M?" in raised.value.hint
    phone.set(behaviour="crashes")
    with pytest.raises(VerificationFailed, match="on emulator-5554 crashed"):
        verify_on_device(conv_bundle, serial="emulator-5554")


@pytest.mark.parametrize(
    ("state", "message", "hint"),
    [
        ({"devices": {}}, "no Android device is connected", "allow debugging over USB"),
        (
            {"devices": {"R58M": "unauthorized"}},
            "device R58M does not answer: it is unauthorized",
            "allow this computer",
        ),
        ({"devices": {"R58M": "offline"}}, "device R58M does not answer: it is offline", "adb reconnect"),
        (
            {"devices": {"R58M": "no permissions (missing udev rules?); see [http://x]"}},
            "device R58M does not answer: it is no permissions",
            "let your user access it",
        ),
        (
            {"app": False},
            "the demo app dev.edgepack.demo is not installed on R58M",
            "scripts/android build, then adb install",
        ),
        (
            {"debuggable": False},
            "package not debuggable",
            "install its debug build",
        ),
        ({"activity": False}, "cannot be started: Error type 3", "install the app of this release"),
        ({"full": True}, "No space left on device", ""),
    ],
)
def test_what_a_device_lacks_is_named(conv_bundle, phone, state, message, hint):
    phone.set(**state)
    with pytest.raises(MissingTool) as raised:
        verify_on_device(conv_bundle)
    assert message in raised.value.message
    assert hint in raised.value.hint
    assert raised.value.exit_code == 5
    assert phone.files == []


def test_without_adb_the_hint_says_what_installs_it(conv_bundle, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(
        MissingTool, match="adb is not installed; it is needed to talk to Android devices"
    ) as one:
        verify_on_device(conv_bundle)
    assert "adb" in one.value.hint
    assert one.value.exit_code == 5


@pytest.mark.parametrize(
    ("behaviour", "kind", "message"),
    [
        ("crashes", VerificationFailed, "crashed during its self-test: F DEBUG: signal 11 (SIGSEGV)"),
        ("hangs", VerificationFailed, "the self-test on R58M was not done after 2 s"),
        ("babbles", SourceError, "the self-test's report of R58M is not JSON"),
    ],
)
def test_an_app_that_does_not_report_is_given_up_and_tidied_up_after(
    conv_bundle, phone, behaviour, kind, message
):
    phone.set(behaviour=behaviour)
    with pytest.raises(kind) as raised:
        verify_on_device(conv_bundle, seconds=2.0)
    assert message in raised.value.message
    assert raised.value.hint
    assert phone.files == []
    assert (phone.root / "stopped").exists()


def test_an_interruption_tidies_up(conv_bundle, phone):
    phone.set(behaviour="hangs")
    command = [sys.executable, "-m", "edgepack", "verify", conv_bundle, "--runner", "device"]
    started = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    while not (phone.root / "running").exists():
        time.sleep(0.05)
        assert started.poll() is None, started.communicate()
    os.kill(started.pid, signal.SIGINT)
    started.communicate(timeout=30)
    assert started.returncode != 0
    assert phone.files == []
    assert (phone.root / "stopped").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--serial", "R58M"], "--serial and --device-report are for --runner device"),
        (["--device-report", "shared.json"], "--serial and --device-report are for --runner device"),
        (["--runner", "devise"], "unknown runner 'devise'"),
    ],
)
def test_the_command_line_refuses_what_makes_no_sense(conv_bundle, arguments, message):
    done = edgepack("verify", conv_bundle, *arguments)
    assert done.returncode == 2
    assert message in done.stderr


def test_the_command_line_judges_a_shared_report(conv_bundle, shared_report, tmp_path):
    (tmp_path / "shared.json").write_text(json.dumps(shared_report))
    done = edgepack("verify", conv_bundle, "--runner", "device", "--device-report", tmp_path / "shared.json")
    assert done.returncode == 0, done.stderr
    assert "passed, 2 of 2 artifacts proven" in done.stdout
    assert "device, tflite 2.16.1 on Acme Phone 7, Android 15" in done.stdout
    assert "an inference" in done.stdout


def test_a_build_does_not_run_on_a_device():
    done = edgepack("build", "no.such:model", "--runner", "host,device")
    assert done.returncode == 2
    assert "a build cannot run on a device" in done.stderr
    assert "edgepack verify --runner device" in done.stderr


def edgepack(*arguments):
    command = [sys.executable, "-m", "edgepack", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)
