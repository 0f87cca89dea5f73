"""Edits of many bits at once, as one step: set or clear what can be, or wish it whatever comes of it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from tdxtui.cpuid import Field, Leaf
from tdxtui.evaluate import Situation, evaluate
from tdxtui.flipping import flip, fresh_refusal, shown
from tdxtui.model import VcpuModel


class Done(NamedTuple):
    """The situation after the edits, how many bits were turned, and for how many it could not be, with one reason."""

    after: Situation
    turned: int
    left: int
    because: str


def turned(situation: Situation, bits: Iterable[Field], value: int) -> Done:
    """Turn bits to a value, each by its own switch only; what would move more than was asked for is left as it is."""
    count, left, because = 0, 0, ""
    for bit in bits:
        if shown(situation, bit) == value:
            continue
        found = flip(situation, bit)
        if found.after is not None and found.at_once:
            situation, count = found.after, count + 1
        elif shown(situation, bit) != value:
            left, because = left + 1, because or found.because
    return Done(situation, count, left, because)


def wished_otherwise(situation: Situation, bits: Sequence[Field]) -> tuple[VcpuModel, int | None]:
    """The model with wishes for the other values; where some of the bits conflict, with their wishes given up.

    With it comes how many wishes were made, None where they were given up.
    """
    model = situation.model
    conflicting = [bit for bit in bits if situation.conflicts.get(bit.leaf, 0) & bit.mask]
    if conflicting:
        for bit in conflicting:
            model = model.wish(bit, None)
        return model, None
    for bit in bits:
        model = model.wish(bit, 1 - shown(situation, bit))
    return model, len(bits)


def with_field(situation: Situation, field: Field, value: int) -> tuple[Situation, str]:
    """The situation with a field wished to have a value, and what is wrong with that, "" if nothing."""
    after = evaluate(situation.model.wish(field, value), situation.module, situation.platform)
    if problem := fresh_refusal(situation, after):
        return after, problem
    if wrong := after.conflicts.get(field.leaf, 0) & field.mask:
        return after, f"the TD would get {after.td.get(field):#x} ({_wrong_bits(field, wrong)} can't be as wished)"
    return after, ""


def _wrong_bits(field: Field, wrong: int) -> str:
    bits = [bit.lsb for bit in field.bits() if bit.mask & wrong]
    return f"bit {bits[0]}" if len(bits) == 1 else f"{len(bits)} bits"


def opened(situation: Situation, scope: str, mask: int) -> dict[Leaf, int]:
    """The bits that open gates of a word's bits would let through, if CPUID_CONFIG asked for them (rule 4.4).

    Those that the CPU has, by entry as packed masks.
    """
    module, prepared = situation.module, situation.td.prepared
    out: dict[Leaf, int] = {}
    for gate in module.gates:
        if not any(item.scope == scope and item.mask & mask and not item.negated for item in gate.needs):
            continue
        for leaf, cleared in gate.clears.items():
            asked = cleared & module.configurable.get(leaf, 0) & prepared.start_of(leaf)
            if asked := asked & ~situation.td.at(leaf):
                out[leaf] = out.get(leaf, 0) | asked
    return out
