"""The APK: what is in it, how it is stored, and how large each part is."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZIP_STORED, ZipFile, ZipInfo

from programs import ZIPALIGN

from edgepack.toolchain.programs import call, find

_EPOCH = (1980, 1, 1, 0, 0, 0)
"""The earliest time that a .zip can say: the same content gives the same bytes."""


@dataclass(frozen=True, slots=True)
class Contents:
    """What an APK holds.

    Attributes:
        resources: The APK that aapt2 made.
        dex: classes.dex and further ones.
        assets: The folder of assets.
        stored: Endings of assets that are not compressed, without dots.
        archives: Android archives with native libraries.
        abis: The machines whose libraries come along.
    """

    resources: Path
    dex: Sequence[Path]
    assets: Path
    stored: Collection[str]
    archives: Sequence[Path]
    abis: Sequence[str]


def pack(contents: Contents, apk: Path) -> None:
    """Write an APK, aligned and not signed."""
    unaligned = apk.with_suffix(".unaligned")
    with ZipFile(unaligned, "w") as target:
        with ZipFile(contents.resources) as resources:
            for info in resources.infolist():
                _add(target, info.filename, resources.read(info), stored=info.compress_type == ZIP_STORED)
        for path in contents.dex:
            _add(target, path.name, path.read_bytes(), stored=False)
        for path in sorted(contents.assets.rglob("*")):
            if path.is_file():
                name = f"assets/{path.relative_to(contents.assets).as_posix()}"
                stored = path.suffix.removeprefix(".") in contents.stored
                _add(target, name, path.read_bytes(), stored=stored)
        for name, data in _libraries(contents.archives, contents.abis):
            _add(target, name, data, stored=True)
    call([find(ZIPALIGN), "-f", "-p", "4", unaligned, apk], "align the files in the app")
    unaligned.unlink()


def missing_abis(archives: Iterable[Path], abis: Iterable[str]) -> dict[str, str]:
    """Give the machines for which an archive with native libraries has none, and that archive's name."""
    missing: dict[str, str] = {}
    for archive in archives:
        with ZipFile(archive) as opened:
            present = {name.split("/")[1] for name in opened.namelist() if name.startswith("jni/")}
        missing |= {abi: archive.name for abi in abis if present and abi not in present}
    return missing


def sizes(apk: Path) -> Mapping[str, int]:
    """Give the bytes that each part of an APK takes up in it; what is left is the signature and padding."""
    parts = {"code": 0, "resources": 0, "assets": 0}
    with ZipFile(apk) as opened:
        for info in opened.infolist():
            folders = info.filename.split("/")
            part = "resources"
            if folders[0] == "assets":
                part = "assets"
            elif folders[0] == "lib":
                part = f"native libraries for {folders[1]}"
            elif info.filename.endswith(".dex"):
                part = "code"
            parts[part] = parts.get(part, 0) + info.compress_size
    return parts | {"signature and padding": apk.stat().st_size - sum(parts.values())}


def _libraries(archives: Iterable[Path], abis: Iterable[str]) -> Iterable[tuple[str, bytes]]:
    """Give path in the APK and content of each library; two archives may bring the same one."""
    seen = set()
    for abi in abis:
        for archive in archives:
            with ZipFile(archive) as opened:
                for member in sorted(opened.namelist()):
                    name = f"lib/{abi}/{member.rpartition('/')[2]}"
                    if member.startswith(f"jni/{abi}/") and member.endswith(".so") and name not in seen:
                        seen.add(name)
                        yield name, opened.read(member)


def _add(target: ZipFile, name: str, data: bytes, *, stored: bool) -> None:
    info = ZipInfo(name, _EPOCH)
    info.compress_type = ZIP_STORED if stored else ZIP_DEFLATED
    info.external_attr = 0o644 << 16
    target.writestr(info, data)
