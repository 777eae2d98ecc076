import sysconfig
from pathlib import Path

import numpy
import pytest
from android_parts import make_elf

from edgepack.android.elf import read_elf
from edgepack.android.libraries import describe


@pytest.mark.parametrize("bits", [32, 64])
def test_what_is_read_of_a_library(bits):
    elf = read_elf(make_elf("0123456789abcdef", alignment=0x4000, bits=bits))
    assert (elf.bits, elf.alignment, elf.build_id) == (bits, 0x4000, "0123456789abcdef")
    assert read_elf(make_elf(bits=bits)).build_id == ""


def test_a_library_of_this_machine():
    suffix = sysconfig.get_config_var("EXT_SUFFIX")
    (path,) = Path(numpy.__file__).parent.glob(f"_core/_multiarray_umath{suffix}")
    elf = read_elf(memoryview(path.read_bytes()))
    assert elf.bits == 64
    assert elf.alignment in (0x1000, 0x4000, 0x10000, 0x200000)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "it is no little-endian ELF file"),
        (b"PK\x03\x04" + bytes(100), "it is no little-endian ELF file"),
        (make_elf()[:5] + b"\x02" + make_elf()[6:], "it is no little-endian ELF file"),
        (make_elf()[:100], "it is cut off"),
        (make_elf()[:64], "it is cut off"),
    ],
)
def test_what_is_no_library_is_refused(data, message):
    with pytest.raises(ValueError, match=message):
        read_elf(data)


@pytest.mark.parametrize(
    ("abi", "has"), [("arm64-v8a", True), ("x86_64", True), ("armeabi-v7a", False), ("x86", False)]
)
def test_only_64_bit_devices_have_large_pages(abi, has):
    assert describe("libx.so", abi, make_elf()).has_large_pages is has
