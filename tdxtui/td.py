"""The TD configuration that a VMM hands to TDH.MNG.INIT, and the names of its bits.

Names are those of the TDX module specification; `XFAM` also has group names for the components that must be set
together (rule 3.2).
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

from tdxtui.cpuid import Leaf

ATTRIBUTES: Mapping[str, int] = MappingProxyType({
    name: 1 << bit
    for name, bit in {
        "DEBUG": 0, "HGS_PLUS_PROF": 4, "PERF_PROF": 5, "PMT_PROF": 6, "ICSSD": 16, "SERVTD_EXT": 17, "LASS": 27,
        "SEPT_VE_DISABLE": 28, "MIGRATABLE": 29, "PKS": 30, "KL": 31, "TPA": 62, "PERFMON": 63,
    }.items()
})
XFAM_COMPONENTS: Mapping[str, int] = MappingProxyType({
    name: 1 << bit
    for bit, name in enumerate((
        "X87", "SSE", "AVX", "BNDREGS", "BNDCSR", "OPMASK", "ZMM_HI256", "HI16_ZMM", "PT", "PKRU", "PASID", "CET_U",
        "CET_S", "HDC", "UINTR", "LBR", "HWP", "TILECFG", "TILEDATA", "APX",
    ))
})
XFAM_GROUPS: Mapping[str, int] = MappingProxyType({"AVX512": 0xE0, "CET": 0x1800, "AMX": 0x60000})
XFAM: Mapping[str, int] = MappingProxyType({**XFAM_GROUPS, **XFAM_COMPONENTS})
CONFIG_FLAGS: Mapping[str, int] = MappingProxyType({
    name: 1 << bit
    for bit, name in enumerate((
        "GPAW", "FLEXIBLE_PENDING_VE", "NO_RBP_MOD", "MAXPA_VIRT", "MAXGPA_VIRT", "TDX_CONNECT", "PAGE_RELEASE",
        "SEALING",
    ))
})
TD_CTLS: Mapping[str, int] = MappingProxyType({
    "PENDING_VE_DISABLE": 1, "ENUM_TOPOLOGY": 2, "VIRT_CPUID2": 4, "REDUCE_VE": 8, "ENABLE_HW_KEYS": 16,
    "LOCK": 1 << 63,
})
FEATURE_PARAVIRT_CTLS: Mapping[str, int] = MappingProxyType({
    name: 1 << bit
    for bit, name in enumerate((
        "CORE_CAPABILITIES", "DCA", "EST", "MCA", "MTRR", "PCONFIG", "RDT_A", "RDT_M", "ACPI", "TM2", "TME",
        "TSC_DEADLINE",
    ))
})

# What TD_PARAMS carries into TDREPORT as the VMM gives it: 48 bytes each, no matter of CPUID.
DIGESTS = ("mrconfigid", "mrowner", "mrownerconfig")
DIGEST_SIZE = 48

EPTP_4_LEVEL = 0x1E
EPTP_5_LEVEL = 0x26
TSC_UNIT_MHZ = 25


class TdConfig(NamedTuple):
    """TD_PARAMS as far as CPUID depends on them.

    `cpuid_config` holds packed values by leaf, a missing entry is zero; `tsc_frequency` is in units of 25 MHz.
    """

    attributes: int = 0
    xfam: int = 3
    cpuid_config: Mapping[Leaf, int] = MappingProxyType({})
    max_vcpus: int = 1
    num_l2_vms: int = 0
    config_flags: int = 0
    eptp_controls: int = EPTP_4_LEVEL
    tsc_frequency: int = 80
    msr_config_ctls: int = 0
    arch_capabilities_config: int = 0

    @property
    def gpaw(self) -> bool:
        """Whether the guest-physical address has 52 bits (CONFIG_FLAGS.GPAW) instead of 48."""
        return bool(self.config_flags & CONFIG_FLAGS["GPAW"])

    def param(self, name: str) -> int:
        """The word that a condition's prefix names: XFAM, ATTRIBUTES or CONFIG_FLAGS."""
        return {"XFAM": self.xfam, "ATTRIBUTES": self.attributes, "CONFIG_FLAGS": self.config_flags}[name]


NAMED_BITS: Mapping[str, Mapping[str, int]] = MappingProxyType(
    {"XFAM": XFAM, "ATTRIBUTES": ATTRIBUTES, "CONFIG_FLAGS": CONFIG_FLAGS, "TD_CTLS": TD_CTLS}
)


def names_of(value: int, names: Mapping[str, int]) -> list[str]:
    """The names whose bits are all set in value, groups instead of their members; unnamed bits as ``bit 45``."""
    out = []
    for name, mask in names.items():
        if value & mask == mask:
            out.append(name)
            value &= ~mask
    rest = [f"bit {bit}" for bit in range(value.bit_length()) if value >> bit & 1]
    order = {name: (mask & -mask) for name, mask in names.items()}
    return sorted(out, key=order.__getitem__) + rest
