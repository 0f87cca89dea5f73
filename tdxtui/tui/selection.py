"""A block of bits marked in the grid: some registers one below the other, and the same bits of each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from tdxtui.cpuid import Field, Leaf, Register


class Selection(NamedTuple):
    """From where it was begun to where the cursor is: registers in reading order, four to an entry, and bits."""

    first: int
    last: int
    high: int
    low: int

    @classmethod
    def between(cls, one: tuple[int, int], other: tuple[int, int]) -> Selection:
        """The block between two corners, each a register's number and a bit."""
        return cls(min(one[0], other[0]), max(one[0], other[0]), max(one[1], other[1]), min(one[1], other[1]))

    def has(self, register: int) -> bool:
        """Whether some bits of a register are in it."""
        return self.first <= register <= self.last

    @property
    def size(self) -> int:
        """How many bits it has."""
        return (self.last - self.first + 1) * (self.high - self.low + 1)

    def bits(self, leaves: Sequence[Leaf]) -> list[Field]:
        """Its bits in the grid's order."""
        numbers = range(self.high, self.low - 1, -1)
        return [
            Field.bit(leaves[place // 4], Register(place % 4), number)
            for place in range(self.first, self.last + 1)
            for number in numbers
        ]
