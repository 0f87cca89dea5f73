"""A bit's statements in words, as far as a group of changes is about them."""

from __future__ import annotations

from tdxtui.classify import BitClass
from tdxtui.cpuid import Field
from tdxtui.diff.groups import Group
from tdxtui.diff.traits import Trait, traits
from tdxtui.module import Module

KINDS = {
    BitClass.VE: "always #VE", BitClass.FIXED_0: "fixed", BitClass.FIXED_1: "fixed",
    BitClass.CONFIGURED: "Configured", BitClass.CONFIGURED_NATIVE: "Configured & Native", BitClass.NATIVE: "Native",
}
# Stand for the value of the bits that are told together.
FIXED, DEMANDED = "fixed", "must be"


def words(group: Group, trait: Trait | None) -> str:
    """What a group of changes tells of a bit's statements; `with_value` fills in what it is fixed to."""
    if trait is None:
        return "no entry"
    if group is Group.DEMANDS:
        return DEMANDED if trait.demanded else "any"
    if group is Group.LP:
        return "may differ" if trait.may_differ else "the same on all"
    if group in (Group.GUEST, Group.NO_GUEST):
        return guest(trait)
    if group in (Group.GATED, Group.GATE_MOVED, Group.UNGATED):
        return gates(trait) or "no gate"
    if group is Group.LOST and trait.unreduced_one:
        return f"{value(trait)}; the guest reads 1 before TD_CTLS.REDUCE_VE"
    return value(trait)


def with_value(told: str, module: Module, field: Field) -> str:
    """The words with the value that the bits are fixed to or demanded to have."""
    start = next((word for word in (FIXED, DEMANDED) if told.startswith(word)), "")
    if not start:
        return told
    entry = module.by_leaf[field.leaf]
    fixed = entry.verify_value if start == DEMANDED else entry.fixed1 | entry.verify_value & ~entry.fixed0
    number = field.get(fixed)
    return f"{start} {number}{told[len(start) :]}" if number < 2 else f"{start} {number:X}H{told[len(start) :]}"


def statement(module: Module, field: Field, bit: Field) -> str:
    """What a module states of a bit of a field, with the constant or demanded value of the field filled in."""
    trait = next(trait for trait, mask in traits(module, bit.leaf).items() if mask & bit.mask)
    return with_value(value(trait), module, field)


def value(trait: Trait) -> str:
    """Where the value comes from, gates and demands included."""
    never = "which never holds" if trait.closed else ""
    return ", ".join(part for part in (_kind(trait), gates(trait), never) if part)


def _kind(trait: Trait) -> str:
    by = trait.by.replace("_", " ")
    if trait.kind is BitClass.ATTRIBUTES:
        return f"shows {trait.by}"
    if trait.kind is BitClass.COMPUTED:
        return f"computed ({by}{', from CPUID_CONFIG' if trait.settable else ''})"
    if trait.kind is BitClass.DYNAMIC:
        return f"run time ({by})"
    if trait.kind in (BitClass.FIXED_0, BitClass.FIXED_1) and not trait.constant:
        return f"{FIXED} (demanded of the CPU)"
    return KINDS[trait.kind]


def gates(trait: Trait) -> str:
    """What a bit hangs on, "" for nothing."""
    return f"only with {' and '.join(trait.gates)}" if trait.gates else ""


def guest(trait: Trait) -> str:
    """How the guest decides a bit."""
    if not trait.guest:
        return NOT_GUEST
    return f"{trait.guest}; before REDUCE_VE {'it reads 1' if trait.unreduced_one else 'as configured'}"


NOT_GUEST = "not the guest's"
