"""How a bit stands, as a screen or a report shows it."""

from __future__ import annotations

from enum import Enum

from tdxtui.classify import BitClass, classes
from tdxtui.cpuid import ALL_ONES, Leaf, Register
from tdxtui.evaluate import Situation


class BitState(Enum):
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


def states(situation: Situation, leaf: Leaf, register: Register) -> list[BitState]:
    """The 32 states of an entry's register, bit 31 first."""
    layers = _layers(situation, leaf)
    out = []
    for number in range(register.shift + 31, register.shift - 1, -1):
        bit = 1 << number
        out.append(next(state for mask, state in layers if mask & bit))
    return out


def _layers(situation: Situation, leaf: Leaf) -> list[tuple[int, BitState]]:
    """Packed masks and what they mean, the first that has a bit decides."""
    entry, td = classes(situation.module)[leaf], situation.td
    run_time = entry.masks.get(BitClass.DYNAMIC, 0) | entry.masks.get(BitClass.GUEST, 0)
    # The configurable bits of a leaf that is #VE by default still matter once the guest turns it on.
    silent = entry.masks.get(BitClass.VE, 0) & ~entry.entry.configurable
    flexible = entry.flexible | entry.entry.configurable
    value, known = td.at(leaf), td.known_at(leaf)
    return [
        (situation.conflicts.get(leaf, 0), BitState.CONFLICT),
        (run_time, BitState.RUN_TIME),
        (silent, BitState.VE),
        (ALL_ONES & ~known, BitState.UNKNOWN),
        (flexible & value, BitState.FLEXIBLE_1),
        (flexible, BitState.FLEXIBLE_0),
        (value, BitState.FIXED_1),
        (ALL_ONES, BitState.FIXED_0),
    ]
