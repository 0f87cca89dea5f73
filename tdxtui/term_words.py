"""The terms of a reason as sentences that need no other source."""

from __future__ import annotations

from tdxtui.classify import BitClass
from tdxtui.cpuid import Field
from tdxtui.levers import LEVERS
from tdxtui.naming import bit_name
from tdxtui.reason import Kind, Reason, Term

GATES = {
    ("XFAM", True): "the VMM lets the TD use the extended state of {name}",
    ("XFAM", False): "the VMM does not let the TD use the extended state of {name}",
    ("ATTRIBUTES", True): "the VMM creates the TD with this attribute",
    ("ATTRIBUTES", False): "the VMM creates the TD without this attribute",
}


def value_text(value: int | None) -> str:
    """0, 1, or ? where it isn't known without a CPU."""
    return "?" if value is None else str(value)


def mark(term: Term) -> str:
    """Whether a term is 1, in one column."""
    return {None: "?", 0: "✗"}.get(term.value, "✓")


def explained(term: Term, reason: Reason, with_value: bool = True) -> str:
    """A term as a sentence; without its value where it stands for several bits."""
    value = f" {value_text(term.value)}" if with_value else ""
    obstacle = f" {term.obstacle}." if term.obstacle else ""
    return f"{_head(term)}{value}: {_body(term, reason, with_value)} (rule {term.rule}).{obstacle}"


def _head(term: Term) -> str:
    if term.kind is Kind.GATE and term.at is not None:
        return f"{term.name} {bit_name(term.at)}"
    return "computed" if term.kind is Kind.COMPUTED else term.name


def _body(term: Term, reason: Reason, with_value: bool) -> str:
    match term.kind:
        case Kind.CONSTANT:
            return _constant(reason)
        case Kind.VERIFIED:
            return "the module refuses to start on a CPU with the other value"
        case Kind.NATIVE:
            return _native(term, reason)
        case Kind.CPUID_CONFIG:
            return _config(term, reason, with_value)
        case Kind.MIRROR:
            return f"{_gate(term)}, and the bit shows just that"
        case Kind.TOPOLOGY:
            return _topology(reason.bit)
        case Kind.COMPUTED:
            return f"by the module, {LEVERS[term.name].sentence}"
    return _gate(term)


def _constant(reason: Reason) -> str:
    if reason.kind is BitClass.DYNAMIC:
        return "the module keeps 0 here, and fills in a value whenever the guest executes CPUID"
    return "the module fixes it, whatever CPU, VMM and guest do"


def _native(term: Term, reason: Reason) -> str:
    if not any(other.kind is Kind.CPUID_CONFIG for other in reason.terms):
        return "the CPU's own value, which the module passes through"
    return {
        None: "the CPU must have it; where it doesn't, the bit is 0 without an error",
        0: "the CPU lacks it; to ask for it all the same is no error and gives 0",
        1: "the CPU has it",
    }[term.value]


def _config(term: Term, reason: Reason, with_value: bool) -> str:
    where = "in this part of TD_PARAMS, with which it creates the TD"
    if not any(other.kind in (Kind.NATIVE, Kind.VERIFIED) for other in reason.terms):
        return f"whatever the CPU has, the VMM decides it {where}"
    if not with_value:
        return f"whether the VMM asks for it {where}"
    return f"the VMM {'asks' if term.value else 'does not ask'} for it {where}"


def _topology(bit: Field) -> str:
    if bit.leaf.leaf == 0xB:
        return "the module derives leaf 0BH from the levels of the TD's leaf 1FH"
    return "what the VMM configures of leaf 1FH in CPUID_CONFIG, or the CPU's own levels if it leaves 1FH.0 all 0"


def _gate(term: Term) -> str:
    negated = term.name.startswith("!")
    if term.at is not None:
        value = {None: "isn't known", 0: "is 0", 1: "is 1"}[term.value if term.value is None else term.value ^ negated]
        return f"another bit of the TD, which {value}"
    scope, _, name = term.name.removeprefix("!").partition(".")
    return GATES[scope, bool(term.value) is not negated].format(name=name)
