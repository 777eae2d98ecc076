"""Native libraries and APKs that are no more than what is read of them."""

import struct
import zipfile
from pathlib import Path


def make_elf(build_id="", alignment=0x1000, bits=64):
    """Give an ELF file with one segment to load and, if there is a build id, the note that holds it."""
    note = b""
    if build_id:
        content = bytes.fromhex(build_id)
        other = struct.pack("<III", 4, 3, 1) + b"AB\0\0" + b"xyz\0"
        note = other + struct.pack("<III", 4, len(content), 3) + b"GNU\0" + content
    wide = bits == 64
    header_size, entry_size = (64, 56) if wide else (52, 32)
    note_start = header_size + 2 * entry_size
    identity = b"\x7fELF" + bytes([2 if wide else 1, 1, 1]) + bytes(9)
    address = "Q" if wide else "I"
    header = identity + struct.pack(
        f"<HHI{address}{address}{address}IHHHHHH",
        *(3, 183, 1, 0, header_size, 0, 0, header_size, entry_size, 2, 0, 0, 0),
    )

    def program(kind, start, size, align):
        if wide:
            return struct.pack("<IIQQQQQQ", kind, 4, start, start, start, size, size, align)
        return struct.pack("<IIIIIIII", kind, start, start, start, size, size, 4, align)

    return header + program(1, 0, 4096, alignment) + program(4, note_start, len(note), 4) + note


def make_apk(path: Path, files, compressed=(), manifest="AndroidManifest.xml", aligned=True):
    """Write an APK; stored files start on a page of 16 KB where it is to be aligned."""
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(manifest, b"\x03\x00\x08\x00")
        for name, data in files.items():
            info = zipfile.ZipInfo(name)
            info.compress_type = zipfile.ZIP_DEFLATED if name in compressed else zipfile.ZIP_STORED
            if aligned and name.endswith(".so"):
                start = archive.fp.tell() + 30 + len(name)
                padding = -(start + 4) % 0x4000
                info.extra = struct.pack("<HH", 0xD935, padding) + bytes(padding)
            archive.writestr(info, data)
    return path
