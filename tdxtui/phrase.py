"""Reasons in words, in one line."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable

from tdxtui.classify import BitClass, Group
from tdxtui.edits import PLATFORM, Edit, elsewhere
from tdxtui.naming import bit_name, field_name, tool_names
from tdxtui.reason import Certainty, Cure, Kind, Reason, Term
from tdxtui.term_words import explained, mark, value_text

__all__ = [
    "CERTAINTIES", "CLASSES", "WIDTH", "bit_name", "conclusion", "decider", "edit_list", "explained", "field_name",
    "line", "mark", "short_because", "tool_names", "value_text", "verdict", "wrapped",
]

WIDTH = 100

CLASSES = {
    BitClass.VE: "a leaf that gives the guest #VE by default",
    BitClass.DYNAMIC: "filled in as the guest executes CPUID",
    BitClass.GUEST: "the guest decides, through #VE reduction",
    BitClass.FIXED_0: "fixed to 0",
    BitClass.FIXED_1: "fixed to 1",
    BitClass.CONFIGURED: "Configured",
    BitClass.CONFIGURED_NATIVE: "Configured & Native",
    BitClass.ATTRIBUTES: "a bit of ATTRIBUTES",
    BitClass.COMPUTED: "computed by the module",
    BitClass.NATIVE: "Native",
}
GROUPS = {Group.FIXED: "fixed", Group.FLEXIBLE: "flexible", Group.RUN_TIME: "run time"}
CERTAINTIES = {
    Certainty.RUN: "run: from running the module's own code",
    Certainty.READ: "read: from the module's source, not run",
    Certainty.INFERRED: "inferred: in part deduced from other versions",
}


def verdict(reason: Reason) -> str:
    """Who may change the bit, and its class: ``flexible: Configured & Native``; fixed where nothing changes it here."""
    if reason.kind in (BitClass.FIXED_0, BitClass.FIXED_1):
        return CLASSES[reason.kind]
    stuck = reason.cure.edits is None and reason.group is Group.FLEXIBLE
    return f"{'fixed here' if stuck else GROUPS[reason.group]}: {CLASSES[reason.kind]}"


def line(reason: Reason) -> str:
    """The reason in one line: value, what decides it, and the edits that would change it."""
    head = f"{reason.bit.key} {bit_name(reason.bit)} = {value_text(reason.value)}{GUEST.get(reason.kind, '')}"
    text, bare = f"{head}: {short_because(reason)}", f"{head}: {_barest(reason)}"
    cure, shortest = _short_cure(reason), _shortest_cure(reason.cure)
    tries = (f"{text}; {cure}", f"{bare}; {cure}", f"{text}; {shortest}", f"{bare}; {shortest}", text)
    return next((full for full in tries if len(full) <= WIDTH), textwrap.shorten(text, WIDTH, placeholder=" …"))


# What a line on a value at creation adds for the guest.
GUEST = {BitClass.VE: " (guest: #VE by default)", BitClass.GUEST: " (the guest may read otherwise)"}


def _barest(reason: Reason) -> str:
    """What decides the value in as few words as there are."""
    deciding = [term for term in reason.terms if term.value == 0] or list(reason.terms)
    return ", ".join(dict.fromkeys(_decider(term).partition(" (")[0] for term in deciding))


def short_because(reason: Reason) -> str:
    """What decides the value, without a full stop."""
    deciding = [term for term in reason.terms if term.value == 0] or list(reason.terms)
    return ", ".join(_short_term(term, reason) for term in deciding)


def _short_term(term: Term, reason: Reason) -> str:
    if term.kind is Kind.CONSTANT:
        run_time = " until run time" if reason.kind is BitClass.DYNAMIC else ""
        return f"fixed to {term.value}{run_time} ({term.rule})"
    if term.kind is Kind.VERIFIED and term.value is not None:
        return f"demanded of every CPU ({term.rule})"
    if term.kind in (Kind.COMPUTED, Kind.TOPOLOGY):
        return f"computed, {term.name.replace('_', ' ')} ({term.rule})"
    return f"{term.name} {value_text(term.value)}"


def _short_cure(reason: Reason) -> str:
    cure = reason.cure
    if cure.edits is None:
        if reason.kind is BitClass.DYNAMIC:
            return "it is filled in at run time"
        return f"nothing {'known here ' if reason.value is None else ''}gives a {cure.goal}"
    return f"for {cure.goal}: {edit_list(cure.edits)}"


def _shortest_cure(cure: Cure) -> str:
    count = len(cure.edits or ())
    return f"for {cure.goal}: {count} edit{'' if count == 1 else 's'}"


def edit_list(edits: Iterable[Edit]) -> str:
    """Edits in one line."""
    return " + ".join(edit.text for edit in edits)


def decider(reason: Reason) -> str:
    """What decides the bits of a field, without their values."""
    if reason.kind is BitClass.DYNAMIC:
        return f"run time; at creation {' AND '.join(_decider(term) for term in reason.terms)}"
    return " AND ".join(_decider(term) for term in reason.terms)


def _decider(term: Term) -> str:
    if term.kind is Kind.VERIFIED:
        return f"demanded of every CPU ({term.rule})"
    if term.kind in (Kind.COMPUTED, Kind.TOPOLOGY):
        return f"computed, {term.name.replace('_', ' ')} ({term.rule})"
    gate = f" = {value_text(term.value)}" if term.kind in (Kind.GATE, Kind.MIRROR) else ""
    return f"{term.name}{gate} ({term.rule})"


def conclusion(reason: Reason) -> str:
    """What would change the bit, as a sentence."""
    cure, where = reason.cure, " at the TD's creation" if reason.run_time else ""
    if cure.edits is None and reason.kind is BitClass.DYNAMIC:
        return "No setting of the VMM decides it: it is filled in at run time, as said."
    if cure.edits is None and reason.value is None:
        return f"No CPU or module known here gives a {cure.goal}{where}; another CPU may."
    if cure.edits is None:
        return f"Nothing gives a {cure.goal}{where}: no setting of the VMM, and no CPU or module known here."
    unsure = any(term.value is None for term in reason.terms) and not elsewhere(cure.edits, PLATFORM)
    hope = ", if the CPU has the bit" if unsure else ""
    return f"To make it {cure.goal}{where}{hope}: {edit_list(cure.edits)}."


def wrapped(text: str) -> list[str]:
    """A text in lines of at most `WIDTH` columns, later ones indented below the first."""
    if len(text) <= WIDTH:
        return [text]
    indent = " " * (len(text) - len(text.lstrip()))
    return textwrap.wrap(text, WIDTH, subsequent_indent=indent + "    " if indent else "")
