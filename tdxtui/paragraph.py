"""Reasons in a paragraph, for whoever is new to TDX. No line is wider than `phrase.WIDTH`."""

from __future__ import annotations

from tdxtui.classify import BitClass
from tdxtui.cpuid import Field
from tdxtui.module import Module
from tdxtui.naming import bit_name, field_name, sentence, tool_names
from tdxtui.phrase import CERTAINTIES, conclusion, edit_list, verdict, wrapped
from tdxtui.reason import Kind, Reason
from tdxtui.term_words import explained, mark, value_text


def paragraph(reason: Reason, module: Module, wished: int | None = None, whole: str = "") -> list[str]:
    """The whole reason: names, value, every condition, what would change it, how sure that is.

    `wished` is what the model wants of the bit; `whole` the value, in words, of the field that it is a bit of.
    """
    bit = reason.bit
    value = value_text(reason.value) + (" at the TD's creation" if reason.run_time else "")
    of = f", of the value {whole}" if whole else ""
    out = [f"{bit.sdm}  {bit_name(bit)} = {value}{of}  ({verdict(reason)})", *_about(bit), ""]
    out += [*reason.run_time, _opening(reason), *(f"  {mark(term)} {explained(term, reason)}" for term in reason.terms)]
    out += [f"  from {item.name}: {item.value}" for item in reason.inputs]
    if wished is not None and wished != reason.value:
        out.append(f"The model wants {wished}.")
    out += [conclusion(reason), f"Module {module.version}, {CERTAINTIES[reason.certainty]}."]
    return [part for text in out for part in wrapped(text)]


def field_paragraph(reason: Reason, field: Field, value: str, module: Module) -> list[str]:
    """As `paragraph`, for several bits that the same statements decide: `reason` is that of the lowest."""
    fixed = reason.kind in (BitClass.FIXED_0, BitClass.FIXED_1)
    head = f"{field.sdm}  {field_name(field)} = {value}  ({'fixed' if fixed else verdict(reason)})"
    out = [head, *_about(field), "", *reason.run_time]
    out.append("Each of these bits is the AND of these:" if len(reason.terms) > 1 else "These bits come from this:")
    for term in reason.terms:
        # A gate is the same for all bits; what else there is each bit has for itself.
        shared = term.kind in (Kind.GATE, Kind.MIRROR)
        out.append(f"  {mark(term) if shared else '·'} {explained(term, reason, shared)}")
    out += [f"  from {item.name}: {item.value}" for item in reason.inputs]
    out += [_field_conclusion(reason, field), f"Module {module.version}, {CERTAINTIES[reason.certainty]}."]
    return [part for text in out for part in wrapped(text)]


def _about(field: Field) -> list[str]:
    return [text for text in (tool_names(field), sentence(field)) if text]


def _opening(reason: Reason) -> str:
    if len(reason.terms) == 1:
        return "It comes from this alone:"
    if reason.value is None:
        return "It isn't known without a CPU, since it is the AND of these:"
    return "It is 1, since all of these are 1:" if reason.value else "It is 0, since not all of these are 1:"


def _field_conclusion(reason: Reason, field: Field) -> str:
    if reason.kind is BitClass.DYNAMIC:
        return conclusion(reason)
    if any(term.kind is Kind.CPUID_CONFIG for term in reason.terms):
        return f"The VMM changes them by CPUID_CONFIG {field.key}."
    if reason.kind in (BitClass.FIXED_0, BitClass.FIXED_1):
        return "Nothing changes them: no setting of the VMM, and no CPU or module known here."
    if reason.cure.edits is None:
        return f"Nothing gives bit {reason.bit.lsb} a {reason.cure.goal}; ask for another bit to see what it needs."
    return f"To make bit {reason.bit.lsb} a {reason.cure.goal}: {edit_list(reason.cure.edits)}."
