"""The processor profiles."""

import re

import pytest

from edgepack.errors import UsageError
from edgepack.runners.cpus import CPUS, PROVABLE, find_cpu, write_files
from edgepack.targets import TARGETS


@pytest.mark.parametrize(
    ("name", "part", "dot_product"), [("cortex-a53", "0xd03", False), ("cortex-a76", "0xd0b", True)]
)
def test_cpuinfo_reads_as_that_processor_writes_it(name, part, dot_product):
    text = find_cpu(name).cpuinfo()
    cores = text.strip().split("\n\n")
    assert [core.split("\n")[0] for core in cores] == [f"processor\t: {index}" for index in range(len(cores))]
    fields = dict(re.split(r"\s*: ", line) for line in cores[0].split("\n"))
    assert fields["CPU part"] == part
    assert fields["CPU implementer"] == "0x41"
    assert ("asimddp" in fields["Features"].split()) is dot_product


def test_the_guest_sees_as_many_cores_everywhere(tmp_path):
    write_files(find_cpu("cortex-a53"), tmp_path)
    cores = (tmp_path / "proc/cpuinfo").read_text().count("processor")
    system = tmp_path / "sys/devices/system/cpu"
    assert (system / "possible").read_text() == f"0-{cores - 1}\n"
    assert len(list(system.glob("cpu[0-9]*/cpufreq/cpuinfo_max_freq"))) == cores


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("cortex-a54", "unknown processor 'cortex-a54'"),
        ("max", "unknown processor 'max'"),
        ("armv7", "nothing can be proven on armv7: the bridge is for 64-bit ARM"),
    ],
)
def test_a_processor_that_proves_nothing_is_refused(name, message):
    with pytest.raises(UsageError) as wrong:
        find_cpu(name)
    assert wrong.value.message == message
    assert "cortex-a53" in wrong.value.hint


def test_targets_name_only_known_processors():
    assert {cpu for target in TARGETS.values() for cpu in target.cpus} <= CPUS.keys()
    assert set(TARGETS["android"].cpus) <= set(PROVABLE)
