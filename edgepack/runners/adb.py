"""Talks to an Android device through adb, the debug bridge of the Android SDK."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from edgepack.errors import ToolError, UsageError
from edgepack.suggest import choices
from edgepack.toolchain.programs import ADB, call, find

_UNUSABLE = {
    "unauthorized": "unlock it and allow this computer to debug it, then try again",
    "offline": "unplug it and plug it in again, or run `adb reconnect`",
    "no permissions": "let your user access it: https://developer.android.com/studio/run/device",
}
"""Words of `adb devices` for devices that do not answer, to what helps."""
_SECONDS = 120.0


@dataclass(frozen=True, slots=True)
class Device:
    """A device that answers.

    Attributes:
        adb: The program.
        serial: What adb calls the device.
    """

    adb: Path
    serial: str

    def push(self, folder: Path, remote: str) -> None:
        """Copy a folder; `remote` must not be there yet, or adb would copy into it.

        Raises:
            ToolError: adb failed; the message has its words.
        """
        command: list[str | Path] = [self.adb, "-s", self.serial, "push", folder, remote]
        call(command, f"copy {folder} to {self.serial}", timeout=3600)

    def shell(self, command: Sequence[str], doing: str) -> str:
        """Run a command on the device and give what it prints.

        Raises:
            ToolError: It failed; the message has its words.
        """
        # adb joins its arguments by blanks and has the device's shell take them apart again.
        return call([self.adb, "-s", self.serial, "shell", shlex.join(command)], doing, timeout=_SECONDS)

    def try_shell(self, command: Sequence[str]) -> str:
        """Run a command that may fail; what it prints then is empty."""
        with suppress(ToolError):
            return self.shell(command, f"run {command[0]}")
        return ""

    def read(self, command: Sequence[str], doing: str) -> str:
        """Run a command and give what it prints, byte by byte; it prints its errors there as well.

        Raises:
            ToolError: adb failed; the message has its words.
        """
        return call([self.adb, "-s", self.serial, "exec-out", shlex.join(command)], doing, timeout=_SECONDS)


def find_device(serial: str | None) -> Device:
    """Give the device of that serial number, or the only one.

    Raises:
        ToolError: adb is not installed, or no device is there that answers.
        UsageError: There are several and none was chosen, or not the one that was.
    """
    adb = find(ADB)
    states = _states(call([adb, "devices"], "list the devices", timeout=_SECONDS))
    if serial is not None and serial not in states:
        raise UsageError(
            f"there is no device {serial}",
            hint=choices(serial, states) if states else "plug it in and allow debugging over USB",
        )
    wanted = {serial: states[serial]} if serial is not None else states
    if not wanted:
        raise ToolError(
            "no Android device is connected",
            hint="plug one in and allow debugging over USB, or start an emulator; `adb devices` must show it",
        )
    ready = [name for name, state in wanted.items() if state == "device"]
    if len(ready) > 1:
        raise UsageError(
            f"{len(ready)} devices are connected: {', '.join(ready)}", hint="choose one with --serial"
        )
    if not ready:
        name, state = next(iter(wanted.items()))
        hint = next((what for word, what in _UNUSABLE.items() if word in state), "try `adb reconnect`")
        raise ToolError(f"device {name} does not answer: it is {state}", hint=hint)
    return Device(adb, ready[0])


def _states(listing: str) -> dict[str, str]:
    """Read `adb devices`: a heading, then a serial number and a state by line."""
    lines = [line.split(None, 1) for line in listing.splitlines() if "\t" in line]
    return {serial: state.strip() for serial, state in lines}
