"""What a TD's VMM can do about a bit on a module: nothing, or something, and how. For programs that must decide.

The answer is worked out by asking the engine for the settings that give the bit a 0, and those that give it a 1.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from itertools import groupby
from typing import Any, NamedTuple

from tdxtui import catalog, library
from tdxtui.anatomy import anatomy
from tdxtui.classify import RUN_TIME_CLASSES, BitClass
from tdxtui.cpuid import Field
from tdxtui.cures import Cures
from tdxtui.edits import Edit
from tdxtui.guest_reads import sentences
from tdxtui.module import Module
from tdxtui.naming import field_name
from tdxtui.phrase import CLASSES, edit_list, wrapped
from tdxtui.possible import possible
from tdxtui.reason import Certainty
from tdxtui.resolve import attempt, attempt_unknown
from tdxtui.runtime import without_entry
from tdxtui.situations import NO_PLATFORM
from tdxtui.td import TdConfig
from tdxtui.why import edit_data


class State(StrEnum):
    """What can become of a bit.

    ``fixed-0``, ``fixed-1``: the same whatever the VMM configures; ``flexible``: the VMM decides; ``run-time``: what
    the guest reads is decided after the TD's creation; ``unknown``: the CPU's own, and no CPU was given; ``absent``:
    the module has no entry for the leaf; ``mixed``: the bits of a field differ.
    """

    FIXED_0 = "fixed-0"
    FIXED_1 = "fixed-1"
    FLEXIBLE = "flexible"
    RUN_TIME = "run-time"
    UNKNOWN = "unknown"
    ABSENT = "absent"
    MIXED = "mixed"


class BitAnswer(NamedTuple):
    """A bit's state. `created` is its state at the TD's creation, another one only for run-time bits.

    `bit_class` says how it comes about, `gates` what must hold besides; `to_zero` and `to_one` are the edits of a TD
    that has nothing configured which give it that value, () if it has it already, None if there are none. `run_time`
    are sentences on what a guest reads.
    """

    bit: Field
    state: State
    created: State
    bit_class: BitClass | None
    gates: tuple[str, ...]
    to_zero: tuple[Edit, ...] | None
    to_one: tuple[Edit, ...] | None
    certainty: Certainty | None
    run_time: tuple[str, ...]

    @property
    def how(self) -> tuple[str, ...]:
        """What the VMM changes it by: CPUID_CONFIG, XFAM, ATTRIBUTES and so on, () if by nothing."""
        return tuple(dict.fromkeys(edit.what for edit in (*(self.to_zero or ()), *(self.to_one or ()))))


class Answer(NamedTuple):
    """A bit's or field's state on a module and platform; `value` is that of a fixed field, else None."""

    asked: str
    field: Field
    module: str
    platform: str
    state: State
    value: int | None
    bits: tuple[BitAnswer, ...]

    @property
    def is_fixed(self) -> bool:
        """Whether the VMM can't change the field."""
        return all(item.state in (State.FIXED_0, State.FIXED_1) for item in self.bits)


class Asker:
    """Questions on one module and platform; what is worked out for one is kept for the others."""

    def __init__(self, module: str, platform: str = NO_PLATFORM) -> None:
        self.module: Module = library.module(module)
        self.platform = platform or NO_PLATFORM
        config = TdConfig(attributes=self.module.attributes.fixed1, xfam=self.module.xfam.fixed1)
        if self.platform == NO_PLATFORM:
            td, _ = attempt_unknown(library.prepared_unknown(self.module), config)
        else:
            td, _ = attempt(library.prepare_or_raise(self.module, self.platform), config)
        self._cures, self._possible = Cures(td), possible(td.prepared)

    def ask(self, asked: str) -> list[Answer]:
        """The answers on a bit, a field, a quantity's fields or a leaf's registers; ValueError for an unknown name."""
        from tdxtui.why import fields_of

        return [self.answer(field, asked) for field in fields_of(asked)]

    def answer(self, asked: Field, name: str = "") -> Answer:
        """The answer on a field."""
        field = self.module.entry_field(asked)
        names = name or asked.key, field or asked, self.module.version, self.platform
        if field is None:
            reads = (without_entry(self.module, asked.leaf.leaf),)
            absent = BitAnswer(asked, State.ABSENT, State.ABSENT, None, (), None, None, None, reads)
            return Answer(*names, State.ABSENT, None, (absent,))
        bits = tuple(self._bit(bit) for bit in field.bits())
        states = {item.state for item in bits}
        fixed = states <= {State.FIXED_0, State.FIXED_1}
        value = sum((item.state is State.FIXED_1) << item.bit.lsb - field.lsb for item in bits) if fixed else None
        return Answer(*names, states.pop() if len(states) == 1 else State.MIXED, value, bits)

    def _bit(self, bit: Field) -> BitAnswer:
        about = anatomy(self.module, bit)
        to_zero, to_one = self._cures.reached(bit, 0), self._cures.reached(bit, 1)
        created = self._created(bit, about.kind, to_zero, to_one)
        return BitAnswer(
            bit=bit,
            state=State.RUN_TIME if about.kind in RUN_TIME_CLASSES else created,
            created=created,
            bit_class=about.kind,
            gates=tuple(condition.text for condition, _ in about.gates),
            to_zero=to_zero,
            to_one=to_one,
            certainty=about.certainty,
            run_time=sentences(self.module, bit),
        )

    def _created(
        self, bit: Field, kind: BitClass, to_zero: tuple[Edit, ...] | None, to_one: tuple[Edit, ...] | None
    ) -> State:
        if kind is BitClass.FIXED_0:
            return State.FIXED_0
        zeros, ones = (mask >> bit.shift & 1 for mask in self._possible.at(bit.leaf))
        if not zeros or not ones:
            return State.FIXED_1 if ones else State.FIXED_0
        if to_zero or to_one:
            return State.FLEXIBLE
        if self.platform == NO_PLATFORM:
            return State.UNKNOWN
        return State.FIXED_0 if to_one is None else State.FIXED_1


def ask(asked: str, module: str, platform: str = NO_PLATFORM) -> list[Answer]:
    """The answers on a bit or field by name or notation. ValueError for an unknown one, TdxtuiError for the rest."""
    return Asker(module, platform).ask(asked)


# -- as text --


def text(answer: Answer) -> list[str]:
    """An answer for people: a line for each bit, or run of bits of a field that are alike."""
    place = f"module {answer.module}" + (f", {answer.platform}" if answer.platform != NO_PLATFORM else "")
    value = "" if answer.value is None or answer.field.is_bit else f" = {answer.value:#x}"
    named = catalog.named_at(answer.field)
    name = f"  {field_name(answer.field)}{value}" if named else value
    lines = [f"{answer.field.key}  {answer.field.sdm}{name}  ({place})"]
    for _, group in groupby(answer.bits, _likeness):
        bits = list(group)
        lines += wrapped(f"  {_which(answer, bits)}{_words(bits[0])}")
        lines += [line for said in bits[0].run_time for line in wrapped(f"    {said}")]
        if answer.field.is_bit and bits[0].created is State.FLEXIBLE:
            lines += [line for way in _ways(bits[0]) for line in wrapped(f"    {way}")]
    return lines


def _likeness(item: BitAnswer) -> tuple[Any, ...]:
    return item.state, item.created, item.bit_class, item.gates, item.run_time


def _which(answer: Answer, bits: list[BitAnswer]) -> str:
    if answer.field.is_bit or bits[0].state is State.ABSENT:
        return ""
    high, low = bits[0].bit.lsb, bits[-1].bit.lsb
    return f"[{high}]: " if high == low else f"[{high}:{low}]: "


def _words(item: BitAnswer) -> str:
    if item.bit_class is None:
        return "absent: the module has no entry for this leaf"
    how = CLASSES[item.bit_class] if item.bit_class is not BitClass.FIXED_1 else "1 on every CPU"
    state = item.state.value.replace("fixed-", "fixed to ")
    gates = f"; needs {' and '.join(item.gates)}" if item.gates else ""
    if item.bit_class.value == item.state.value:
        return f"{state}{gates}"
    if item.state is State.RUN_TIME:
        return f"run-time: {how}; at the TD's creation {item.created.value}{gates}"
    if item.state is State.UNKNOWN:
        return f"unknown: {how}, and no CPU is given{gates}"
    return f"{state}{'' if item.state is State.FLEXIBLE else ' here'}: {how}{gates}"


def _ways(item: BitAnswer) -> Iterator[str]:
    when = "" if item.created is item.state else " at creation"
    for value, edits in enumerate((item.to_zero, item.to_one)):
        if edits is None:
            yield f"for {value}{when}: nothing"
        else:
            yield f"for {value}{when}: {edit_list(edits) or 'leave it'}"


# -- for programs --


def to_data(answer: Answer) -> dict[str, Any]:
    """An answer for programs."""
    named = catalog.named_at(answer.field)
    out: dict[str, Any] = {
        "asked": answer.asked,
        "field": answer.field.key,
        "sdm": answer.field.sdm,
        "name": named.name if named else "",
        "names": list(named.names()) if named else [],
        "module": answer.module,
        "platform": None if answer.platform == NO_PLATFORM else answer.platform,
        "state": answer.state.value,
        "value": answer.value,
    }
    if answer.field.is_bit:
        return out | _bit_data(answer.bits[0])
    return out | {"bits": [{"bit": item.bit.key, "state": item.state.value} | _bit_data(item) for item in answer.bits]}


def _bit_data(item: BitAnswer) -> dict[str, Any]:
    if item.state is State.ABSENT:
        return {"run_time": list(item.run_time)}
    return {
        "class": item.bit_class.value if item.bit_class else None,
        "gates": list(item.gates),
        "how": list(item.how),
        **({"created": item.created.value} if item.created is not item.state else {}),
        "to_0": _edits(item.to_zero),
        "to_1": _edits(item.to_one),
        "certainty": item.certainty.value if item.certainty else None,
        "run_time": list(item.run_time),
    }


def _edits(edits: tuple[Edit, ...] | None) -> list[dict[str, Any]] | None:
    return None if edits is None else [edit_data(edit) for edit in edits]


__all__ = ["Answer", "Asker", "BitAnswer", "State", "ask", "text", "to_data"]
