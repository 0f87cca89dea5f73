"""The cells of the grid: runs of bits of one name, class and state, none across a byte's edge."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from tdxtui import words
from tdxtui.bit_state import BitState, states
from tdxtui.classify import EntryClasses, classes_at, runs
from tdxtui.cpuid import Field, Leaf, Register
from tdxtui.evaluate import Situation
from tdxtui.phrase import line


class Cell(NamedTuple):
    """Bits that are drawn alike: `glyphs` has one for each, `name` is the field's."""

    field: Field
    state: BitState
    name: str
    glyphs: str


class Run(NamedTuple):
    """Bits of one name and class, and gates: what a row of `tdxtui bits` is. `reason` is that of its lowest bit."""

    field: Field
    name: str
    kind: str
    group: str
    reason: str


def entry_runs(situation: Situation, leaf: Leaf) -> list[Run]:
    """The runs of an entry, EAX to EDX, high bit first."""
    found = classes_at(situation.module, leaf)
    return [_run(situation, found, field, name) for field, name in runs(found)]


def _run(situation: Situation, found: EntryClasses, field: Field, name: str) -> Run:
    lowest = Field.bit(field.leaf, field.register, field.lsb)
    goal = situation.model.wished(lowest) if _conflicts(situation, lowest) else None
    text = line(situation.explainer.reason(lowest, goal))
    if not field.is_bit:
        text = f"{field.key} {name or 'reserved'}{_value(situation, field)}; its lowest bit: {text}"
    return Run(field, name, found.class_of(field).value, found.group_of(field).value, text)


def _conflicts(situation: Situation, bit: Field) -> bool:
    return bool(situation.conflicts.get(bit.leaf, 0) & bit.mask)


def _value(situation: Situation, field: Field) -> str:
    known = situation.td.known_at(field.leaf) & field.mask == field.mask
    return f" = {words.decode(field, situation.td.get(field))}" if known else ""


def cells(situation: Situation, leaf: Leaf, found: list[Run]) -> Iterator[tuple[Register, list[tuple[Run, Cell]]]]:
    """Each register with its cells from bit 31 down, and the run that each is part of."""
    rows = states(situation, leaf)
    for register in Register:
        row = [(run, cell) for run in found if run.field.register == register for cell in _parts(run, rows[register])]
        yield register, row


def _parts(run: Run, row: list[BitState]) -> Iterator[Cell]:
    """A run cut where the state changes or a byte ends."""
    bits: list[int] = []
    for number in range(run.field.msb, run.field.lsb - 1, -1):
        if bits and (_drawn(row[31 - number]) != _drawn(row[31 - bits[-1]]) or number % 8 == 7):
            yield _cell(run, row, bits)
            bits = []
        bits.append(number)
    yield _cell(run, row, bits)


def _drawn(state: BitState) -> str:
    """States that differ in their glyph alone are drawn alike."""
    return state.name.rstrip("_01")


def _cell(run: Run, row: list[BitState], bits: list[int]) -> Cell:
    field = Field(run.field.leaf, run.field.register, bits[0], bits[-1])
    return Cell(field, row[31 - bits[0]], run.name, "".join(row[31 - number].glyph for number in bits))
