"""Signs on bits for what an asked question answers: what a VMM layer refuses, what differs on a second module."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from enum import Enum
from typing import NamedTuple

from tdxtui.cpuid import Leaf

Masks = Mapping[Leaf, int]
NOTHING: Masks = {}


class Sign(Enum):
    """The signs, each a glyph one column wide that stands in the place of the bit's own."""

    OTHER_VALUE = "≠"
    OTHER_CLASS = "≈"
    REFUSED = "!"

    @property
    def glyph(self) -> str:
        """One column wide."""
        return self.value


class Signs(NamedTuple):
    """Packed masks of the bits with each sign; of a bit with several the first one is shown."""

    other_value: Masks = NOTHING
    other_class: Masks = NOTHING
    refused: Masks = NOTHING

    def at(self, leaf: Leaf) -> list[tuple[Sign, int]]:
        """The signs at a leaf with their bits, which none of them share."""
        found, left = [], -1
        for sign, masks in zip(Sign, self, strict=True):
            mask = masks.get(leaf, 0) & left
            if mask:
                found.append((sign, mask))
            left &= ~mask
        return found

    def moved(self, other: Signs) -> Iterator[Leaf]:
        """The leaves with other signs than before."""
        for leaf in dict.fromkeys(leaf for masks in (*self, *other) for leaf in masks):
            if any(one.get(leaf, 0) != two.get(leaf, 0) for one, two in zip(self, other, strict=True)):
                yield leaf


NO_SIGNS = Signs()
