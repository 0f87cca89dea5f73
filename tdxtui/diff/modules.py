"""What differs between two modules, from their files' statements alone."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from tdxtui import catalog
from tdxtui.cpuid import ALL_ONES, WORD, Field, Leaf, Register
from tdxtui.diff.access import ALWAYS_VE, access, leaves, without_entry
from tdxtui.diff.groups import Group, groups
from tdxtui.diff.settings import Setting, settings
from tdxtui.diff.trait_words import words
from tdxtui.diff.traits import Trait, traits
from tdxtui.module import Module

COARSE = (Group.ADDED, Group.REMOVED, Group.NEW_VE, Group.NO_VE)
MISSING: dict[Trait | None, int] = {None: ALL_ONES}


class BitChange(NamedTuple):
    """Bits whose statements changed, the same ones in every leaf given; `old` and `new` are in words.

    `name` is the catalogue's, "" where the bits are of several fields.
    """

    group: Group
    leaves: tuple[Leaf, ...]
    register: Register
    msb: int
    lsb: int
    name: str
    old: str
    new: str

    @property
    def fields(self) -> tuple[Field, ...]:
        """The bits in each leaf."""
        return tuple(Field(leaf, self.register, self.msb, self.lsb) for leaf in self.leaves)


class AccessChange(NamedTuple):
    """Leaves at which a guest gets something else than before; no leaves stand for all that have no entry."""

    group: Group
    leaves: tuple[Leaf, ...]
    old: str
    new: str


Change = BitChange | AccessChange | Setting


@dataclass(frozen=True)
class ModuleDiff:
    """All changes from one module to another, in the order of their groups."""

    old: Module
    new: Module
    changes: tuple[Change, ...]

    def of(self, group: Group) -> list[Change]:
        """The changes of a group."""
        return [change for change in self.changes if change.group is group]


def compare(old: Module, new: Module) -> ModuleDiff:
    """The changes from one module to another; evidence and source are no changes of what a module does."""
    found = [*_bits(old, new), *_access(old, new), *settings(old, new)]
    order = {group: number for number, group in enumerate(Group)}
    return ModuleDiff(old, new, tuple(sorted(found, key=lambda change: order[change.group])))


def _bits(old: Module, new: Module) -> list[BitChange]:
    merged: dict[tuple[object, ...], list[BitChange]] = {}
    for leaf in dict.fromkeys([*old.by_leaf, *new.by_leaf]):
        for change in _of_leaf(old, new, leaf):
            key = leaf.leaf, *(part for part in change if part != change.leaves)
            merged.setdefault(key, []).append(change)
    return [same[0]._replace(leaves=tuple(change.leaves[0] for change in same)) for same in merged.values()]


def _of_leaf(old: Module, new: Module, leaf: Leaf) -> Iterator[BitChange]:
    masks: dict[tuple[Group, str, str], int] = {}
    before, after = _traits(old, leaf), _traits(new, leaf)
    for was, where in before.items():
        for now, there in after.items():
            if where & there and was != now:
                for group in groups(was, now):
                    key = group, words(group, was), words(group, now)
                    masks[key] = masks.get(key, 0) | where & there
    for (group, was_words, now_words), mask in masks.items():
        for field, name in runs(leaf, mask, coarse=group in COARSE):
            yield BitChange(group, (leaf,), field.register, field.msb, field.lsb, name, was_words, now_words)


def _traits(module: Module, leaf: Leaf) -> dict[Trait | None, int]:
    return {**traits(module, leaf)} if leaf in module.by_leaf else MISSING


def runs(leaf: Leaf, mask: int, coarse: bool = False) -> Iterator[tuple[Field, str]]:
    """The neighbouring bits of a packed mask, EAX to EDX, high bit first, with their name.

    Runs end where the catalogue's fields do, unless `coarse`.
    """
    for register in Register:
        left = mask >> register.shift & WORD
        while left:
            msb = lsb = left.bit_length() - 1
            name = catalog.name_at(leaf, register, msb)
            while lsb and left >> lsb - 1 & 1 and (coarse or catalog.name_at(leaf, register, lsb - 1) == name):
                lsb -= 1
            field = Field(leaf, register, msb, lsb)
            yield field, _name(field, name)
            left &= (1 << lsb) - 1


def _name(field: Field, highest: str) -> str:
    """The one name of a run's bits, "" if there are several."""
    return highest if catalog.name_at(field.leaf, field.register, field.lsb) == highest else ""


def _access(old: Module, new: Module) -> Iterator[AccessChange]:
    merged: dict[tuple[str, str], list[Leaf]] = {}
    for leaf in leaves(old, new):
        merged.setdefault((access(old, leaf), access(new, leaf)), []).append(leaf)
    for (was, now), where in merged.items():
        if was != now:
            yield AccessChange(_access_group(was), tuple(where), was, now)
    if without_entry(old) != without_entry(new):
        yield AccessChange(_access_group(without_entry(old)), (), without_entry(old), without_entry(new))


def _access_group(was: str) -> Group:
    return Group.NO_VE if was == ALWAYS_VE else Group.NEW_VE


def bits_of(changes: Iterable[Change], group: Group) -> dict[Leaf, int]:
    """The packed masks of a group's bits by leaf."""
    masks: dict[Leaf, int] = {}
    for change in changes:
        if isinstance(change, BitChange) and change.group is group:
            for field in change.fields:
                masks[field.leaf] = masks.get(field.leaf, 0) | field.mask
    return masks
