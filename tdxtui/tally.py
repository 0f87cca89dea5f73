"""How many bits of a model there are of each kind."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from tdxtui.bit_state import BitState, state_masks
from tdxtui.cpuid import Leaf
from tdxtui.evaluate import Situation


class Tally(NamedTuple):
    """Numbers of bits."""

    fixed: int = 0
    flexible: int = 0
    conflicting: int = 0
    run_time: int = 0
    unknown: int = 0

    def plus(self, other: Tally) -> Tally:
        """The sum of two."""
        return Tally(*(one + two for one, two in zip(self, other, strict=True)))

    def minus(self, other: Tally) -> Tally:
        """The difference of two."""
        return Tally(*(one - two for one, two in zip(self, other, strict=True)))


_COUNTED = {
    BitState.FIXED_0: 0, BitState.FIXED_1: 0, BitState.FLEXIBLE_0: 1, BitState.FLEXIBLE_1: 1, BitState.CONFLICT: 2,
    BitState.RUN_TIME: 3, BitState.VE: 3, BitState.UNKNOWN: 4,
}


def tally_of(situation: Situation, leaf: Leaf) -> Tally:
    """The bits of an entry."""
    counts = [0] * len(Tally._fields)
    for state, mask in state_masks(situation, leaf).items():
        counts[_COUNTED[state]] += mask.bit_count()
    return Tally(*counts)


def tally(situation: Situation, leaves: Iterable[Leaf]) -> Tally:
    """The bits of some entries."""
    total = Tally()
    for leaf in leaves:
        total = total.plus(tally_of(situation, leaf))
    return total
