"""How a bit stands, as a screen or a report shows it."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from tdxtui.classify import BitClass, classes_at
from tdxtui.cpuid import ALL_ONES, WORD, Leaf, Register
from tdxtui.evaluate import Situation
from tdxtui.possible import possible


class BitState(StrEnum):
    """The states, each with the glyph that tells it without colour."""

    FIXED_0 = "0"
    FIXED_1 = "1"
    FLEXIBLE_0 = "○"
    FLEXIBLE_1 = "●"
    CONFLICT = "✗"
    RUN_TIME = "~"
    VE = "v"
    UNKNOWN = "?"

    @property
    def glyph(self) -> str:
        """One column wide."""
        return self.value


Row = list[BitState]


def states(situation: Situation, leaf: Leaf) -> tuple[Row, ...]:
    """The states of an entry's four registers, each of 32 bits, bit 31 first."""
    return rows(_layers(situation, leaf))


def rows(layers: list[tuple[int, BitState]]) -> tuple[Row, ...]:
    """Four registers' states from packed masks, of which the first that has a bit decides."""
    return tuple(_row(layers, register) for register in Register)


def _row(layers: list[tuple[int, BitState]], register: Register) -> Row:
    row, left = [BitState.FIXED_0] * 32, WORD
    for mask, state in layers:
        here = mask >> register.shift & left
        left &= ~here
        while here:
            row[32 - here.bit_length()] = state
            here &= (1 << here.bit_length() - 1) - 1
    return row


def state_masks(situation: Situation, leaf: Leaf) -> Mapping[BitState, int]:
    """The packed masks of an entry's states, which share no bit and leave none out."""
    masks, left = {}, ALL_ONES
    for mask, state in (*_layers(situation, leaf), (ALL_ONES, BitState.FIXED_0)):
        masks[state] = mask & left
        left &= ~mask
    return masks


def flexible_bits(situation: Situation, leaf: Leaf) -> int:
    """The packed mask of the bits that Space changes here."""
    masks = state_masks(situation, leaf)
    return masks[BitState.FLEXIBLE_0] | masks[BitState.FLEXIBLE_1]


def _layers(situation: Situation, leaf: Leaf) -> list[tuple[int, BitState]]:
    """Packed masks and what they mean, the first that has a bit decides."""
    entry, td = classes_at(situation.module, leaf), situation.td
    run_time = entry.masks.get(BitClass.DYNAMIC, 0) | entry.masks.get(BitClass.GUEST, 0)
    # The configurable bits of a leaf that is #VE by default still matter once the guest turns it on.
    silent = entry.masks.get(BitClass.VE, 0) & ~entry.entry.configurable
    # What can have one value only on this CPU nobody can change here.
    zeros, ones = possible(td.prepared).at(leaf)
    flexible = (entry.flexible | entry.entry.configurable) & zeros & ones
    value, known = td.at(leaf), td.known_at(leaf)
    return [
        (situation.conflicts.get(leaf, 0), BitState.CONFLICT),
        (run_time, BitState.RUN_TIME),
        (silent, BitState.VE),
        (ALL_ONES & ~known, BitState.UNKNOWN),
        (flexible & value, BitState.FLEXIBLE_1),
        (flexible, BitState.FLEXIBLE_0),
        (value, BitState.FIXED_1),
    ]
