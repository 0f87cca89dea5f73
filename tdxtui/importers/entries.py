"""From what a tool prints of CPUID to a table: which leaves have sub-leaves, and where a line is."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from tdxtui import catalog
from tdxtui.cpuid import CpuidTable, Leaf
from tdxtui.dump import Dump, LogicalCpu
from tdxtui.importers.result import Imported, failed

# What tells logical processors of one kind apart: initial APIC IDs, OSXSAVE, rows of the hardware feedback table, and
# sizes that follow the moment's XCR0.
_OF_EACH = {
    Leaf(1): 0xFF000000 << 64 | 1 << 59,
    Leaf(6): 0xFFFF0000,
    Leaf(0xD, 0): 0xFFFFFFFF << 64,
    Leaf(0xD, 1): 0xFFFFFFFF << 64,
}
_TOPOLOGY = (0xB, 0x1F, 0x80000026)
_EDX = 0xFFFFFFFF

NOT_INTEL = "is of a CPU that isn't Intel's: no TDX module runs on it."


def plain(table: CpuidTable) -> CpuidTable:
    """A table of a tool that gives every leaf a sub-leaf: leaves that have none lose their sub-leaf 0."""
    return CpuidTable((_plain(leaf, table), value) for leaf, value in table.items())


def _plain(leaf: Leaf, table: CpuidTable) -> Leaf:
    has_none = leaf.subleaf == 0 and not catalog.has_subleaves(leaf.leaf) and Leaf(leaf.leaf, 1) not in table
    return Leaf(leaf.leaf) if has_none else leaf


def line_at(data: bytes, offset: int) -> str:
    """Where an offset is, for errors: ``line 12``."""
    before = data.count(b"\n", 0, offset)
    return f"line {before + 1}"


def dump(name: str, format: str, cpus: Iterable[LogicalCpu], notes: Iterable[str] = ()) -> Imported:
    """A dump of at least one logical processor with at least leaf 0; ImportFailed otherwise."""
    found = tuple(cpus)
    if not found or not any(leaf.leaf == 0 for leaf in found[0].cpuid):
        raise failed(name, "", "has no CPUID leaf 0, from which every dump begins")
    read = Dump(name.rpartition("/")[2].rpartition(".")[0] or name, format, found)
    said = (*notes, *_differing(found), *([] if read.is_intel else [NOT_INTEL]))
    return Imported(format, replace(read, notes=said), said)


def _differing(cpus: tuple[LogicalCpu, ...]) -> list[str]:
    """A note if logical processors differ in more than what is each one's own."""
    first = _common(cpus[0].cpuid)
    others = {id(cpu.cpuid): _common(cpu.cpuid) for cpu in cpus[1:]}
    unlike = [cpu for cpu in cpus[1:] if others[id(cpu.cpuid)] != first]
    if not unlike:
        return []
    other = others[id(unlike[0].cpuid)]
    leaves = [leaf.key for leaf in sorted({*first, *other}, key=lambda leaf: (leaf.leaf, leaf.subleaf or 0))
              if first.get(leaf) != other.get(leaf)]
    more = f" and {len(leaves) - 4} more" if len(leaves) > 4 else ""
    which = "another" if unlike[0].number is None else f"logical CPU {unlike[0].number}"
    return [f"{len(unlike)} of {len(cpus)} logical CPUs differ from the first, {which} in "
            f"{', '.join(leaves[:4])}{more}; --cpu N takes another one."]


def _common(table: CpuidTable) -> dict[Leaf, int]:
    """A table without what is each logical processor's own."""
    out = dict(table)
    for leaf, mask in _OF_EACH.items():
        if leaf in out:
            out[leaf] &= ~mask
    for leaf in out:
        if leaf[0] in _TOPOLOGY:
            out[leaf] &= ~_EDX
    return out
