"""Having a connected device test a bundle, over adb."""

import os
import signal
import subprocess
import sys
import time

import pytest
from device_parts import verify_on_device

from edgepack.bundle import open_bundle
from edgepack.errors import SourceError, ToolError, UsageError, VerificationFailed


def test_a_connected_device_tests_the_bundle_and_is_left_as_it_was(conv_bundle, phone):
    report = verify_on_device(conv_bundle)
    assert report.passed, [result.error for result in report.results]
    assert [result.latency.runs for result in report.results] == [20, 20]
    assert phone.files == []
    assert (phone.root / "stopped").exists()
    assert all(call[:2] == ["-s", "R58M"] for call in phone.calls[1:])


def test_a_zipped_bundle_will_do(conv_bundle, phone, tmp_path):
    from edgepack.bundle import write_bundle

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
    with pytest.raises(ToolError) as raised:
        verify_on_device(conv_bundle)
    assert message in raised.value.message
    assert hint in raised.value.hint
    assert raised.value.exit_code == 5
    assert phone.files == []


def test_without_adb_the_hint_says_what_installs_it(conv_bundle, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(
        ToolError, match="adb is not installed; it is needed to talk to Android devices"
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
