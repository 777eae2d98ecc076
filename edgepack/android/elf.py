"""Just enough of ELF to tell which build a library is and which page sizes it can be loaded with.

After "System V Application Binary Interface", chapters 4 and 5, and elf(5) for the note of the build id.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

type Bytes = bytes | memoryview

_PT_LOAD, _PT_NOTE = 1, 4
_NT_GNU_BUILD_ID = 3


@dataclass(frozen=True, slots=True)
class ElfFile:
    """A shared library.

    Attributes:
        bits: 32 or 64, the size of its addresses.
        alignment: The smallest alignment of its loaded segments in bytes: the largest page it can be loaded
            with.
        build_id: In hexadecimal, what the linker wrote to tell this build from others; stripping keeps it.
            Empty where there is none.
    """

    bits: int
    alignment: int
    build_id: str


@dataclass(frozen=True, slots=True)
class _Layout:
    """Where things are in the file header and in a program header, which depends on the size of addresses."""

    file_header: struct.Struct
    program_header: struct.Struct
    offset: int
    size: int
    alignment: int


_LAYOUTS = {
    # e_ident, e_type … e_shstrndx; p_type, p_offset, p_vaddr, p_paddr, p_filesz, p_memsz, p_flags, p_align
    1: _Layout(struct.Struct("<16xHHIIIIIHHHHHH"), struct.Struct("<IIIIIIII"), 1, 4, 7),
    # The same, but p_flags comes second.
    2: _Layout(struct.Struct("<16xHHIQQQIHHHHHH"), struct.Struct("<IIQQQQQQ"), 2, 5, 7),
}
"""By the class in e_ident."""


def read_elf(data: Bytes) -> ElfFile:
    """Read a little-endian ELF file, as all of Android's are.

    Args:
        data: All of it; a mapped file will do.

    Raises:
        ValueError: It is none, or is cut off.
    """
    if len(data) < 6 or bytes(data[:4]) != b"\x7fELF" or data[5] != 1 or data[4] not in _LAYOUTS:
        raise ValueError("it is no little-endian ELF file")
    layout = _LAYOUTS[data[4]]
    try:
        headers = list(_program_headers(data, layout))
        alignments = [one[layout.alignment] for one in headers if one[0] == _PT_LOAD]
        notes = [
            data[one[layout.offset] : one[layout.offset] + one[layout.size]]
            for one in headers
            if one[0] == _PT_NOTE
        ]
        build_id = next((found for note in notes for found in _build_ids(note)), "")
    except struct.error as error:
        raise ValueError("it is cut off") from error
    if not alignments:
        raise ValueError("it has nothing to load")
    return ElfFile(32 if data[4] == 1 else 64, min(alignments), build_id)


def _program_headers(data: Bytes, layout: _Layout) -> Iterator[tuple[int, ...]]:
    header = layout.file_header.unpack_from(data)
    start, entry_size, count = header[4], header[8], header[9]
    for index in range(count):
        yield layout.program_header.unpack_from(data, start + index * entry_size)


def _build_ids(note: Bytes) -> Iterator[str]:
    """Go through the notes of a segment: sizes of name and content, kind, then both, padded to 4 bytes."""
    position = 0
    while position + 12 <= len(note):
        name_size, size, kind = struct.unpack_from("<III", note, position)
        name = position + 12
        content = name + (name_size + 3) // 4 * 4
        if kind == _NT_GNU_BUILD_ID and bytes(note[name : name + name_size]) == b"GNU\0":
            yield bytes(note[content : content + size]).hex()
        position = content + (size + 3) // 4 * 4
