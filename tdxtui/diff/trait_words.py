"""A bit's statements in words, as far as a group of changes is about them."""

from __future__ import annotations

from tdxtui.classify import BitClass
from tdxtui.diff.groups import Group
from tdxtui.diff.traits import Trait

KINDS = {
    BitClass.VE: "always #VE", BitClass.FIXED_0: "fixed 0", BitClass.FIXED_1: "fixed 1",
    BitClass.CONFIGURED: "Configured", BitClass.CONFIGURED_NATIVE: "Configured & Native", BitClass.NATIVE: "Native",
}
DEMANDED = {"": "may be 0 or 1", "0": "must be 0", "1": "must be 1"}


def words(group: Group, trait: Trait | None) -> str:
    """What a group of changes tells of a bit's statements."""
    if trait is None:
        return "no entry"
    if group is Group.DEMANDS:
        return DEMANDED[trait.demanded]
    if group is Group.LP:
        return "may differ" if trait.may_differ else "the same on all"
    if group in (Group.GUEST, Group.NO_GUEST):
        return guest(trait)
    if group in (Group.GATED, Group.GATE_MOVED, Group.UNGATED):
        return gates(trait) or "no gate"
    return value(trait)


def value(trait: Trait) -> str:
    """Where the value comes from, gates and demands included."""
    hangs = gates(trait)
    return ", ".join(part for part in (_kind(trait), hangs, "which never holds" if trait.closed else "") if part)


def _kind(trait: Trait) -> str:
    by = trait.by.replace("_", " ")
    if trait.kind is BitClass.ATTRIBUTES:
        return f"shows {trait.by}"
    if trait.kind is BitClass.COMPUTED:
        return f"computed ({by}{', from CPUID_CONFIG' if trait.settable else ''})"
    if trait.kind is BitClass.DYNAMIC:
        return f"run time ({by})"
    if trait.kind in (BitClass.FIXED_0, BitClass.FIXED_1) and not trait.constant:
        return f"{KINDS[trait.kind]} (demanded of the CPU)"
    return KINDS[trait.kind]


def gates(trait: Trait) -> str:
    """What a bit hangs on, "" for nothing."""
    return f"only with {' and '.join(trait.gates)}" if trait.gates else ""


def guest(trait: Trait) -> str:
    """How the guest decides a bit, "as configured" if it doesn't."""
    if not trait.guest:
        return "not the guest's"
    return f"{trait.guest} ({'1' if trait.unreduced_one else 'as configured'} before REDUCE_VE)"
