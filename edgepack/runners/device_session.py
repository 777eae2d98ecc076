"""Has the demo app on a device test a bundle: brings it there, starts the test, waits, tidies up."""

from __future__ import annotations

import os
import shlex
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

from edgepack.errors import SourceError, ToolError, VerificationFailed
from edgepack.runners.adb import Device
from edgepack.runners.device_report import DeviceReport, parse

PACKAGE = "dev.edgepack.demo"
RUNS = 20
"""How often the app times each artifact."""
_ACTIVITY = f"{PACKAGE}/.SelfTestActivity"
_REMOTE = PurePosixPath("/data/local/tmp/edgepack")
_PATIENCE = 0.5
"""Seconds between two looks for the report."""
_INSTALL = "scripts/android build, then adb install the .apk that it names"


def self_test(device: Device, root: Path, digest: str, seconds: float | None) -> DeviceReport:
    """Have the app on a device replay a bundle's golden cases.

    Whatever happens, the device is left as it was.

    Args:
        device: Where.
        root: The bundle's folder.
        digest: Sha256 of its manifest, which names the copy on the device.
        seconds: How long the test may take; None for no limit.

    Raises:
        ToolError: The app is not installed, or cannot be debugged; or adb failed.
        VerificationFailed: The app crashed, or took too long.
        SourceError: What it wrote is no report.
    """
    home = _home(device)
    report = f"files/selftest/{os.urandom(8).hex()}.json"
    with _brought(device, root, digest, report) as bundle:
        started = device.shell(
            [
                *("am", "start", "-W", "-n", _ACTIVITY, "--es", "bundle", str(home / bundle)),
                *("--es", "report", PurePosixPath(report).name, "--ei", "runs", str(RUNS)),
            ],
            "start the app's self-test",
        )
        if "Error" in started:
            raise ToolError(
                f"the self-test of {PACKAGE} on {device.serial} cannot be started: {started.strip()}",
                hint=f"install the app of this release: {_INSTALL}",
            )
        return _wait(device, report, seconds)


def _home(device: Device) -> PurePosixPath:
    """Give the folder of the app's own files, and make sure that we may look into it."""
    if not device.try_shell(["pm", "path", PACKAGE]).startswith("package:"):
        raise ToolError(f"the demo app {PACKAGE} is not installed on {device.serial}", hint=_INSTALL)
    try:
        return PurePosixPath(device.shell(["run-as", PACKAGE, "pwd"], "look into the app's files").strip())
    except ToolError as error:
        raise ToolError(
            f"the app {PACKAGE} on {device.serial} does not let us in: {error.message}",
            hint=f"install its debug build: {_INSTALL}",
        ) from error


@contextmanager
def _brought(device: Device, root: Path, digest: str, report: str) -> Iterator[str]:
    """Copy the bundle into the app's files, and give where it is there; leaving removes every trace."""
    remote, bundle = str(_REMOTE / digest), f"files/bundles/{digest}"
    # An activity that is open already would be shown again, and not start another test.
    device.try_shell(["am", "force-stop", PACKAGE])
    try:
        device.shell(["rm", "-rf", remote], "make room on the device")
        device.shell(["mkdir", "-p", str(_REMOTE)], "make room on the device")
        device.push(root, remote)
        copy = f"mkdir -p files/bundles && rm -rf {bundle} && cp -r {shlex.quote(remote)} {bundle}"
        device.shell(["run-as", PACKAGE, "sh", "-c", copy], "copy the bundle into the app's files")
        yield bundle
    finally:
        device.try_shell(["am", "force-stop", PACKAGE])
        device.try_shell(["run-as", PACKAGE, "rm", "-rf", bundle, report])
        device.try_shell(["rm", "-rf", remote])


def _wait(device: Device, report: str, seconds: float | None) -> DeviceReport:
    """Wait for the report: the app writes it in one go when it is done."""
    origin = f"of {device.serial}"
    started, before = time.monotonic(), ""
    while seconds is None or time.monotonic() - started < seconds:
        # The order matters: an app that ends after the look has written its report before.
        runs = bool(device.try_shell(["pidof", PACKAGE]).strip())
        text = device.read(["run-as", PACKAGE, "cat", report], "read the report")
        if not text.startswith(("cat: ", "run-as: ")) and text.strip():
            try:
                return parse(text, origin)
            except SourceError:
                if text == before:
                    raise
                before = text  # perhaps it is still being written
        elif not runs:
            raise _crash(device)
        time.sleep(_PATIENCE)
    raise VerificationFailed(
        f"the self-test on {device.serial} was not done after {seconds:g} s",
        hint="allow more with --timeout, or leave artifacts out of the bundle",
    )


def _crash(device: Device) -> VerificationFailed:
    log = device.try_shell(["logcat", "-d", "-b", "crash", "-t", "60"])
    reason = next((line for line in log.splitlines() if "signal" in line or "Exception" in line), "")
    told = f": {reason}" if reason else ""
    return VerificationFailed(
        f"the app {PACKAGE} on {device.serial} crashed during its self-test{told}",
        hint="`adb logcat -b crash` shows more",
        details={"log": log[-4000:]},
    )
