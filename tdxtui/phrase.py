"""Reasons in words: one line, and a paragraph for whoever is new to TDX. No line is wider than `WIDTH`."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable

from tdxtui import catalog
from tdxtui.classify import BitClass, Group
from tdxtui.cpuid import Field
from tdxtui.edits import Edit
from tdxtui.levers import LEVERS
from tdxtui.module import Module
from tdxtui.reason import Certainty, Cure, Kind, Reason, Term

WIDTH = 100

CLASSES = {
    BitClass.VE: "a leaf that gives the guest #VE by default",
    BitClass.DYNAMIC: "decided at run time",
    BitClass.GUEST: "decided by the guest through #VE reduction",
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
    Certainty.RUN: "run: the module's own code was run and does this",
    Certainty.READ: "read: so says the module's source, which was not run",
    Certainty.INFERRED: "inferred: partly neither run nor read for this version, but concluded from others",
}
WORDS = {
    "XFAM": "XFAM, the extended state that the VMM lets the TD use, must have {name}",
    "!XFAM": "XFAM, the extended state that the VMM lets the TD use, must not have {name}",
    "ATTRIBUTES": "the VMM must create the TD with {name} in ATTRIBUTES",
    "!ATTRIBUTES": "the VMM must create the TD without {name} in ATTRIBUTES",
}


def bit_name(bit: Field) -> str:
    """The catalogue's name at a bit, with the bit's number in a field of several; "reserved" or "unnamed"."""
    named = catalog.named_at(bit)
    if named is None:
        return catalog.name_at(bit.leaf, bit.register, bit.lsb) or "unnamed"
    return named.name if named.field.is_bit else f"{named.name}[{bit.lsb - named.field.lsb}]"


def field_name(field: Field) -> str:
    """The catalogue's name of a field; "reserved" or "unnamed"."""
    named = catalog.named_at(field)
    return named.name if named else catalog.name_at(field.leaf, field.register, field.lsb) or "unnamed"


def tool_names(bit: Field) -> str:
    """What QEMU, libvirt and Linux call a bit, "" if none of them has a name."""
    named = catalog.named_at(bit)
    if named is None:
        return ""
    feature = f"X86_FEATURE_{named.x86_feature}" if named.x86_feature else ""
    tools = (("QEMU", named.qemu), ("libvirt", named.libvirt), ("Linux", named.linux or feature))
    return " · ".join(f"{tool} {name}" for tool, name in tools if name)


def value_text(value: int | None) -> str:
    """0, 1, or ? where it isn't known without a CPU."""
    return "?" if value is None else str(value)


def verdict(reason: Reason) -> str:
    """Who may change the bit, and its class: ``flexible: Configured & Native``."""
    if reason.kind in (BitClass.FIXED_0, BitClass.FIXED_1) and reason.group is Group.FIXED:
        return CLASSES[reason.kind]
    return f"{GROUPS[reason.group]}: {CLASSES[reason.kind]}"


# -- one line --


def line(reason: Reason) -> str:
    """The reason in one line: value, what decides it, and the edits that would change it."""
    head = f"{reason.bit.key} {bit_name(reason.bit)} = {value_text(reason.value)}"
    text = f"{head}: {short_because(reason)}"
    tries = (f"{text}; {_short_cure(reason)}", f"{text}; {_shortest_cure(reason.cure)}", text)
    return next((full for full in tries if len(full) <= WIDTH), textwrap.shorten(text, WIDTH, placeholder=" …"))


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
        return "only the guest changes it" if reason.kind is BitClass.DYNAMIC else f"nothing gives a {cure.goal}"
    return f"for {cure.goal}: {edit_list(cure.edits)}"


def _shortest_cure(cure: Cure) -> str:
    return f"for {cure.goal}: {len(cure.edits or ())} edits"


def edit_list(edits: Iterable[Edit]) -> str:
    """Edits in one line."""
    return ", ".join(edit.text for edit in edits)


def decider(reason: Reason) -> str:
    """What decides the bits of a field, without their values."""
    return " AND ".join(_decider(term) for term in reason.terms)


def _decider(term: Term) -> str:
    if term.kind is Kind.VERIFIED:
        return f"demanded of every CPU ({term.rule})"
    if term.kind in (Kind.COMPUTED, Kind.TOPOLOGY):
        return f"computed, {term.name.replace('_', ' ')} ({term.rule})"
    gate = f" = {value_text(term.value)}" if term.kind in (Kind.GATE, Kind.MIRROR) else ""
    return f"{term.name}{gate} ({term.rule})"


# -- a paragraph --


def paragraph(reason: Reason, module: Module, wished: int | None = None) -> list[str]:
    """The reason for someone new to TDX: names, value, every condition, what would change it, how sure that is."""
    bit = reason.bit
    out = [f"{bit.sdm}  {bit_name(bit)} = {value_text(reason.value)}  ({verdict(reason)})"]
    about = [tool_names(bit), _sentence(bit)]
    out += [text for text in about if text]
    out.append("")
    out.append(_opening(reason))
    out += _terms(reason)
    out += [f"  from {item.name}: {item.value}" for item in reason.inputs]
    out += reason.run_time
    if wished is not None and wished != reason.value:
        out.append(f"The model wants {wished}.")
    out.append(_cure(reason))
    out.append(f"Module {module.version}, {CERTAINTIES[reason.certainty]}.")
    return [part for text in out for part in wrapped(text)]


def field_paragraph(reason: Reason, field: Field, value: str, module: Module) -> list[str]:
    """As `paragraph`, for several bits that the same statements decide: `reason` is that of the lowest."""
    out = [f"{field.sdm}  {field_name(field)} = {value}  ({verdict(reason)})"]
    about = [tool_names(field), _sentence(field)]
    out += [text for text in about if text]
    out += ["", "Each of these bits is 1 if all of these are 1:" if len(reason.terms) > 1 else "These bits come from:"]
    out += [
        f"  {_mark(term) if _shared(term) else '·'} {explained(term, reason, _shared(term))}" for term in reason.terms
    ]
    out += [f"  from {item.name}: {item.value}" for item in reason.inputs]
    out += reason.run_time
    out.append(_field_cure(reason, field))
    out.append(f"Module {module.version}, {CERTAINTIES[reason.certainty]}.")
    return [part for text in out for part in wrapped(text)]


def _field_cure(reason: Reason, field: Field) -> str:
    if any(term.kind is Kind.CPUID_CONFIG for term in reason.terms):
        return f"The VMM changes them by CPUID_CONFIG {field.key}."
    if reason.cure.edits is None:
        return f"Nothing gives bit {reason.bit.lsb} a {reason.cure.goal}; ask for another bit to see what it needs."
    return f"To make bit {reason.bit.lsb} a {reason.cure.goal}: {edit_list(reason.cure.edits)}."


def wrapped(text: str) -> list[str]:
    """A text in lines of at most `WIDTH` columns, later ones indented below the first."""
    if len(text) <= WIDTH:
        return [text]
    indent = " " * (len(text) - len(text.lstrip()))
    return textwrap.wrap(text, WIDTH, subsequent_indent=indent + "    " if indent else "")


def _sentence(bit: Field) -> str:
    named = catalog.named_at(bit)
    return catalog.sentence(named.name) if named else ""


def _opening(reason: Reason) -> str:
    where = "The TD has" if not reason.run_time else "At its creation the TD gets"
    if reason.value is None:
        return "Without a CPU the value isn't known. It is 1 if all of these are 1:"
    value = str(reason.value)
    if len(reason.terms) == 1:
        return f"{where} {value} here, for one reason:"
    if reason.value == 0:
        return f"{where} 0 here. It would be 1 if all of these were 1:"
    return f"{where} {value} here, since it hangs on all of these:"


def _terms(reason: Reason) -> list[str]:
    return [f"  {_mark(term)} {explained(term, reason)}" for term in reason.terms]


def _mark(term: Term) -> str:
    return {None: "?", 0: "✗"}.get(term.value, "✓")


def explained(term: Term, reason: Reason, with_value: bool = True) -> str:
    """A term as a sentence that needs no other source."""
    value = f" {value_text(term.value)}" if with_value else ""
    obstacle = f" Not here: {term.obstacle}." if term.obstacle else ""
    return f"{_head(term)}{value}: {_body(term, reason)} (rule {term.rule}).{obstacle}"


def _head(term: Term) -> str:
    return "computed" if term.kind is Kind.COMPUTED else term.name


def _body(term: Term, reason: Reason) -> str:
    fixed = {
        Kind.CONSTANT: _constant(reason),
        Kind.VERIFIED: "the module refuses to start on a CPU with another value",
        Kind.NATIVE: _native(reason),
        Kind.CPUID_CONFIG: _config(reason),
        Kind.MIRROR: "the bit shows whether the VMM created the TD with it",
        Kind.TOPOLOGY: _topology(reason.bit),
    }
    if term.kind in fixed:
        return fixed[term.kind]
    return LEVERS[term.name].sentence if term.kind is Kind.COMPUTED else _gate(term)


def _constant(reason: Reason) -> str:
    if reason.kind is BitClass.DYNAMIC:
        return "the module clears it here, and fills it in whenever the guest executes CPUID"
    return "the module fixes it, whatever CPU, VMM and guest do"


def _shared(term: Term) -> bool:
    """Whether a term has the same value for all bits of a field."""
    return term.kind in (Kind.GATE, Kind.MIRROR, Kind.CONSTANT)


def _native(reason: Reason) -> str:
    if any(term.kind is Kind.CPUID_CONFIG for term in reason.terms):
        return "the CPU must have it too; asking for a bit that it lacks silently gives 0"
    return "the CPU's own value, which the module passes through"


def _config(reason: Reason) -> str:
    if any(term.kind in (Kind.NATIVE, Kind.VERIFIED) for term in reason.terms):
        return "the VMM must ask for the bit in the CPUID_CONFIG array of TD_PARAMS"
    return "the VMM decides the bit in the CPUID_CONFIG array of TD_PARAMS, whatever the CPU has"


def _topology(bit: Field) -> str:
    if bit.leaf.leaf == 0xB:
        return "the module derives leaf BH from the levels of leaf 1FH"
    return "as the VMM configures leaf 1FH in CPUID_CONFIG, or the CPU's own levels if 1FH.0 is all 0 there"


def _gate(term: Term) -> str:
    if term.at is not None:
        return f"another bit of the TD, {bit_name(term.at)}, must be {int(not term.name.startswith('!'))}"
    scope, _, name = term.name.partition(".")
    return WORDS[scope].format(name=name)


def _cure(reason: Reason) -> str:
    cure = reason.cure
    if cure.edits is None and reason.kind is BitClass.DYNAMIC:
        return "No setting of the VMM changes it; the guest does, as said."
    if cure.edits is None:
        return f"Nothing gives a {cure.goal}: no setting of the VMM, no other CPU or module that is known here."
    hope = ", if the CPU has the bit" if any(term.value is None for term in reason.terms) else ""
    return f"To make it {cure.goal}{hope}: {edit_list(cure.edits)}."
