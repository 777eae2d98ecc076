"""What the bridge's generator writes."""

import pytest

from edgepack.errors import ToolError
from edgepack.runners.bridge import DIFFERENT, Import, write_bridge

_GLIBC = {"memcpy": "GLIBC_2.17", "strerror_r": "GLIBC_2.17", "sem_init": "GLIBC_2.34"}


def test_a_symbol_jumps_to_our_own_function_or_to_glibc(tmp_path):
    wanted = [Import("memcpy", "LIBC"), Import("strerror_r", "LIBC")]
    assembly, _ = write_bridge(wanted, _GLIBC, ["strerror_r"], tmp_path, "aarch64")
    lines = assembly.read_text().splitlines()
    assert "memcpy: b glibc_memcpy" in lines
    assert ".symver glibc_memcpy, memcpy@GLIBC_2.17" in lines
    assert "strerror_r: b bionic_strerror_r" in lines


def test_on_x86_64_jumps_go_through_the_linkage_table(tmp_path):
    wanted = [Import("memcpy", "LIBC"), Import("strerror_r", "LIBC")]
    assembly, _ = write_bridge(wanted, _GLIBC, ["strerror_r"], tmp_path, "x86_64")
    lines = assembly.read_text().splitlines()
    assert {"memcpy: jmp glibc_memcpy@PLT", "strerror_r: jmp bionic_strerror_r@PLT"} <= set(lines)


def test_what_a_library_can_do_without_may_be_missing(tmp_path):
    wanted = [Import("memcpy", "LIBC", weak=True), Import("useGemmlowp", "", weak=True)]
    assembly, script = write_bridge(wanted, _GLIBC, [], tmp_path, "aarch64")
    assert "memcpy: b glibc_memcpy" in assembly.read_text()
    assert "useGemmlowp" not in assembly.read_text() + script.read_text()


def test_symbols_keep_the_versions_they_are_asked_for_in(tmp_path):
    wanted = [Import("memcpy", "LIBC"), Import("strerror_r", "LIBC_R"), Import("strlen", "")]
    _, script = write_bridge(wanted, _GLIBC, ["strerror_r", "strlen"], tmp_path, "aarch64")
    text = script.read_text()
    assert "LIBC { global: memcpy; strlen; };" in text
    assert "LIBC_R { global: strerror_r; };" in text


def test_data_is_left_to_the_library_that_has_it(tmp_path):
    assembly, script = write_bridge(
        [Import("__sF", "LIBC"), Import("memcpy", "LIBC")], _GLIBC, [], tmp_path, "aarch64"
    )
    assert "__sF" not in assembly.read_text() + script.read_text()


def test_all_symbols_that_are_missing_are_named(tmp_path):
    wanted = [Import("ANeuralNetworks_getDevice", "LIBC"), Import("memcpy", "LIBC"), Import("AImage_new", "")]
    with pytest.raises(ToolError) as missing:
        write_bridge(wanted, _GLIBC, [], tmp_path, "aarch64")
    assert (
        missing.value.message
        == "the bridge to Android's libraries lacks AImage_new, ANeuralNetworks_getDevice"
    )
    assert missing.value.exit_code == 5


def test_a_function_that_glibc_has_in_another_form_is_not_forwarded(tmp_path):
    assert "sem_init" in DIFFERENT
    with pytest.raises(ToolError, match="lacks sem_init"):
        write_bridge([Import("sem_init", "LIBC")], _GLIBC, [], tmp_path, "aarch64")
