"""What the host reads of a module and a TD (section 6): TDH.SYS.INFO, TDH.SYS.RD, TDH.MNG.RD."""

from __future__ import annotations

from tdxtui.cpuid import NO_SUBLEAF, Leaf
from tdxtui.resolve import VirtualCpuid
from tdxtui.sysinit import Prepared

NOT_READABLE = "TDX_METADATA_FIELD_NOT_READABLE"
ID_INCORRECT = "TDX_METADATA_FIELD_ID_INCORRECT"


def cpuid_config(prepared: Prepared) -> dict[Leaf, int]:
    """TDH.SYS.INFO's CPUID_CONFIG: the bits that may be set, those that the CPU lacks left out (6.1)."""
    module = prepared.module
    entries = (module.by_leaf[leaf] for leaf in module.cpuid_config)
    return {entry.leaf: entry.configured | entry.configured_native & prepared.start_of(entry.leaf) for entry in entries}


def cpuid_config_values(prepared: Prepared) -> dict[Leaf, int]:
    """TDH.SYS.RD's CPUID_CONFIG_VALUES: as TDH.SYS.INFO, on some modules without Configured & Native (6.2, 5.C12)."""
    found = cpuid_config(prepared)
    if prepared.module.reports_configured_native:
        return found
    return {leaf: mask & prepared.module.by_leaf[leaf].configured for leaf, mask in found.items()}


def leaf_code(leaf: Leaf) -> int:
    """CPUID_CONFIG_LEAVES: the sub-leaf, all ones for none, above the leaf."""
    return (NO_SUBLEAF if leaf.subleaf is None else leaf.subleaf) << 32 | leaf.leaf


def cpuid_value(td: VirtualCpuid, leaf: Leaf) -> int | str:
    """TDH.MNG.RD CPUID_VALUES: the TDCS value, or the status for an entry that can't be read (6.3, G5)."""
    module = td.module
    if leaf not in module.by_leaf:
        return 0 if module.host_reads_zero_leaves and leaf.leaf in module.exit.zero_leaves else ID_INCORRECT
    return NOT_READABLE if leaf in module.exit.faulting else td.at(leaf)
