"""Statements of a lesson that change something: made through the editor, as a learner's keys would.

    avx512f = 1        Space on that bit, with what has to come along
    wish avx512f = 1   a wish regardless; "wish avx512f = none" gives it up
    XFAM.AMX = 0       a switch; also of ATTRIBUTES, CONFIG_FLAGS, TD_CTLS, FEATURE_PARAVIRT_CTLS
    module = 1.5.34    also platform, tsc_mhz, max_vcpus; xfam, attributes, config_flags as whole words
    go avx512f         the cursor
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from tdxtui import catalog
from tdxtui.cpuid import Field
from tdxtui.editor import Outcome
from tdxtui.learn.predicate import NONE, WORDS, word_of
from tdxtui.learn.stand import Stand

_FORM = re.compile(r"(?P<left>[^=<>!]+?)\s*=\s*(?P<right>[^=<>!]+)")
SETTINGS = ("tsc_mhz", "max_vcpus", "xfam", "attributes", "config_flags")


class CannotBeDone(ValueError):
    """The editor refuses a statement, with its reason."""


@dataclass(frozen=True)
class Statement:
    """One change: `kind` is bit, wish, word, module, platform, setting or go."""

    text: str
    kind: str
    name: str
    value: str = ""
    field: Field | None = None

    @staticmethod
    def parse(text: str) -> Statement:
        """Read a statement; ValueError says what is wrong."""
        if text.startswith("go "):
            return Statement(text, "go", text[3:], "", catalog.find(text[3:].strip()))
        match = _FORM.fullmatch(text.strip())
        if match is None:
            raise ValueError(f'{text!r} changes nothing; write "avx512f = 1", "XFAM.AMX = 0" or "go avx512f"')
        return _parsed(text, match["left"], match["right"].strip())

    def perform(self, stand: Stand) -> None:
        """Make the change; CannotBeDone with the editor's reason if it is refused."""
        outcome = _PERFORM[self.kind](stand, self)
        if outcome is not None and not outcome.done:
            raise CannotBeDone(f"{self.text}: {outcome.message}")

    @property
    def number(self) -> int:
        """The value as a number."""
        return int(self.value, 0)


def _parsed(text: str, left: str, right: str) -> Statement:
    if left in ("module", "platform"):
        return Statement(text, left, left, right)
    if left in SETTINGS:
        return Statement(text, "setting", left, str(int(right, 0)))
    scope, _, name = left.partition(".")
    if scope in WORDS:
        if name not in WORDS[scope] or right not in ("0", "1"):
            raise ValueError(f'{text!r} is no switch; write a known name of {scope}, and 0 or 1')
        return Statement(text, "word", left, right)
    wish, name = (True, left[5:]) if left.startswith("wish ") else (False, left)
    value = right if wish and right == NONE else str(int(right, 0))
    return Statement(text, "wish" if wish else "bit", name, value, catalog.find(name.strip()))


def _go(stand: Stand, it: Statement) -> None:
    assert it.field is not None
    found = stand.editor.module.entry_field(it.field)
    stand.cursor = Field.bit(found.leaf, found.register, found.msb) if found else stand.cursor


def _bit(stand: Stand, it: Statement) -> Outcome | None:
    assert it.field is not None
    here = stand.editor.module.entry_field(it.field)
    if here is not None and stand.situation.td.get(here) == it.number:
        return None
    return _taken(stand, stand.editor.toggle(it.field))


def _taken(stand: Stand, outcome: Outcome) -> Outcome:
    """An offered cure is taken, as Enter would."""
    return stand.editor.accept(outcome.cure_label, outcome.cure) if outcome.cure is not None else outcome


def _wish(stand: Stand, it: Statement) -> Outcome:
    assert it.field is not None
    return stand.editor.apply(it.text, stand.editor.model.wish(it.field, None if it.value == NONE else it.number))


def _word(stand: Stand, it: Statement) -> Outcome | None:
    scope, _, name = it.name.partition(".")
    mask, here = WORDS[scope][name], word_of(stand, scope)
    if bool(here & mask == mask) is (it.value == "1"):
        return None
    if scope in ("TD_CTLS", "FEATURE_PARAVIRT_CTLS"):
        stand.guest = stand.guest._replace(**{scope.lower(): here ^ mask})  # type: ignore[arg-type]
        return None
    flip = {
        "XFAM": stand.editor.toggle_xfam, "ATTRIBUTES": stand.editor.toggle_attribute,
        "CONFIG_FLAGS": stand.editor.toggle_config_flag,
    }[scope]
    return _taken(stand, flip(name))


def _module(stand: Stand, it: Statement) -> Outcome:
    return stand.editor.set_module(it.value)


def _platform(stand: Stand, it: Statement) -> Outcome:
    return stand.editor.set_platform("" if it.value == NONE else it.value)


def _setting(stand: Stand, it: Statement) -> Outcome:
    changed = {it.name: it.number}
    return stand.editor.apply(it.text, replace(stand.editor.model, **changed))  # type: ignore[arg-type]


_PERFORM = {
    "go": _go, "bit": _bit, "wish": _wish, "word": _word, "module": _module, "platform": _platform, "setting": _setting,
}
