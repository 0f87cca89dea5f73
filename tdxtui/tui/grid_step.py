"""The way from one drawing of the grid to the next, which can be gone ahead of the key that asks for it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from rich.segment import Segment

from tdxtui.cpuid import Leaf
from tdxtui.tui.grid_lines import Cursor, GridLines
from tdxtui.tui.grid_shape import FIELD_LINE, LINES_PER_ENTRY

Masks = Mapping[Leaf, int]


class Place(NamedTuple):
    """A line of the grid, and which of the leaves side by side."""

    line: int
    column: int


class Step(NamedTuple):
    """A drawing, the `places` at which it looks otherwise than before, and their lines as far as `drawn` already.

    `changed` are the packed masks that it was told to look at; the lines are drawn with the cursor `at` its place.
    """

    lines: GridLines
    changed: Masks
    places: tuple[Place, ...]
    at: Cursor
    drawn: Mapping[int, list[Segment]]

    def ahead(self, view: range) -> Step:
        """The same with those of its lines drawn that are in view."""
        lines = sorted({place.line for place in self.places if place.line in view})
        return self._replace(drawn={line: self.lines.draw(line, self.at, None) for line in lines})


def step(before: GridLines, after: GridLines, changed: Masks, at: Cursor) -> Step:
    """What looks otherwise in the changed leaves; at the cursor's own one that may be its fields' line, too."""
    return Step(after, changed, tuple(_places(before, after, changed, at)), at, {})


def _places(before: GridLines, after: GridLines, changed: Masks, at: Cursor) -> Iterator[Place]:
    for leaf, mask in changed.items():
        number = after.numbers.get(leaf)
        if number is None:
            continue
        row, column = divmod(number, after.shape.columns)
        parts = [*after.parts_changed(before.shown, leaf, mask), *[FIELD_LINE] * (number == at.entry)]
        yield from (Place(row * LINES_PER_ENTRY + part, column) for part in parts)
