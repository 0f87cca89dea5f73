"""Predicates: what a lesson asks for, in a line that the engine can judge.

    avx512f = 1                what the TD's CPUID has in a bit or field, by name or notation
    guest 1.ecx.27 = 0         what the guest reads there now; "ve" is #VE
    class pks = attributes     the bit's class
    group mce = run-time       who may change it: fixed, flexible, run-time
    wish avx512f = none        what the model wishes there
    XFAM.AMX = 1               a bit of XFAM, ATTRIBUTES, CONFIG_FLAGS, TD_CTLS or FEATURE_PARAVIRT_CTLS
    conflicts = 0              also refusals, tsc_mhz, max_vcpus
    verdicts kvm-7.2 = 0       what a VMM layer refuses of what the module takes
    module = 1.5.34            also platform
    at avx512f = 1             whether the cursor is on that field
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from tdxtui import catalog
from tdxtui.classify import EntryClasses, classes_at
from tdxtui.cpuid import Field
from tdxtui.errors import TdxtuiError
from tdxtui.learn.stand import Stand
from tdxtui.runtime import cpuid
from tdxtui.td import FEATURE_PARAVIRT_CTLS, NAMED_BITS

UNKNOWN, VE, NONE = "unknown", "ve", "none"
OPERATORS: Mapping[str, Callable[[Any, Any], bool]] = MappingProxyType({
    "=": operator.eq, "!=": operator.ne, ">=": operator.ge, "<=": operator.le, ">": operator.gt, "<": operator.lt,
})
WORDS = MappingProxyType({**NAMED_BITS, "FEATURE_PARAVIRT_CTLS": FEATURE_PARAVIRT_CTLS})
_FORM = re.compile(r"(?P<left>.+?)\s*(?P<operator>!=|>=|<=|=|>|<)\s*(?P<right>[^=<>!]+)")

Value = int | str


@dataclass(frozen=True)
class Predicate:
    """A comparison of what is with a value; `subject` gives what is, None in an order comparison never holds."""

    text: str
    subject: Callable[[Stand], Value]
    compare: str
    value: Value

    @staticmethod
    def parse(text: str) -> Predicate:
        """Read a predicate; ValueError says what is wrong."""
        match = _FORM.fullmatch(text.strip())
        if match is None:
            raise ValueError(f'{text!r} is not a predicate; write one as "avx512f = 1" or "conflicts = 0"')
        return Predicate(text, subject(match["left"]), match["operator"], _value(match["right"].strip()))

    def holds(self, stand: Stand) -> bool:
        """Whether it holds there."""
        found = self.subject(stand)
        if self.compare in ("=", "!="):
            return OPERATORS[self.compare](found, self.value)
        both = isinstance(found, int) and isinstance(self.value, int)
        return both and OPERATORS[self.compare](found, self.value)

    def __str__(self) -> str:
        return self.text


def _value(text: str) -> Value:
    try:
        return int(text, 0)
    except ValueError:
        return text


def subject(text: str) -> Callable[[Stand], Value]:
    """What the left side of a predicate stands for; ValueError if it is nothing known."""
    word, _, rest = text.partition(" ")
    if word in _OF_FIELD and rest:
        return _of_field(_OF_FIELD[word], rest)
    if word == "verdicts":
        return _of_layer(rest)
    if text in _PLAIN:
        return _PLAIN[text]
    scope, _, name = text.partition(".")
    if scope in WORDS:
        return _of_word(scope, name)
    return _of_field(_value_at, text)


def _of_field(read: Callable[[Stand, Field], Value], name: str) -> Callable[[Stand], Value]:
    field = catalog.find(name.strip())
    return lambda stand: read(stand, stand.editor.module.entry_field(field) or field)


def _of_layer(name: str) -> Callable[[Stand], Value]:
    from tdxtui import check, vmm  # few lessons ask for it

    kind, _, version = name.partition("-")
    try:
        layer = vmm.layer(kind, version)
    except TdxtuiError as error:
        raise ValueError(str(error)) from None
    return lambda stand: sum(item.kind is check.Kind.VMM for item in check.check(stand.situation, (layer,)))


def _of_word(scope: str, name: str) -> Callable[[Stand], Value]:
    if name not in WORDS[scope]:
        raise ValueError(f"{scope} has no bit {name!r}; it has {', '.join(WORDS[scope])}")
    mask = WORDS[scope][name]
    return lambda stand: int(word_of(stand, scope) & mask == mask)


def word_of(stand: Stand, scope: str) -> int:
    """The whole of a word of TD_PARAMS, or of the guest's state."""
    if scope == "TD_CTLS":
        return stand.guest.td_ctls
    if scope == "FEATURE_PARAVIRT_CTLS":
        return stand.guest.feature_paravirt_ctls
    return stand.situation.td.config.param(scope)


def _value_at(stand: Stand, field: Field) -> Value:
    td = stand.situation.td
    return td.get(field) if td.known_at(field.leaf) & field.mask == field.mask else UNKNOWN


def _guest_at(stand: Stand, field: Field) -> Value:
    packed = cpuid(stand.situation.td, field.leaf.leaf, field.leaf.subleaf or 0, stand.guest)
    return VE if packed is None else field.get(packed)


def _class_at(stand: Stand, field: Field) -> Value:
    found = _classes_at(stand, field)
    return found.class_of(field).value if found else NONE


def _group_at(stand: Stand, field: Field) -> Value:
    found = _classes_at(stand, field)
    return found.group_of(field).value if found else NONE


def _classes_at(stand: Stand, field: Field) -> EntryClasses | None:
    module = stand.editor.module
    return classes_at(module, field.leaf) if field.leaf in module.by_leaf else None


def _wish_at(stand: Stand, field: Field) -> Value:
    wished = stand.editor.model.wished(field)
    return NONE if wished is None else wished


def _is_at(stand: Stand, field: Field) -> Value:
    here = stand.cursor
    return int(here is not None and here.leaf == field.leaf and bool(here.mask & field.mask))


_OF_FIELD: Mapping[str, Callable[[Stand, Field], Value]] = MappingProxyType({
    "guest": _guest_at, "class": _class_at, "group": _group_at, "wish": _wish_at, "at": _is_at,
})
_PLAIN: Mapping[str, Callable[[Stand], Value]] = MappingProxyType({
    "conflicts": lambda stand: stand.situation.conflict_count,
    "refusals": lambda stand: len(stand.situation.refusals) + (stand.situation.platform_refusal is not None),
    "module": lambda stand: stand.editor.module.version,
    "platform": lambda stand: stand.editor.platform.name if stand.editor.platform else NONE,
    "tsc_mhz": lambda stand: stand.editor.model.tsc_mhz,
    "max_vcpus": lambda stand: stand.editor.model.max_vcpus,
})
