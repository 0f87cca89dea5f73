"""A module file's entries: [entry], [verify], [lp_differs], and the order of CPUID_CONFIG."""

from __future__ import annotations

from tdxtui.cpuid import ALL_ONES, Leaf, Register
from tdxtui.module import Entry
from tdxtui.module_file.references import References, written_leaf
from tdxtui.strict import Section

TYPES = ("fixed0", "fixed1", "configured", "configured_native", "dynamic")
ALWAYS_THERE = (Leaf(1), Leaf(7, 0), Leaf(0x80000008))  # the computation looks at them


def entries_of(top: Section) -> tuple[Entry, ...]:
    """The lookup entries in their order, with what is verified and what may differ."""
    tables, verify, differs = top.table("entry"), top.table("verify", False), top.table("lp_differs", False)
    for leaf in ALWAYS_THERE:
        if leaf.key not in tables:
            raise top.error("entry", f"lacks {leaf.key!r}, which every module has")
    entries = []
    for key in tables:
        leaf = _entry_leaf(tables, key)
        mask, value = _verified(verify, key)
        entries.append(Entry(leaf, *_types(tables.table(key)), mask, value, registers(differs, key)))
    for rest in (verify, differs):
        for key in rest:
            raise rest.error(key, f"there is no entry {key!r} in this file")
    return tuple(entries)


def _entry_leaf(tables: Section, key: str) -> Leaf:
    try:
        return written_leaf(key)
    except ValueError as error:
        raise tables.error(key, str(error)) from None


def _types(section: Section) -> tuple[int, int, int, int, int]:
    if section.flag("zero"):
        section.done()
        return ALL_ONES, 0, 0, 0, 0
    masks = dict.fromkeys(TYPES, 0)
    for register in Register:
        if register.key not in section:
            continue
        types, seen = section.table(register.key), 0
        for kind in TYPES:
            mask = types.hex(kind, 32, default=0)
            if mask & seen:
                raise types.error(kind, f"bits 0x{mask & seen:08x} already have another virtualization type")
            seen |= mask
            masks[kind] |= mask << register.shift
        types.done()
    section.done()
    return masks["fixed0"], masks["fixed1"], masks["configured"], masks["configured_native"], masks["dynamic"]


def _verified(verify: Section, key: str) -> tuple[int, int]:
    section, mask, value = verify.table(key, required=False), 0, 0
    for register in Register:
        if register.key not in section:
            continue
        want = section.table(register.key)
        one, zero = want.hex("one", 32, default=0), want.hex("zero", 32, default=0)
        if one & zero:
            raise want.error("zero", f"bits 0x{one & zero:08x} can't be demanded both 1 and 0")
        mask |= (one | zero) << register.shift
        value |= one << register.shift
        want.done()
    section.done()
    return mask, value


def registers(tables: Section, key: str) -> int:
    """The packed mask of a table that gives a mask for each register."""
    section = tables.table(key, required=False)
    mask = 0
    for register in Register:
        mask |= section.hex(register.key, 32, default=0) << register.shift
    section.done()
    return mask


def cpuid_config(top: Section, entries: tuple[Entry, ...], refs: References) -> tuple[Leaf, ...]:
    """The entries of CPUID_CONFIG in their order."""
    leaves = top.parsed_list("cpuid_config", refs.leaf, required=True)
    for entry in entries:
        if entry.configurable and entry.leaf not in leaves:
            raise top.error("cpuid_config", f"entry {entry.leaf.key!r} has configurable bits but is not in this list")
    if len(set(leaves)) != len(leaves):
        raise top.error("cpuid_config", "an entry stands here twice")
    return leaves

