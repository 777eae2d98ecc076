"""The processors that are emulated, as data, and what their Linux says about them.

Runtimes choose their kernels by what `/proc/cpuinfo` and `/sys` say of the processor. The host's own answers
would lead them to kernels that no phone takes, or to instructions that the emulated processor lacks. `max`,
qemu's processor with everything, is not here: with it int8 models come out wrong without any error.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from edgepack.errors import UsageError
from edgepack.suggest import choices

_CORES = 4
"""Cores that the guest sees. All are alike, since qemu emulates one kind at a time."""


@dataclass(frozen=True, slots=True)
class Cpu:
    """A processor profile.

    Attributes:
        name: Qemu's name for it.
        stands_for: The devices that have it.
        features: As Linux names them, in the order of its HWCAP bits; the set that qemu's model has.
        implementer: Who designed it: 0x41 is ARM.
        variant: Major revision (the N of rNpM).
        part: The design's number, by the MIDR_EL1 register of its technical reference manual.
        revision: Minor revision (the M of rNpM).
        megahertz: A clock rate of devices that have it; runtimes only compare cores by it.
        unproven: Why nothing can be proven on it yet; empty where it can.
    """

    name: str
    stands_for: str
    features: str = ""
    implementer: int = 0x41
    variant: int = 0
    part: int = 0
    revision: int = 0
    megahertz: int = 2000
    unproven: str = ""

    def cpuinfo(self) -> str:
        """Give the text of /proc/cpuinfo, as the kernel of 64-bit ARM writes it."""
        core = (
            "BogoMIPS\t: 38.40\n"
            f"Features\t: {self.features}\n"
            f"CPU implementer\t: 0x{self.implementer:02x}\n"
            "CPU architecture: 8\n"
            f"CPU variant\t: 0x{self.variant:x}\n"
            f"CPU part\t: 0x{self.part:03x}\n"
            f"CPU revision\t: {self.revision}\n"
        )
        return "".join(f"processor\t: {index}\n{core}\n" for index in range(_CORES))


def find_cpu(name: str) -> Cpu:
    """Give the profile of that name.

    Raises:
        UsageError: There is none, or nothing can be proven on it yet; the hint names the nearest.
    """
    if name not in CPUS:
        raise UsageError(f"unknown processor {name!r}", hint=choices(name, PROVABLE))
    cpu = CPUS[name]
    if cpu.unproven:
        hint = f"choose from {', '.join(PROVABLE)}"
        raise UsageError(f"nothing can be proven on {name}: {cpu.unproven}", hint=hint)
    return cpu


def write_files(cpu: Cpu, root: Path) -> None:
    """Write what Linux says of the processor below `root`, which stands for / inside the guest."""
    texts = {"proc/cpuinfo": cpu.cpuinfo()}
    system = "sys/devices/system/cpu"
    for name in ("possible", "present", "online"):
        texts[f"{system}/{name}"] = f"0-{_CORES - 1}\n"
    texts[f"{system}/kernel_max"] = f"{_CORES - 1}\n"
    for index in range(_CORES):
        core = f"{system}/cpu{index}"
        texts[f"{core}/cpufreq/cpuinfo_max_freq"] = f"{cpu.megahertz * 1000}\n"
        texts[f"{core}/cpufreq/cpuinfo_min_freq"] = f"{cpu.megahertz * 300}\n"
        texts[f"{core}/topology/physical_package_id"] = "0\n"
        texts[f"{core}/topology/core_siblings_list"] = f"0-{_CORES - 1}\n"
    for name, text in texts.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="ascii")


CPUS = {
    row.name: row
    for row in (
        Cpu(
            "cortex-a53",
            "low-cost phones of 2014 to 2022, and the small cores of larger ones",
            features="fp asimd aes pmull sha1 sha2 crc32 cpuid",
            part=0xD03,
            revision=4,
            megahertz=1800,
        ),
        Cpu(
            "cortex-a76",
            "phones of 2019 and later; has the dot-product and half-precision instructions",
            features="fp asimd aes pmull sha1 sha2 crc32 atomics fphp asimdhp cpuid asimdrdm lrcpc dcpop "
            "asimddp",
            variant=4,
            part=0xD0B,
            revision=1,
            megahertz=2800,
        ),
        Cpu(
            "armv7",
            "32-bit phones",
            unproven="the bridge is for 64-bit ARM",
        ),
    )
}
"""All profiles by name."""

PROVABLE = tuple(name for name, cpu in CPUS.items() if not cpu.unproven)
"""The profiles that artifacts can be run on."""
