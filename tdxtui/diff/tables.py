"""Two tables of CPUID values: features that one of them has, and fields with other values."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import NamedTuple

from tdxtui import library
from tdxtui.catalog import RESERVED
from tdxtui.classify import sum_masks
from tdxtui.cpuid import ALL_ONES, Field, Leaf, pack
from tdxtui.field_runs import fields_in
from tdxtui.resolve import VirtualCpuid
from tdxtui.situations import DEFAULT_MODULE
from tdxtui.words.names import canonical

_LEVELS = (0xB, 0x1F)
_NUMBER_AND_ID = pack(0, 0, 0xFF, 0xFFFFFFFF)


@dataclass(frozen=True)
class Table:
    """Packed values by leaf as TDX modules write it; of a leaf in `known` only those bits are known."""

    name: str
    values: Mapping[Leaf, int]
    known: Mapping[Leaf, int] = field(default_factory=dict)
    msrs: Mapping[int, int] = field(default_factory=dict)

    def at(self, leaf: Leaf) -> int:
        """The packed value of a leaf, 0 for none."""
        return self.values.get(leaf, 0)


class FieldDiff(NamedTuple):
    """A field that differs. `moment` is set for what differs from one processor or moment to the next."""

    field: Field
    name: str
    old: int
    new: int
    moment: bool

    @property
    def feature(self) -> bool:
        """Whether it is a single bit with a name."""
        return self.field.is_bit and self.name not in ("", RESERVED)


@dataclass(frozen=True)
class TableDiff:
    """What differs between two tables; `only_old`, `only_new` are leaves with a value that the other one lacks."""

    old: Table
    new: Table
    fields: tuple[FieldDiff, ...]
    only_old: tuple[Leaf, ...]
    only_new: tuple[Leaf, ...]
    msrs: tuple[tuple[int, int, int], ...]

    @property
    def empty(self) -> bool:
        """Whether nothing differs that isn't of the moment."""
        return not (self.msrs or any(not item.moment for item in self.fields))


def of_machine(name: str, cpuid: Mapping[Leaf, int], msrs: Mapping[int, int]) -> Table:
    """The table of a machine."""
    return Table(name, _telling(cpuid), {}, msrs)


def of_td(name: str, td: VirtualCpuid) -> Table:
    """The table of a TD as TDH.MNG.INIT makes it, without entries that nobody ever reads."""
    leaves = [entry.leaf for entry in td.module.entries if entry.leaf not in td.module.exit.faulting]
    known = {leaf: td.known_at(leaf) for leaf in leaves if td.known_at(leaf) != ALL_ONES}
    return Table(name, _telling({leaf: td.at(leaf) for leaf in leaves}), known)


def _telling(cpuid: Mapping[Leaf, int]) -> dict[Leaf, int]:
    """The leaves without the levels beyond the last of leaves BH and 1FH, which some dumps leave out."""
    return {canonical(leaf): value for leaf, value in cpuid.items() if not _is_beyond(leaf, value)}


def _is_beyond(leaf: Leaf, value: int) -> bool:
    """Whether a level is none: it has no type, and no more than its number and the processor's ID."""
    return leaf.leaf in _LEVELS and bool(leaf.subleaf) and not value & ~_NUMBER_AND_ID


def compare(old: Table, new: Table) -> TableDiff:
    """What differs; MSRs count where both tables have them."""
    both_msrs = sorted({*old.msrs} & {*new.msrs})
    return TableDiff(
        old, new, tuple(_fields(old, new)), tuple(_only(old, new)), tuple(_only(new, old)),
        tuple((at, old.msrs[at], new.msrs[at]) for at in both_msrs if old.msrs[at] != new.msrs[at]),
    )


def _fields(old: Table, new: Table) -> Iterator[FieldDiff]:
    for leaf in sorted({*old.values, *new.values}, key=lambda leaf: (leaf.leaf, leaf.subleaf or 0)):
        known = old.known.get(leaf, ALL_ONES) & new.known.get(leaf, ALL_ONES)
        differs = (old.at(leaf) ^ new.at(leaf)) & known
        for found, name in fields_in(leaf, differs):
            moment = not found.mask & differs & ~of_the_moment(leaf)
            yield FieldDiff(found, name, found.get(old.at(leaf)), found.get(new.at(leaf)), moment)


def _only(one: Table, other: Table) -> Iterator[Leaf]:
    return (leaf for leaf, value in one.values.items() if value and leaf not in other.values)


def of_the_moment(leaf: Leaf) -> int:
    """The packed mask of what the run time decides at a leaf: APIC IDs, OSXSAVE, sizes for the present XCR0."""
    return _moments().get(leaf, 0)


@cache
def _moments() -> dict[Leaf, int]:
    """What a module fills in at run time is of the moment on every machine."""
    module = library.module(DEFAULT_MODULE)
    leaves = dict.fromkeys(item.field.leaf for item in module.exit.dynamic)
    return {leaf: sum_masks(item.field for item in module.exit.dynamic if item.field.leaf == leaf) for leaf in leaves}


