"""A dump: what CPUID (and a few MSRs) showed on a machine, as an importer reads it from a file.

A host's dump can stand for a platform; a guest's is held against what a TD should get.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from tdxtui.cpuid import ALL_ONES, CpuidTable, pack

MAX_FILE_SIZE = 8 << 20  # more than a machine with hundreds of logical processors needs

_INTEL = (0x756E6547, 0x6C65746E, 0x49656E69)  # EBX, ECX, EDX


@dataclass(frozen=True)
class LogicalCpu:
    """One logical processor: its number (None where the file says none), CPUID, and MSRs by address."""

    number: int | None
    cpuid: CpuidTable
    msrs: Mapping[int, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Dump:
    """The logical processors of a file, at least one, in its order.

    `format` is the importer's name; `notes` are sentences on what was odd, assumed or left out.
    """

    name: str
    format: str
    cpus: tuple[LogicalCpu, ...]
    notes: tuple[str, ...] = ()

    @property
    def cpuid(self) -> CpuidTable:
        """The first logical processor's CPUID."""
        return self.cpus[0].cpuid

    @property
    def is_intel(self) -> bool:
        """Whether CPUID.00H names GenuineIntel."""
        return self.cpuid.cpuid(0) & ALL_ONES >> 32 == pack(0, *_INTEL)

    def begun_with(self, number: int) -> Dump:
        """The dump with the logical processor of that number first; without numbers they count from 0.

        KeyError, with the numbers that there are, if it has none.
        """
        numbers = [place if cpu.number is None else cpu.number for place, cpu in enumerate(self.cpus)]
        if number not in numbers:
            have = f"{min(numbers)} to {max(numbers)}" if len(numbers) > 1 else f"only {numbers[0]}"
            raise KeyError(f"the dump has no logical CPU {number}; it has {have}")
        first = self.cpus[numbers.index(number)]
        return replace(self, cpus=(first, *(cpu for cpu in self.cpus if cpu is not first)))
