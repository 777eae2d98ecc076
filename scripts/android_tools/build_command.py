"""scripts/android build: from source and a bundle to an APK that can be installed."""

from __future__ import annotations

import argparse
import os
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path

from compiling import compile_dex
from packaging import Contents, missing_abis, pack, sizes
from programs import AAPT2, APKSIGNER, JAVA, JAVAC, KEYTOOL, ZIPALIGN
from project import PROJECT, versions
from signing import PASSWORD_VARIABLE, Keystore, sign, throwaway_keystore, users_keystore
from staging import BUNDLE, stage

from edgepack.android.gradle_lines import suffixes
from edgepack.errors import UsageError
from edgepack.events import Listener, step
from edgepack.suggest import choices
from edgepack.toolchain.downloads import writing
from edgepack.toolchain.programs import call, find

SUMMARY = "build a signed, installable APK"
ABIS = ("arm64-v8a", "armeabi-v7a", "x86_64")
APK = "edgepack-demo.apk"
_BADGES = ("package", "sdkVersion", "targetSdkVersion", "application", "launchable-activity", "native-code")
_PERMISSION = "uses-permission"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    shown = BUNDLE.relative_to(PROJECT.parent)
    parser.add_argument(
        "--bundle", type=Path, default=BUNDLE, help=f"what to embed; {shown}, built where it is missing"
    )
    parser.add_argument(
        "--abi", default=ABIS[0], help=f"of {', '.join(ABIS)}, with commas between; {ABIS[0]}"
    )
    parser.add_argument("--output", type=Path, default=PROJECT / "build", help="the folder for the APK")
    parser.add_argument("--keystore", type=Path, help="sign with this key, and let nobody debug the app")
    parser.add_argument(
        "--keystore-password-file", type=Path, help=f"holds its password, or {PASSWORD_VARIABLE} does"
    )


def run(arguments: argparse.Namespace, emit: Listener) -> None:
    abis = chosen_abis(arguments.abi)
    for program in (JAVAC, JAVA, KEYTOOL, AAPT2, ZIPALIGN, APKSIGNER):
        find(program)
    own: Path | None = arguments.keystore
    keystore = users_keystore(own, arguments.keystore_password_file) if own else None
    output: Path = arguments.output.absolute()
    with writing(output):
        output.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix="work-", dir=output) as work:
            apk = build(Path(work), arguments.bundle.absolute(), abis, keystore, emit)
            show(apk)
            os.replace(apk, output / APK)
    print(f"\n{output / APK}")


def build(work: Path, bundle: Path, abis: Sequence[str], keystore: Keystore | None, emit: Listener) -> Path:
    """Build an APK in an empty folder; without a keystore, one that can be debugged."""
    staged = stage(work, bundle, emit, debuggable=keystore is None)
    if missing := missing_abis(staged.archives, abis):
        lacking = ", ".join(f"{archive} has nothing for {abi}" for abi, archive in missing.items())
        raise UsageError(f"the app cannot be built for these machines: {lacking}")
    with step(emit, "compile for Android"):
        dex = compile_dex(work, staged.classes, staged.libraries, versions())
    stored = suffixes(staged.manifest)
    contents = Contents(staged.resources, dex, staged.assets, stored, staged.archives, abis)
    unsigned, apk = work / "unsigned.apk", work / APK
    with step(emit, "pack"):
        pack(contents, unsigned)
    with step(emit, "sign"):
        sign(unsigned, apk, keystore or throwaway_keystore(work.parent), versions().min_sdk)
    return apk


def chosen_abis(text: str) -> tuple[str, ...]:
    """Read names of machines.

    Raises:
        UsageError: The app cannot be built for one of them.
    """
    names = tuple(dict.fromkeys(text.split(",")))
    for name in names:
        if name not in ABIS:
            raise UsageError(f"the app cannot be built for {name!r}", hint=choices(name, ABIS))
    return names


def show(apk: Path) -> None:
    """Print what Android would show of an APK, and what takes up its space."""
    badging = call([find(AAPT2), "dump", "badging", apk], "read the app")
    print("\n".join(badges(badging.splitlines())))
    parts = sizes(apk)
    print()
    for part, size in parts.items():
        print(f"{part:<32} {size / 1000:>10,.1f} kB")
    native = sum(size for part, size in parts.items() if part.startswith("native libraries"))
    total = apk.stat().st_size
    print(f"{'all':<32} {total / 1000:>10,.1f} kB")
    print(f"{'all but the native libraries':<32} {(total - native) / 1000:>10,.1f} kB")


def badges(lines: Iterable[str]) -> list[str]:
    """Keep the lines that tell one app from another, and any permission that has crept in."""
    return [line for line in lines if line.partition(":")[0] in _BADGES or line.startswith(_PERMISSION)]
