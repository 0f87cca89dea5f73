"""The checks of TDH.SYS.INIT that a mask can't express, by the names that module files use."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from tdxtui.cpuid import Leaf, unpack
from tdxtui.refusal import SYS_INIT, Refusal, Refused, shutdown

XCR0_MASK = 0x602FF
XSS_MASK = 0x1FD00
MAX_FIXED_COUNTERS = 7
MIN_TSC_HZ = 0x2540C
_CORE = 2
_USER_STATES, _SUPERVISOR_STATES = Leaf(0xD, 0), Leaf(0xD, 1)


@dataclass
class Sampling:
    """The native values sampled so far, in index order."""

    values: dict[Leaf, int] = field(default_factory=dict)

    def at(self, leaf: Leaf) -> tuple[int, int, int, int]:
        """The four registers of a sampled leaf, zeros if the module has no such entry."""
        return unpack(self.values.get(leaf, 0))

    @property
    def perfmon_ext(self) -> bool:
        """CPUID(7,1).EAX[8]: leaf 23H exists."""
        return bool(self.at(Leaf(7, 1))[0] >> 8 & 1)


def _incorrect(leaf: Leaf, rule: str, because: str) -> Refused:
    return Refused(Refusal("TDX_INCORRECT_CPUID_VALUE", SYS_INIT, rule, because, at=leaf))


def perfmon_version(sampling: Sampling, leaf: Leaf) -> None:
    """Architectural performance monitoring must be of version 5 at least (1.6)."""
    version = sampling.at(leaf)[0] & 0xFF
    if version < 5:
        raise _incorrect(leaf, "1.6", f"the CPU's performance monitoring is of version {version}; 5 is needed")


def fixed_counter_count(sampling: Sampling, leaf: Leaf) -> None:
    """At most 7 fixed counters (1.6)."""
    count = sampling.at(leaf)[3] & 0x1F
    if count > MAX_FIXED_COUNTERS:
        raise _incorrect(leaf, "1.6", f"the CPU has {count} fixed counters; the module knows {MAX_FIXED_COUNTERS}")


def fixed_counter_bitmap(sampling: Sampling, leaf: Leaf) -> None:
    """The bitmap of fixed counters must fit the module's seven (G3)."""
    _, _, ecx, edx = sampling.at(leaf)
    if ((1 << (edx & 0x1F)) - 1 | ecx) >> MAX_FIXED_COUNTERS:
        raise _incorrect(leaf, "G3", f"the CPU has fixed counters beyond the module's {MAX_FIXED_COUNTERS}")


def physical_width_at_most_52(sampling: Sampling, leaf: Leaf) -> None:
    """MAX_PA above 52 shuts the module down (6.C1)."""
    width = sampling.at(leaf)[0] & 0xFF
    if width > 52:
        raise shutdown(SYS_INIT, "6.C1", f"the CPU's MAX_PA is {width}; more than 52 shuts the module down")


def linear_width(sampling: Sampling, leaf: Leaf) -> None:
    """The linear-address width must go with LA57 (1.6)."""
    want = 57 if sampling.at(Leaf(7, 0))[2] >> 16 & 1 else 48
    width = sampling.at(leaf)[0] >> 8 & 0xFF
    if width != want:
        raise _incorrect(leaf, "1.6", f"the CPU's linear-address width is {width}, {want} goes with its LA57")


def tsc_ratio(sampling: Sampling, leaf: Leaf) -> None:
    """The TSC's ratio and crystal clock must give a plausible frequency (1.6)."""
    eax, ebx, ecx, _ = sampling.at(leaf)
    if ebx == 0:
        refusal = Refusal("TDX_CPUID_LEAF_NOT_SUPPORTED", SYS_INIT, "1.6", "leaf 15H is empty", detail=leaf.leaf)
        raise Refused(refusal)
    if eax == 0 or ecx * ebx // eax < MIN_TSC_HZ:
        raise shutdown(SYS_INIT, "1.6", "the TSC frequency of leaf 15H is impossible")


def lbr_depth(sampling: Sampling, leaf: Leaf) -> None:
    """Leaf 1CH must name an LBR depth (1.6)."""
    if sampling.at(leaf)[0] & 0xFF == 0:
        raise shutdown(SYS_INIT, "1.6", "leaf 1CH names no LBR depth")


def xsave_component(sampling: Sampling, leaf: Leaf) -> None:
    """A state component must be user state if it is in XCR0, supervisor state if in XSS (1.6)."""
    component = leaf[1] or 0
    supervisor = sampling.values[leaf] >> 32 & 1
    if supervisor:
        wrong = sampling.values.get(_USER_STATES, 0) >> 96 & XCR0_MASK
    else:
        wrong = sampling.values.get(_SUPERVISOR_STATES, 0) >> 32 & XSS_MASK
    if wrong >> component & 1:
        raise shutdown(SYS_INIT, "1.6", f"state component {component} is in the wrong of XCR0 and IA32_XSS")


def perfmon_ext(sampling: Sampling, leaf: Leaf) -> None:
    """Leaf 23H counts as zero where CPUID(7,1).EAX[8] is 0 (G3)."""
    if not sampling.perfmon_ext:
        sampling.values[leaf] = 0


def perfmon_ext_subleaf(sampling: Sampling, leaf: Leaf) -> None:
    """As `perfmon_ext`; a sub-leaf that CPUID(23,0).EAX doesn't name must be zero (G3)."""
    if not sampling.perfmon_ext:
        sampling.values[leaf] = 0
    elif sampling.values[leaf] and not sampling.at(Leaf(0x23, 0))[0] >> (leaf.subleaf or 0) & 1:
        raise _incorrect(leaf, "G3", f"CPUID(23H,0).EAX doesn't name sub-leaf {leaf.subleaf}, which isn't zero")


def fixed_counters_match(sampling: Sampling, leaf: Leaf) -> None:
    """CPUID(23,1).EBX must name the fixed counters of leaf AH (H4, I7)."""
    _, _, ecx, edx = sampling.at(Leaf(0xA))
    bitmap = (1 << (edx & 0x1F)) - 1 | ecx
    if sampling.perfmon_ext and sampling.at(Leaf(0x23, 0))[0] >> 1 & 1 and sampling.at(leaf)[1] != bitmap:
        raise _incorrect(leaf, "H4", "leaves 0AH and 23H name different fixed counters")


def topology(sampling: Sampling, leaf: Leaf) -> None:
    """Leaf 1F's levels must rise to a core level, and leaf 4 go with it (1.7)."""
    _topology(sampling, numbered=False)


def topology_numbered(sampling: Sampling, leaf: Leaf) -> None:
    """As `topology`, and ECX[7:0] of every sub-leaf must be its number (G3, I5)."""
    _topology(sampling, numbered=True)


def _topology(sampling: Sampling, numbered: bool) -> None:
    levels = _levels(sampling, numbered)
    shift = levels[max(levels)]
    if not 0 <= shift - levels.get(1, 0) < 32:
        raise shutdown(SYS_INIT, "1.7", "leaf 1FH's shifts don't rise")
    sharing = sampling.at(Leaf(4, 3))[0] >> 14 & 0xFFF
    if sharing >> (shift - 1 & 31) != 1:
        raise Refused(Refusal("TDX_INVALID_WBINVD_SCOPE", SYS_INIT, "1.7", "leaf 4.3 and leaf 1FH don't agree"))


def _levels(sampling: Sampling, numbered: bool) -> dict[int, int]:
    """The valid levels before the first invalid one: type -> shift."""
    levels: dict[int, int] = {}
    ended = False
    for number in range(6):
        eax, _, ecx, _ = sampling.at(Leaf(0x1F, number))
        kind = ecx >> 8 & 0xFF
        if numbered and ecx & 0xFF != number:
            raise _unrecognized("a sub-leaf of leaf 1FH doesn't carry its number")
        if ended:
            continue
        if kind == 0:
            if _CORE not in levels:
                refusal = Refusal("TDX_CPUID_LEAF_NOT_SUPPORTED", SYS_INIT, "1.7", "leaf 1FH has no core level")
                raise Refused(refusal)
            ended = True
        elif kind >= 6 or kind <= max(levels, default=0):
            raise _unrecognized("leaf 1FH's level types don't rise")
        else:
            levels[kind] = eax & 0x1F
    return levels


def _unrecognized(because: str) -> Refused:
    return Refused(Refusal("TDX_CPUID_LEAF_1F_FORMAT_UNRECOGNIZED", SYS_INIT, "1.7", because))


Check = Callable[[Sampling, Leaf], None]
FUNCTIONS: Mapping[str, Check] = MappingProxyType({
    check.__name__: check
    for check in (
        perfmon_version, fixed_counter_count, fixed_counter_bitmap, physical_width_at_most_52, linear_width, tsc_ratio,
        lbr_depth, xsave_component, perfmon_ext, perfmon_ext_subleaf, fixed_counters_match, topology, topology_numbered,
    )
})
