"""The reason of a bit as parts of the pane that says why, the most important first."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from rich.style import Style

from tdxtui import phrase
from tdxtui.classify import BitClass, Group
from tdxtui.cpuid import Field
from tdxtui.evaluate import Situation
from tdxtui.naming import sentence
from tdxtui.reason import Cure, Input, Kind, Reason, Term
from tdxtui.tui.palette import Palette

PANES = {"XFAM": "xfam", "ATTRIBUTES": "attributes", "CONFIG_FLAGS": "td"}


class Setting(NamedTuple):
    """A switch in one of the panes of switches."""

    pane: str
    name: str


Target = Field | Setting


class Part(NamedTuple):
    """A sentence of the reason. A condition can be selected; its `target` is what it names, if that can be gone to."""

    text: str
    style: Style
    condition: bool = False
    target: Target | None = None


def goal(situation: Situation, bit: Field) -> int | None:
    """The value that a reason is to tell the way to: the wished one where that conflicts, else the other one."""
    conflicts = situation.conflicts.get(bit.leaf, 0) & bit.mask
    return situation.model.wished(bit) if conflicts else None


def looks_far(reason: Reason) -> bool:
    """Whether another CPU or module might give what nothing here gives."""
    return reason.cure.edits is None and reason.kind is not BitClass.DYNAMIC


def head(reason: Reason, palette: Palette, wide: bool) -> list[tuple[str, Style]]:
    """The first line: notation, name, value and verdict."""
    value = phrase.value_text(reason.value) + (" at creation" if reason.group is Group.RUN_TIME else "")
    return [
        (reason.bit.sdm if wide else reason.bit.key, palette.strong),
        (f"  {phrase.bit_name(reason.bit)} = {value}", palette.name),
        (f"  {_verdict(reason)}", palette.text),
    ]


def _verdict(reason: Reason) -> str:
    """Without a CPU nothing is fixed by what it lacks."""
    return phrase.verdict(reason if reason.value is not None else reason._replace(cure=Cure(1, ())))


def parts(
    situation: Situation, reason: Reason, far: Reason | None, palette: Palette, remarks: Sequence[Part] = ()
) -> list[Part]:
    """All parts below the first line; `far` is the reason that looked at other CPUs and modules too, once known.

    `remarks` are what others than the module have to say.
    """
    text, muted = palette.text, palette.muted
    own = [Part(words, text) for words in reason.run_time]
    first, last = (own, []) if reason.group is Group.RUN_TIME else ([], own)
    # What holds the bit down comes before what would let it be.
    terms = sorted(reason.terms, key=lambda term: bool(term.value)) if reason.value == 0 else reason.terms
    found = [*_wanted(situation, reason, palette), *remarks, *first, *(_term(term, reason, palette) for term in terms)]
    found += [Part(f"  from {item.name}: {item.value}", text, True, _input_target(item)) for item in reason.inputs]
    if reason.value is None:
        found.append(Part("It isn't known without a CPU; c chooses one.", muted))
    found += [*(Part(words, text) for words in _cures(reason, far)), *last]
    about = [sentence(reason.bit), phrase.tool_names(reason.bit)]
    certainty = f"Module {situation.module.version}, {phrase.CERTAINTIES[reason.certainty]}."
    return found + [Part(words, muted) for words in (*about, certainty) if words]


def _wanted(situation: Situation, reason: Reason, palette: Palette) -> Iterator[Part]:
    wished = goal(situation, reason.bit)
    if wished is not None:
        gets = phrase.value_text(reason.value)
        yield Part(f"The model wants {wished}, the TD gets {gets}.", palette.conflict)


def _term(term: Term, reason: Reason, palette: Palette) -> Part:
    style = palette.conflict if term.value == 0 and len(reason.terms) > 1 else palette.text
    return Part(f"{phrase.mark(term)} {phrase.explained(term, reason)}", style, True, _term_target(term))


def _term_target(term: Term) -> Target | None:
    """What can be gone to; the other terms are about the bit itself."""
    if term.kind not in (Kind.GATE, Kind.MIRROR):
        return None
    return term.at or _setting(term.name.removeprefix("!"))


def _input_target(item: Input) -> Target | None:
    return item.at or _setting(item.name)


def _setting(name: str) -> Setting | None:
    scope, _, name = name.partition(".")
    return Setting(PANES[scope], name) if scope in PANES else None


def _cures(reason: Reason, far: Reason | None) -> Iterator[str]:
    if not looks_far(reason):
        yield phrase.conclusion(reason)
    elif far is not None and far.cure.edits is None:
        yield phrase.conclusion(far)
    else:
        if reason.value is not None:
            yield f"No setting gives a {reason.cure.goal} on this module and CPU."
        if far is not None:
            yield f"Another CPU or module gives a {far.cure.goal}: {phrase.edit_list(far.cure.edits or ())}."
