"""What a change would do besides what was asked for: bits by register, conflicts and refusals that come or go."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from tdxtui.catalog import fields_of
from tdxtui.cpuid import WORD, Field, Leaf, Register
from tdxtui.evaluate import Situation
from tdxtui.naming import bit_name, field_name
from tdxtui.phrase import explained, mark
from tdxtui.tui.why_lines import goal


class Block(NamedTuple):
    """A heading with lines below it, each perhaps after a name; an alarming one tells of what should not come."""

    title: str
    lines: tuple[str | tuple[str, str], ...] = ()
    alarm: bool = False


def blocks(before: Situation, after: Situation, asked: Field | None, masks: dict[Leaf, int]) -> list[Block]:
    """What changes between two situations, but for the bit that was asked for; `masks` are the changed bits."""
    rest = {leaf: mask & ~(asked.mask if asked and asked.leaf == leaf else 0) for leaf, mask in masks.items()}
    order = sorted((leaf for leaf, mask in rest.items() if mask), key=lambda leaf: (leaf.leaf, leaf.subleaf or 0))
    count = sum(mask.bit_count() for mask in rest.values())
    title = f"Everything else that would change: {_bits(count)}" if count else "No other bit would change."
    registers = Block(title, tuple(line for leaf in order for line in _registers(before, after, leaf, rest[leaf])))
    return [registers, *_conflicts(before, after), *_refusals(before, after)]


def holders(situation: Situation, bit: Field) -> tuple[str, ...]:
    """The conditions that hold a bit at its present value, each with its rule."""
    reason = situation.explainer.reason(bit, goal(situation, bit), far=False)
    holding = [term for term in reason.terms if term.value == 0] or reason.terms
    return tuple(f"{mark(term)} {explained(term, reason)}" for term in holding)


def _bits(count: int) -> str:
    return f"{count} bit{'' if count == 1 else 's'}"


# -- bits --


def _registers(before: Situation, after: Situation, leaf: Leaf, mask: int) -> Iterator[tuple[str, str]]:
    for register in Register:
        if word := mask >> register.shift & WORD:
            lines = (*_values(before, after, leaf, register, word), *_flags(before, after, leaf, register, word))
            names = [f"{leaf.key} {register.name}", *[""] * (len(lines) - 1)]
            yield from zip(names, lines, strict=True)


def _flags(before: Situation, after: Situation, leaf: Leaf, register: Register, word: int) -> Iterator[str]:
    """The changed single bits, those that change alike together."""
    groups: dict[str, list[str]] = {}
    wide = sum(field.register_mask for field in _fields(leaf, register))
    for number in range(32):
        bit = Field.bit(leaf, register, number)
        if word & ~wide & bit.register_mask:
            groups.setdefault(f"{_digit(before, bit)}→{_digit(after, bit)}", []).append(_name(bit))
    for turn, names in groups.items():
        count = f" ({_bits(len(names))})" if len(names) > 1 else ""
        yield f"{', '.join(names)} {turn}{count}"


def _values(before: Situation, after: Situation, leaf: Leaf, register: Register, word: int) -> Iterator[str]:
    for field in _fields(leaf, register):
        if word & field.register_mask:
            yield f"{field_name(field)}: {_words(before, field)} → {_words(after, field)}"


def _fields(leaf: Leaf, register: Register) -> list[Field]:
    """The fields of several bits, none of them part of another."""
    wide = [named.field for named in fields_of(leaf) if named.field.register is register and not named.field.is_bit]
    out: list[Field] = []
    for field in sorted(wide, key=lambda field: -field.width):
        if not any(field.register_mask & other.register_mask for other in out):
            out.append(field)
    return sorted(out, key=lambda field: field.lsb)


def _words(situation: Situation, field: Field) -> str:
    from tdxtui import words  # not before the first frame

    if situation.td.known_at(field.leaf) & field.mask != field.mask:
        return "?"
    return words.decode(field, situation.td.get(field))


def _digit(situation: Situation, bit: Field) -> str:
    return str(situation.td.get(bit)) if situation.td.known_at(bit.leaf) & bit.mask else "?"


def _name(bit: Field) -> str:
    name = bit_name(bit)
    return f"bit {bit.lsb}" if name in ("reserved", "unnamed") else name


# -- conflicts and refusals --


def _conflicts(before: Situation, after: Situation) -> Iterator[Block]:
    old, new = _conflicting(before), _conflicting(after)
    if fresh := [bit for bit in new if bit not in old]:
        yield Block("Conflicts that appear", tuple(_wish(after, bit) for bit in fresh), alarm=True)
    if gone := [bit for bit in old if bit not in new]:
        yield Block("Conflicts that vanish", tuple(f"{bit.key} {_name(bit)}" for bit in gone))


def _conflicting(situation: Situation) -> list[Field]:
    """The bits that come out otherwise than wished; refusals are told apart from them."""
    return [bit for bit in situation.conflict_bits() if situation.conflicts.get(bit.leaf, 0) & bit.mask]


def _wish(situation: Situation, bit: Field) -> str:
    wished = situation.model.wished(bit)
    return f"✗ {bit.key} {_name(bit)}: the model wants {wished}, the TD would get {_digit(situation, bit)}"


def _refusals(before: Situation, after: Situation) -> Iterator[Block]:
    old, new = _told(before), _told(after)
    if fresh := [text for text in new if text not in old]:
        yield Block("Refusals that appear", tuple(f"✗ {text}" for text in fresh), alarm=True)
    if gone := [text for text in old if text not in new]:
        yield Block("Refusals that vanish", tuple(gone))


def _told(situation: Situation) -> list[str]:
    refused = [situation.platform_refusal] if situation.platform_refusal else []
    return [str(item) for item in (*refused, *situation.refusals)]
