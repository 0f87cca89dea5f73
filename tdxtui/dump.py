"""A dump: what CPUID (and a few MSRs) showed on a machine, as an importer reads it from a file.

A host's dump can stand for a platform; a guest's is held against what a TD should get.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from tdxtui.cpuid import CpuidTable


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
