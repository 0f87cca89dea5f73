"""A quiz: what happens to a bit if a setting changes, asked about random legal TDs and answered by the engine."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import NamedTuple

from tdxtui import catalog, library, phrase, situations
from tdxtui.classify import Group, classes
from tdxtui.cpuid import Field, Register
from tdxtui.editor import Editor
from tdxtui.edits import MODULE, PLATFORM
from tdxtui.evaluate import Situation
from tdxtui.module import Module
from tdxtui.refusal import Refusal
from tdxtui.td import ATTRIBUTES, names_of
from tdxtui.turning import UNITS

ANSWERS = ("stays 0", "stays 1", "becomes 1", "becomes 0")
TRIES = 200


class Change(NamedTuple):
    """A setting turned on or off (of XFAM, ATTRIBUTES), or a move to another module or platform by name."""

    what: str
    name: str
    on: bool = True

    @property
    def text(self) -> str:
        """As a question says it."""
        if self.what == MODULE:
            return f"the host moves to module {self.name}"
        if self.what == PLATFORM:
            return f"the TD runs on {self.name}"
        return f"the VMM sets {self.what}.{self.name} = {int(self.on)}"


@dataclass(frozen=True)
class Question:
    """A question: `answer` is the number of the right one of `ANSWERS`; the reason is that of the bit afterwards."""

    text: str
    bit: Field
    answer: int
    before: Situation
    after: Situation

    @property
    def explanation(self) -> str:
        """The reason chain of the bit after the change, in a line."""
        return phrase.line(self.after.explainer.reason(self.bit))


def question(random: Random) -> Question:
    """A question of a random legal TD; half of them are about a bit that the change moves."""
    for _ in range(TRIES):
        editor = _legal(random)
        if editor is None:
            continue
        before, change = editor.situation, _any_change(random, editor)
        after = change and _changed(editor, change)
        if change is None or after is None or after.refusals:
            continue
        bit = _bit(random, before, after)
        if bit is not None:
            return _asked(bit, change, before, after)
    raise RuntimeError("no legal TD was found to ask about")


def _legal(random: Random) -> Editor | None:
    """A preset on a module and a CPU that take it, with some switches turned."""
    module = library.module(random.choice(list(library.files("modules"))))
    cpu = library.platform(random.choice(list(library.files("platforms"))))
    if isinstance(library.prepared(module, cpu), Refusal):
        return None
    editor = Editor(situations.find_model(random.choice(list(library.presets()))), module, cpu)
    for _ in range(random.randrange(4)):
        change = _change(random, editor)
        if change is not None:
            _changed(editor, change)
    return None if editor.situation.refusals else editor


def _any_change(random: Random, editor: Editor) -> Change | None:
    """Most often a switch, else another module or CPU."""
    kind = random.choice(("switch", "switch", MODULE, PLATFORM))
    if kind == MODULE:
        others = [name for name in library.files("modules") if name != editor.module.version]
        return Change(MODULE, random.choice(others))
    if kind == PLATFORM:
        here = editor.platform.name if editor.platform else ""
        return Change(PLATFORM, random.choice([name for name in library.files("platforms") if name != here]))
    return _change(random, editor)


def _change(random: Random, editor: Editor) -> Change | None:
    """A switch that this module and CPU let be turned."""
    prepared, model = editor.situation.td.prepared, editor.model
    xfam = [("XFAM", name, not model.xfam & mask) for name, mask in UNITS.items() if not mask & ~prepared.xfam_allowed]
    attributes = [
        ("ATTRIBUTES", name, not model.attributes & 1 << bit)
        for bit in range(64) if prepared.attributes_allowed >> bit & 1
        for name in names_of(1 << bit, ATTRIBUTES)
    ]
    fixed = names_of(editor.module.xfam.fixed1, UNITS)
    possible = [Change(*item) for item in (*xfam, *attributes) if item[1] not in fixed]
    return random.choice(possible) if possible else None


def _changed(editor: Editor, change: Change) -> Situation | None:
    """The situation with the change made, None where it can't be."""
    outcome = {
        "XFAM": editor.toggle_xfam, "ATTRIBUTES": editor.toggle_attribute,
        MODULE: editor.set_module, PLATFORM: editor.set_platform,
    }[change.what](change.name)
    if outcome.cure is not None:
        editor.accept(outcome.cure_label, outcome.cure)
    made = outcome.done or outcome.cure is not None
    return editor.situation if made and editor.situation.platform_refusal is None else None


def _bit(random: Random, before: Situation, after: Situation) -> Field | None:
    """A named feature bit; of those that move, where there are any, every other time."""
    named = [bit for bit in _feature_bits(before.module) if after.module.entry_field(bit)]
    moved = [bit for bit in named if before.td.get(bit) != after.td.get(bit)]
    pool = moved if moved and random.random() < 0.5 else named
    return random.choice(pool) if pool else None


def _feature_bits(module: Module) -> list[Field]:
    """The bits that QEMU or Linux name, and that the VMM or the CPU decide: a constant makes no question."""
    bits = (Field.bit(entry.leaf, register, n) for entry in module.entries for register in Register for n in range(32))
    found = []
    for bit in bits:
        named = catalog.named_at(bit)
        if named is None or not named.field.is_bit or not (named.qemu or named.linux):
            continue
        if classes(module)[bit.leaf].group_of(bit) is Group.FLEXIBLE:
            found.append(bit)
    return found


def _asked(bit: Field, change: Change, before: Situation, after: Situation) -> Question:
    values = before.td.get(bit), after.td.get(bit)
    answer = {(0, 0): 0, (1, 1): 1, (0, 1): 2, (1, 0): 3}[values]
    named, cpu = catalog.named_at(bit), before.platform
    text = (
        f"A TD like {before.model.name} on module {before.module.version}, CPU {cpu.name if cpu else 'unknown'}, "
        f"has XFAM {' '.join(names_of(before.model.xfam, UNITS))} "
        f"and ATTRIBUTES {' '.join(names_of(before.model.attributes, ATTRIBUTES)) or '0'}. "
        f"{named.name if named else 'The bit'}, {bit.sdm}, is {values[0]}. "
        f"What becomes of it if {change.text}?"
    )
    return Question(text, bit, answer, before, after)
