"""What an ONNX model's files hold, told without parsing them."""

from __future__ import annotations

import hashlib
import mmap
import re
from pathlib import Path

from edgepack.files import sha256_of

# A StringStringEntryProto with the key "location", as serialisers write it: tag 1, length 8, key; then tag 2.
_LOCATION_KEY = re.compile(rb"\x0a\x08location")
_VALUE_TAG = 0x12


def fingerprint(path: Path) -> str | None:
    """Sha256 over an ONNX file and its external data, without parsing it: importing onnx takes longer.

    The files named after the key "location" are found by a search for that key's encoding. The search may
    find too many, which does no harm, but not too few: a key that is not followed by its value gives None.

    Returns:
        The digest in hexadecimal, or None when the model must be loaded to know.
    """
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        locations = _locations(content)
        digest = hashlib.sha256(content)
    if locations is None:
        return None
    for location in sorted(locations):
        beside = path.parent / location
        found = sha256_of(beside) if beside.is_file() else "missing"
        digest.update(f"{location}\0{found}\0".encode())
    return digest.hexdigest()


def _locations(content: mmap.mmap) -> set[str] | None:
    found = set()
    for match in _LOCATION_KEY.finditer(content):
        at = match.end()
        if at + 2 > len(content) or content[at] != _VALUE_TAG:
            return None
        length, at = _varint(content, at + 1)
        try:
            found.add(content[at : at + length].decode())
        except UnicodeDecodeError:
            return None
    return found


def _varint(content: mmap.mmap, at: int) -> tuple[int, int]:
    """Read a protobuf varint; give its value and where it ends."""
    value = shift = 0
    while at < len(content):
        byte = content[at]
        at += 1
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            break
    return value, at
