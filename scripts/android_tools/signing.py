"""Signing: with a key of the user's, or with one that is only good for trying the app out."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from programs import APKSIGNER, KEYTOOL

from edgepack.errors import ToolError, UsageError
from edgepack.toolchain.programs import call, find

PASSWORD_VARIABLE = "ANDROID_KEYSTORE_PASSWORD"


@dataclass(frozen=True, slots=True)
class Keystore:
    """A keystore with one key, whose password never appears on a command line.

    Attributes:
        path: The file.
        kind: Where its password is, as keytool and apksigner call it: "file" or "env".
        place: The file or the variable.
    """

    path: Path
    kind: str
    place: str


def users_keystore(path: Path, password_file: Path | None) -> Keystore:
    """Give the user's keystore, after a look whether it opens with the password.

    Raises:
        UsageError: It does not exist or does not open, or there is no password.
        ToolError: There is no keytool.
    """
    if not path.is_file():
        raise UsageError(f"there is no keystore {path}", hint="keytool -genkeypair makes one")
    if password_file is not None and not password_file.is_file():
        raise UsageError(f"there is no password file {password_file}")
    if password_file is None and PASSWORD_VARIABLE not in os.environ:
        raise UsageError(
            f"there is no password for {path}",
            hint=f"give --keystore-password-file, or set {PASSWORD_VARIABLE}",
        )
    keystore = (
        Keystore(path, "file", str(password_file))
        if password_file
        else Keystore(path, "env", PASSWORD_VARIABLE)
    )
    try:
        call(
            [find(KEYTOOL), "-list", "-keystore", path, f"-storepass:{keystore.kind}", keystore.place],
            "open it",
        )
    except ToolError as error:
        output = str(error.details.get("output", ""))
        if not output:
            raise
        reason = "the password is wrong" if "password was incorrect" in output else "it is no keystore"
        raise UsageError(f"cannot open keystore {path}: {reason}", details=error.details) from error
    return keystore


def throwaway_keystore(folder: Path) -> Keystore:
    """Give a keystore for trying the app out; it stays, so that the next build is an update."""
    keystore = Keystore(folder / "throwaway.p12", "file", str(folder / "throwaway.password"))
    if not keystore.path.is_file():
        Path(keystore.place).write_text("android\n", encoding="ascii")
        call(
            [
                *(find(KEYTOOL), "-genkeypair", "-keystore", keystore.path, "-storetype", "PKCS12"),
                *("-storepass:file", keystore.place, "-alias", "throwaway", "-dname", "CN=throwaway"),
                *("-keyalg", "RSA", "-keysize", "2048", "-validity", "10000"),
            ],
            "make a key",
        )
    return keystore


def sign(unsigned: Path, apk: Path, keystore: Keystore, min_sdk: str) -> None:
    """Sign an APK, and verify what came out as a device would."""
    signer = find(APKSIGNER)
    call(
        [
            *(signer, "sign", "--ks", keystore.path, "--ks-pass", f"{keystore.kind}:{keystore.place}"),
            # The second scheme is as old as the oldest Android that the app runs on; the first is not needed.
            *("--min-sdk-version", min_sdk, "--v1-signing-enabled", "false", "--out", apk, unsigned),
        ],
        "sign the app",
    )
    call([signer, "verify", "--min-sdk-version", min_sdk, apk], "verify the app's signature")
