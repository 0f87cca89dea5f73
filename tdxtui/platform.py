"""A platform: one CPU's native CPUID, and the MSRs and facts that the TDX module looks at."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from tdxtui.cpuid import CpuidTable, Leaf

ARCH_CAPABILITIES = 0x10A
TSX_CTRL = 0x122
TSX_CTRL_AVAILABLE = 1 << 7
TSX_CPUID_CLEAR = 1 << 1
FACTS = ("TDX_IO", "SEAMGETKEY")
_LEAF_7 = Leaf(7, 0)
_HLE_RTM = 0x810 << 64


@dataclass(frozen=True)
class Platform:
    """What one kind of host shows. `sockets` is CPUID(1).EAX per socket, empty for a single one.

    `lp_cpuid` holds what differs on the logical processor that runs TDH.SYS.LP.INIT; `missing_facts` names what the
    platform lacks (TDX_IO, SEAMGETKEY), since one without stated facts has them (I8).
    """

    name: str
    cpuid: CpuidTable
    arch_capabilities: int
    tsx_ctrl: int = 0
    msrs: Mapping[int, int] = field(default_factory=dict)
    sockets: tuple[int, ...] = ()
    lp_cpuid: CpuidTable = field(default_factory=CpuidTable)
    missing_facts: frozenset[str] = frozenset()
    title: str = ""
    source: str = ""
    notes: tuple[str, ...] = ()

    @property
    def last_base_leaf(self) -> int:
        """CPUID(0).EAX."""
        return self.cpuid.cpuid(0) >> 96

    @property
    def last_extended_leaf(self) -> int:
        """CPUID(80000000H).EAX."""
        return self.cpuid.cpuid(0x80000000) >> 96

    def sampler(self, table: CpuidTable | None = None) -> Callable[[Leaf], int]:
        """What the module reads at a leaf: zeros above the CPU's maxima (1.4), TSX as rule 1.2 says.

        `table` is another logical processor's CPUID.
        """
        last_base, last_extended, at = self.last_base_leaf, self.last_extended_leaf, (table or self.cpuid).at
        hides_tsx = self.tsx_ctrl & TSX_CPUID_CLEAR and not self.arch_capabilities & TSX_CTRL_AVAILABLE

        def sample(leaf: Leaf) -> int:
            number = leaf[0]
            if number > last_base and not 0x80000000 <= number <= last_extended:
                return 0
            value = at(leaf)
            return value & ~_HLE_RTM if hides_tsx and leaf == _LEAF_7 else value

        return sample

    def msr(self, address: int, defaults: Mapping[int, int]) -> int:
        """The value of an MSR."""
        if address == ARCH_CAPABILITIES:
            return self.arch_capabilities
        return self.msrs.get(address, defaults.get(address, 0))
