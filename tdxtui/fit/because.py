"""Why a wish isn't met, in a few words that name the rule."""

from __future__ import annotations

from tdxtui import catalog
from tdxtui.cpuid import Field
from tdxtui.fit.fitting import Fit
from tdxtui.naming import bit_name
from tdxtui.reason import Kind, Term
from tdxtui.td import NAMED_BITS


def because(fit: Fit, bit: Field, wanted: int) -> str:
    """Why a bit of one of the module's entries doesn't come out as wanted."""
    if wanted and (text := fit.target.refusal(bit)):
        return text
    if not wanted and (text := fit.target.forcing(bit)):
        return text
    if text := _by_demand(fit, bit, wanted):
        return text
    terms = fit.situation.explainer.terms(bit)
    deciding = [term for term in terms if term.value == 0] or [term for term in terms if term.kind is not Kind.GATE]
    # A bit that its gate closes isn't configured for that very reason.
    gates = [term for term in deciding if term.kind is Kind.GATE]
    deciding = gates or deciding
    return "; ".join(dict.fromkeys(_words(fit, bit, term) for term in deciding))


def _by_demand(fit: Fit, bit: Field, wanted: int) -> str:
    items = fit.demands.forbid if wanted else (*fit.demands.require, *fit.demands.prefer)
    option = "--forbid" if wanted else "--require"
    for item in items:
        if item.bit == bit:
            return f"{option if item not in fit.demands.prefer else '--prefer'} {item.text}"
    if not wanted and bit in fit.pulled:
        return f"{bit_name(fit.pulled[bit])} needs it"
    return ""


def _words(fit: Fit, bit: Field, term: Term) -> str:
    rule = f" (rule {term.rule})"
    match term.kind:
        case Kind.CONSTANT:
            return f"fixed{'' if _in_number(bit) else f' to {term.value}'}{rule}"
        case Kind.VERIFIED:
            return f"demanded of every CPU{rule}"
        case Kind.NATIVE:
            return f"the CPU {'lacks' if term.value == 0 else 'has'} it{rule}"
        case Kind.CPUID_CONFIG:
            return _switched_off(fit, bit)
        case Kind.COMPUTED | Kind.TOPOLOGY:
            return f"computed: {term.name.replace('_', ' ')}{rule}"
    return _gate(fit, term) + rule


def _in_number(bit: Field) -> bool:
    """Whether a bit is one of a field of several: its own value says little."""
    named = catalog.named_at(bit)
    return named is not None and not named.field.is_bit


def _switched_off(fit: Fit, bit: Field) -> str:
    """Why we don't configure a bit that could be."""
    for default in fit.defaults:
        if bit in default.fields:
            return default.because
    td = fit.situation.td
    lacking = (needed for needed in catalog.needs().get(bit, ()) if not td.get(needed))
    return next((f"it needs {bit_name(needed)}, which is off" for needed in lacking), "not configured")


def _gate(fit: Fit, term: Term) -> str:
    if term.at is not None:
        return f"{bit_name(term.at)} is off"
    word, _, name = term.name.removeprefix("!").partition(".")
    state = "on" if term.name.startswith("!") == (term.value == 0) else "off"
    held = f"{word}.{name} is {state}"
    if state == "off" and (text := fit.target.objection(word, NAMED_BITS[word][name])):
        return f"{held}: {text.split(' ', 2)[0]} {text.split(' ', 2)[1]} doesn't pass it"
    return f"{held}: {term.obstacle[0].lower()}{term.obstacle[1:]}" if term.obstacle else held
