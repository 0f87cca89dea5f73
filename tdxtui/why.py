"""`tdxtui why`: the reasons of a bit, a field or a leaf's fields in a vCPU model, as data and as text."""

from __future__ import annotations

from typing import Any, NamedTuple

from tdxtui import catalog, paragraph, phrase
from tdxtui.anatomy import anatomy
from tdxtui.cpuid import REGISTER_KEYS, Field, Leaf, Register, unpack
from tdxtui.dynamic import GuestState
from tdxtui.edits import Edit
from tdxtui.evaluate import Situation
from tdxtui.explain import Explainer
from tdxtui.guest_reads import sentences
from tdxtui.reason import Reason
from tdxtui.refusal import Refusal
from tdxtui.runtime import cpuid, without_entry

MANY = 2


class Run(NamedTuple):
    """Neighbouring bits of a field that the same statements decide, with the reason of the lowest."""

    field: Field
    reason: Reason


class Answer(NamedTuple):
    """Everything on a field in a situation; `runs` is empty where the module has no entry for its leaf."""

    asked: Field
    field: Field
    situation: Situation
    runs: tuple[Run, ...]


def fields_of(text: str) -> list[Field]:
    """The fields that a text asks for: a bit or field by name or notation, a leaf's registers, a quantity's parts.

    Raises ValueError (of the catalogue) for a text that is none of these.
    """
    try:
        return [catalog.find(text)]
    except catalog.UnknownName:
        from tdxtui import words  # few ask for one

        plain = text.strip().lower().removeprefix("0x")
        quantity = words.quantity(plain)
        if quantity is not None:
            return list(quantity.fields)
        leaf = _leaf(plain)
        if leaf is None:
            raise
        return [Field(leaf, register, 31, 0) for register in Register]


def _leaf(text: str) -> Leaf | None:
    try:
        leaf = Field.parse(f"{text}:eax").leaf if text.startswith("cpuid") else Leaf.parse(text)
    except ValueError:
        return None
    if catalog.title(leaf) and leaf.subleaf is None and catalog.has_subleaves(leaf.leaf):
        return Leaf(leaf.leaf, 0)
    return leaf if catalog.title(leaf) else None


def answer(situation: Situation, asked: Field, explainer: Explainer | None = None) -> Answer:
    """The reasons of a field's bits in a situation."""
    found = situation.module.entry_field(asked)
    if found is None:
        return Answer(asked, asked, situation, ())
    explain = explainer or situation.explainer
    return Answer(asked, found, situation, tuple(_runs(situation, explain, found)))


def _goal(situation: Situation, bit: Field) -> int | None:
    """The value to strive for: the wished one where that conflicts, else the other one."""
    conflicts = situation.conflicts.get(bit.leaf, 0) & bit.mask
    return situation.model.wished(bit) if conflicts else None


def _runs(situation: Situation, explain: Explainer, field: Field) -> list[Run]:
    runs: list[list[Field]] = []
    for bit in field.bits():
        if runs and _alike(situation, runs[-1][-1], bit):
            runs[-1].append(bit)
        else:
            runs.append([bit])
    lowest = [(Field(field.leaf, field.register, bits[0].msb, bits[-1].lsb), bits[-1]) for bits in runs]
    return [Run(run, explain.reason(bit, _goal(situation, bit), far=run.is_bit)) for run, bit in lowest]


def _alike(situation: Situation, one: Field, other: Field) -> bool:
    """Whether two bits are of one field, and the same statements decide them."""
    module = situation.module
    names = [catalog.name_at(bit.leaf, bit.register, bit.lsb) for bit in (one, other)]
    same = names[0] == names[1] and sentences(module, one) == sentences(module, other)
    return same and anatomy(module, one).without_value() == anatomy(module, other).without_value()


# -- as text --


def short(found: Answer) -> list[str]:
    """One line for each bit or run of like bits."""
    if not found.runs:
        return [line for text in _absent(found) for line in phrase.wrapped(text)][:1]
    return [phrase.line(run.reason) if run.field.is_bit else _run_line(found, run) for run in found.runs]


def _run_line(found: Answer, run: Run) -> str:
    value = f"{_words(found, run.field)}{phrase.GUEST.get(run.reason.kind, '')}"
    head = f"{run.field.key} {phrase.field_name(run.field)} = {value}: {phrase.decider(run.reason)}"
    return head if len(head) <= phrase.WIDTH else f"{head[: phrase.WIDTH - 1]}…"


def text(found: Answer) -> list[str]:
    """The whole answer for people, each line at most `phrase.WIDTH` columns."""
    out = _place(found)
    if not found.runs:
        return [line for part in (*out, *_absent(found)) for line in phrase.wrapped(part)]
    lines = [line for part in out for line in phrase.wrapped(part)]
    if len(found.runs) > MANY:
        return [*lines, *short(found), "Ask for one of them to have its reason whole."]
    for run in found.runs:
        lines += ["", *_paragraph(found, run)]
    return [*lines, f"What a rule says: tdxtui rule {_rule(found.runs[0].reason)}"]


def _rule(reason: Reason) -> str:
    """The first rule of what holds the bit down, or else of what makes it."""
    deciding = next((term for term in reason.terms if term.value == 0), reason.terms[0])
    return deciding.rule.partition(", ")[0]


def _place(found: Answer) -> list[str]:
    """Where the question is asked: model, module, CPU, and whether the TD is refused at all."""
    situation = found.situation
    cpu = situation.platform.name if situation.platform else "none"
    out = [f"Model {situation.model.name}, module {situation.module.version}, platform {cpu}:"]
    if situation.platform_refusal:
        refusal = situation.platform_refusal
        out.append(f"The module refuses this CPU, so what follows is for an unknown one: {_ruled(refusal)}")
    if situation.refusals:
        out.append("The module refuses this TD, which would have what follows but for this:")
        out += [f"  {_ruled(refusal)}" for refusal in situation.refusals]
    return out


def _ruled(refusal: Refusal) -> str:
    return f"{refusal} (rule {refusal.rule})"


def _paragraph(found: Answer, run: Run) -> list[str]:
    if run.field.is_bit:
        wished = found.situation.model.wished(run.field)
        return paragraph.paragraph(run.reason, found.situation.module, wished, _whole(found, run.field))
    return paragraph.field_paragraph(run.reason, run.field, _words(found, run.field), found.situation.module)


def _whole(found: Answer, bit: Field) -> str:
    """The value of the field of several bits that a bit belongs to, "" if there is none."""
    named = catalog.named_at(bit)
    return _words(found, named.field) if named and not named.field.is_bit else ""


def _words(found: Answer, field: Field) -> str:
    td = found.situation.td
    if td.known_at(field.leaf) & field.mask != field.mask:
        return "?"
    value, named = td.get(field), catalog.named_at(field)
    if field.is_bit:
        return str(value)
    from tdxtui import words  # only values of several bits need it

    plain = f"{value:#x}"
    decoded = words.decode(field, value) if named and named.field == field else plain
    return decoded if decoded in (plain, str(value)) else f"{plain} ({decoded})"


def _absent(found: Answer) -> list[str]:
    """What the guest gets where the module has no entry."""
    situation, field = found.situation, found.asked
    value = cpuid(situation.td, field.leaf.leaf, field.leaf.subleaf or 0, GuestState())
    here = "" if value is None else f" Here that is {field.get(value):#x}."
    version = situation.module.version
    return [
        f"{field.sdm}: module {version} has no entry for this leaf, so the VMM can't configure it.",
        f"{without_entry(situation.module, field.leaf.leaf)}{here}",
    ]


# -- as data --


def data(found: Answer) -> dict[str, Any]:
    """The answer for programs."""
    situation, field = found.situation, found.field
    named = catalog.named_at(field)
    out: dict[str, Any] = {
        "field": field.key,
        "sdm": field.sdm,
        "name": named.name if named else "",
        "names": list(named.names()) if named else [],
        "sentence": catalog.sentence(named.name) if named else "",
        "model": situation.model.name,
        "module": situation.module.version,
        "platform": situation.platform.name if situation.platform else None,
        "refusals": [str(refusal) for refusal in (situation.platform_refusal, *situation.refusals) if refusal],
        "text": text(found),
    }
    if not found.runs:
        return out | {"value": None, "bits": []}
    known = situation.td.known_at(field.leaf) & field.mask == field.mask
    value = situation.td.get(field) if known else None
    return out | {"value": value, "words": _words(found, field), "bits": [_run_data(found, run) for run in found.runs]}


def _run_data(found: Answer, run: Run) -> dict[str, Any]:
    reason = run.reason
    return {
        "bits": run.field.key,
        "explained": reason.bit.key,
        "value": reason.value,
        "wished": found.situation.model.wished(reason.bit),
        "class": reason.kind.value,
        "group": reason.group.value,
        "certainty": reason.certainty.value,
        "terms": [term_data(term._asdict()) for term in reason.terms],
        "inputs": [term_data(item._asdict()) for item in reason.inputs],
        "run_time": list(reason.run_time),
        "goal": reason.cure.goal,
        "edits": None if reason.cure.edits is None else [edit_data(edit) for edit in reason.cure.edits],
        "line": phrase.line(reason),
    }


def term_data(term: dict[str, Any]) -> dict[str, Any]:
    """A term or input of a reason for programs."""
    return {key: value.key if isinstance(value, Field) else value for key, value in term.items()}


def edit_data(edit: Edit) -> dict[str, Any]:
    """An edit for programs."""
    value: Any = edit.value
    if edit.leaf is not None:
        value = dict(zip(REGISTER_KEYS, (f"{word:#010x}" for word in unpack(edit.value)), strict=True))
    return {"what": edit.what, "name": edit.name, "value": value, "text": edit.text}
