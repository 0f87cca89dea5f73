"""What a CPU's or guest's CPUID states about a CPU model: its named fields, without what is of one moment or thread."""

from __future__ import annotations

from tdxtui import catalog
from tdxtui.cpuid import CpuidTable, Field, Leaf

# Of one logical processor, of the OS's doing, of the run time, or text that no VMM chooses.
_PASSING = tuple(Field.parse(text) for text in (
    "1.ebx[31:24]", "1.ecx.27", "7.0.ecx.4", "80000001.edx.11", "d.0.ebx", "d.1.ebx",
))
_PASSING_LEAVES = frozenset({2, 3, 0x15, 0x16, 0x19, 0x1B, 0x20, 0x80000002, 0x80000003, 0x80000004})
_TOPOLOGY = frozenset({0xB, 0x1F})
_KVM_LEAVES = range(0x40000000, 0x50000000)
_TSC = Leaf(0x15)


def wishes(cpuid: CpuidTable) -> dict[Leaf, tuple[int, int]]:
    """Per leaf, as modules write it, the packed value and the mask of the named fields."""
    found: dict[Leaf, tuple[int, int]] = {}
    for key in sorted(cpuid, key=lambda leaf: (leaf.leaf, leaf.subleaf or 0)):
        leaf = _canonical(key)
        mask = 0 if leaf is None else _mask(leaf)
        if leaf is not None and mask and leaf not in found:
            found[leaf] = cpuid[key] & mask, mask
    return found


def tsc_mhz(cpuid: CpuidTable) -> int | None:
    """The TSC frequency of leaf 15H in whole steps of 25 MHz, None where it isn't told."""
    value = cpuid.at(_TSC)
    eax, ebx, ecx = value >> 96, value >> 64 & 0xFFFFFFFF, value >> 32 & 0xFFFFFFFF
    return round(ecx * ebx / eax / 25e6) * 25 if eax and ebx and ecx else None


def _canonical(leaf: Leaf) -> Leaf | None:
    """The leaf with or without sub-leaf as modules have it, None where it isn't of interest or repeats another."""
    if leaf.leaf in _PASSING_LEAVES or leaf.leaf in _KVM_LEAVES or not catalog.title(leaf):
        return None
    if catalog.has_subleaves(leaf.leaf):
        return Leaf(leaf.leaf, leaf.subleaf or 0)
    return Leaf(leaf.leaf) if not leaf.subleaf else None


def _mask(leaf: Leaf) -> int:
    mask = 0
    for named in catalog.fields_of(leaf):
        mask |= named.field.mask
    for passing in _PASSING:
        mask &= ~passing.mask if passing.leaf == leaf else mask
    return mask & ~0xFFFFFFFF if leaf.leaf in _TOPOLOGY else mask
