"""What differs between two modules, from their files' statements alone."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from tdxtui.classify import classes_at
from tdxtui.cpuid import ALL_ONES, Field, Leaf, Register
from tdxtui.diff.access import ALWAYS_VE, VE, access, leaves, without_entry
from tdxtui.diff.groups import Group, groups
from tdxtui.diff.settings import Setting, settings
from tdxtui.diff.trait_words import with_value, words
from tdxtui.diff.traits import Trait, traits
from tdxtui.field_runs import fields_in, runs
from tdxtui.module import Module

COARSE = (Group.ADDED, Group.REMOVED, Group.NEW_VE, Group.NO_VE)
MANY = 6
MISSING: dict[Trait | None, int] = {None: ALL_ONES}


class BitChange(NamedTuple):
    """Bits whose statements changed, the same ones in every leaf given; `old` and `new` are in words.

    `name` is the catalogue's, "" where the bits are of several fields. `inferred` tells that a mask of theirs in one
    of the module files was deduced from other versions.
    """

    group: Group
    leaves: tuple[Leaf, ...]
    register: Register
    msb: int
    lsb: int
    name: str
    old: str
    new: str
    inferred: bool = False

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
    found: list[Change] = [*_bits(old, new), *_access(old, new), *settings(old, new)]
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
        for field, name in _shown_runs(leaf, mask, group):
            told = (with_value(was_words, old, field), with_value(now_words, new, field))
            unsure = _inferred(old, field) or _inferred(new, field)
            of = _of_feature(group, new, field)
            yield BitChange(of, (leaf,), field.register, field.msb, field.lsb, name, *told, unsure)


def _of_feature(group: Group, new: Module, field: Field) -> Group:
    """A single bit that is fixed to the other value is a feature lost or gained."""
    if group is not Group.CONSTANT or not field.is_bit:
        return group
    return Group.ON if field.get(new.by_leaf[field.leaf].fixed1) else Group.GONE


def _inferred(module: Module, field: Field) -> bool:
    return field.leaf in module.by_leaf and bool(classes_at(module, field.leaf).inferred & field.mask)


def _shown_runs(leaf: Leaf, mask: int, group: Group) -> list[tuple[Field, str]]:
    """Runs by name, unless those of a register lie side by side and are too many to be told singly."""
    if group is Group.CONSTANT:
        return list(fields_in(leaf, mask))
    named, coarse = list(runs(leaf, mask)), list(runs(leaf, mask, coarse=True))
    if group in COARSE:
        return coarse
    out = []
    for field, name in coarse:
        within = [item for item in named if item[0].mask & field.mask]
        out += within if len(within) <= MANY else [(field, name)]
    return out


def _traits(module: Module, leaf: Leaf) -> dict[Trait | None, int]:
    return dict(traits(module, leaf).items()) if leaf in module.by_leaf else MISSING


def _access(old: Module, new: Module) -> Iterator[AccessChange]:
    merged: dict[tuple[str, str], list[Leaf]] = {}
    for leaf in leaves(old, new):
        merged.setdefault((access(old, leaf), access(new, leaf)), []).append(leaf)
    for (was, now), where in merged.items():
        if was != now:
            yield AccessChange(_access_group(was, now), tuple(where), was, now)
    was, now = without_entry(old), without_entry(new)
    if was != now:
        yield AccessChange(_access_group(was, now), (), was, now)


def _access_group(was: str, now: str) -> Group:
    if was == ALWAYS_VE:
        return Group.NO_VE
    return Group.NEW_VE if VE in was + now else Group.RUN_TIME


def bits_of(changes: Iterable[Change], group: Group) -> dict[Leaf, int]:
    """The packed masks of a group's bits by leaf."""
    masks: dict[Leaf, int] = {}
    for change in changes:
        if isinstance(change, BitChange) and change.group is group:
            for field in change.fields:
                masks[field.leaf] = masks.get(field.leaf, 0) | field.mask
    return masks
