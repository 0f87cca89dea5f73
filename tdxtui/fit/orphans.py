"""Features that have lost what they need."""

from __future__ import annotations

from tdxtui import catalog
from tdxtui.checking.bits import bits_of
from tdxtui.cpuid import Field
from tdxtui.evaluate import Situation
from tdxtui.fit.demands import Demands
from tdxtui.fit.meeting import after_edits
from tdxtui.fit.target import Target
from tdxtui.fit.wants import Wants

_ROUNDS = 6


def without_orphans(situation: Situation, target: Target, wants: Wants, asked: Demands) -> Situation:
    """Features whose needed feature isn't there go too, where that costs nothing else that is wanted."""
    for _ in range(_ROUNDS):
        orphans = _orphans(situation)
        after = None
        for bit in orphans:
            if any(item.bit == bit for item in asked.require):
                continue
            found = situation.explainer.cures.find(bit, 0)
            after = after_edits(situation, target, found) if found else None
            if after is not None and not _lost(situation, after, wants, _dependents(orphans)):
                break
            after = None
        if after is None:
            return situation
        situation = after
    return situation


def _orphans(situation: Situation) -> list[Field]:
    """The features that are on while one that they need is known to be off."""
    td, entries = situation.td, situation.module.by_leaf

    def off(bit: Field) -> bool:
        return bit.leaf in entries and bool(td.known_at(bit.leaf) & bit.mask) and not td.get(bit)

    on = (bit for bit in catalog.needs() if bit.leaf in entries and td.get(bit) and td.known_at(bit.leaf) & bit.mask)
    return [bit for bit in on if any(off(needed) for needed in catalog.needs()[bit])]


def _dependents(orphans: list[Field]) -> set[Field]:
    """Some features, and all that need one of them directly or not."""
    found: set[Field] = set()
    more = set(orphans)
    while more:
        found |= more
        more = {bit for bit, needed in catalog.needs().items() if found & set(needed)} - found
    return found


def _lost(before: Situation, after: Situation, wants: Wants, but: set[Field]) -> bool:
    """Whether wanted bits that were on went off, beside some."""
    for leaf, ones in wants.ones.items():
        gone = before.td.at(leaf) & ~after.td.at(leaf) & ones
        if any(bit not in but and not _is_size(bit) for bit in bits_of(leaf, gone)):
            return True
    return False


def _is_size(bit: Field) -> bool:
    """Whether a bit only describes state that goes along: the sub-leaves of 0DH."""
    return bit.leaf.leaf == 0xD
