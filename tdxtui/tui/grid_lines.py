"""The grid's lines as strips: titles, registers, and the line of fields below the cursor's leaf."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from copy import copy
from typing import NamedTuple

from rich.segment import Segment
from rich.style import Style

from tdxtui import catalog
from tdxtui.bit_state import BitState
from tdxtui.cpuid import Field, Leaf, Register
from tdxtui.tui.cells import padded
from tdxtui.tui.entry_words import EntryWords, spoken
from tdxtui.tui.grid_shape import FIELD_LINE, LINES_PER_ENTRY, REGISTER_LINES, TITLE_LINE, Shape
from tdxtui.tui.lines import shortened
from tdxtui.tui.palette import Palette
from tdxtui.tui.selection import Selection
from tdxtui.tui.shown import Shown
from tdxtui.tui.signs import Sign

REVERSE = Style(reverse=True)
UPRIGHT = Style(reverse=False, bold=True)


class Cursor(NamedTuple):
    """The entry by its number, the register and the bit under the cursor."""

    entry: int
    register: Register
    bit: int

    @property
    def place(self) -> int:
        """The register's number in the grid, four to an entry."""
        return self.entry * 4 + self.register


class GridLines:
    """Draws the lines of the entries in `leaves`; line numbers count from the grid's first one."""

    def __init__(self, shown: Shown, leaves: Sequence[Leaf], palette: Palette) -> None:
        self.shown, self.shape, self.palette = shown, Shape.of(0), palette
        self.words: EntryWords | None = None
        self.use_leaves(leaves)

    def use_leaves(self, leaves: Sequence[Leaf]) -> None:
        """Draw these entries."""
        self.leaves = leaves
        self.numbers = {leaf: number for number, leaf in enumerate(leaves)}

    @property
    def count(self) -> int:
        """How many lines there are."""
        return -(-len(self.leaves) // self.shape.columns) * LINES_PER_ENTRY

    def after(self, shown: Shown, changed: Mapping[Leaf, int] | None) -> GridLines:
        """The same drawing of what is shown next; entries that are not in the `changed` masks say what they said."""
        new = copy(self)
        new.shown = shown
        new.words = self.words and self.words.after(shown, changed)
        return new

    def parts_changed(self, before: Shown, leaf: Leaf, mask: int) -> Iterator[int]:
        """The lines of an entry that look otherwise than before, but for that of the fields; `mask` is what changed."""
        for place, alike in enumerate(self.shown.alike(before, leaf)):
            if not alike:
                yield REGISTER_LINES[0] + place
        refused = any(item.at == leaf for shown in (before, self.shown) for item in shown.situation.refusals)
        if refused or mask & spoken(leaf):
            yield TITLE_LINE

    def draw(self, line: int, cursor: Cursor | None, selection: Selection | None) -> list[Segment]:
        """A line, the leaves side by side; `cursor` and `selection` may be left out where they are not in it."""
        row, part = divmod(line, LINES_PER_ENTRY)
        shape, entries = self.shape, range(row * self.shape.columns, (row + 1) * self.shape.columns)
        segments: list[Segment] = []
        for entry in entries:
            if entry >= len(self.leaves):
                break
            cell = self._part(entry, part, cursor if cursor and cursor.entry == entry else None, selection)
            segments += padded(cell, shape.column, self.palette.text)
        return padded(segments, max(shape.width - 1, 0), self.palette.text)

    def _part(self, entry: int, part: int, cursor: Cursor | None, selection: Selection | None) -> list[Segment]:
        leaf = self.leaves[entry]
        if part == TITLE_LINE:
            return self._title(leaf)
        if part == FIELD_LINE:
            return self._fields(leaf, cursor)
        register = Register(part - REGISTER_LINES[0])
        bit = cursor.bit if cursor is not None and cursor.register is register else None
        marked = selection if selection is not None and selection.has(entry * 4 + register) else None
        return self._register(leaf, register, bit, marked)

    def _title(self, leaf: Leaf) -> list[Segment]:
        palette = self.palette
        title = catalog.title(leaf)
        found = [Segment(f" {leaf.sdm}", palette.strong), Segment(f"  {title}" if title else "", palette.muted)]
        room = self.shape.column - sum(len(segment.text) for segment in found) - 1
        refused = "".join(f"  ✗ {item.because}" for item in self.shown.situation.refusals if item.at == leaf)
        if refused:
            found.append(Segment(shortened(refused, max(room, 0)), palette.conflict))
            room -= len(refused)
        words = self.words.of(leaf) if self.words is not None and room > 8 else ""
        return [*found, Segment(shortened(f"  {words}", room), palette.text)] if words else found

    def _fields(self, leaf: Leaf, cursor: Cursor | None) -> list[Segment]:
        if cursor is None or self.words is None:
            return []
        from tdxtui.tui.field_line import field_line  # not before the first frame

        return field_line(self.shown, Field.bit(leaf, cursor.register, cursor.bit), self.shape, self.palette)

    # -- registers --

    def _register(
        self, leaf: Leaf, register: Register, cursor: int | None, selection: Selection | None
    ) -> list[Segment]:
        shape, here = self.shape, self.shown.leaf(leaf)
        name = f" {register.name} ".rjust(shape.start - 1).ljust(shape.start)
        styles = self._styles(here.states[register], selection)
        segments = self._bits(name, here.glyphs[register], styles, cursor)
        if shape.has_hex:
            segments.append(Segment(f"{' ' * shape.gap}{here.hex(register)}", self.palette.text))
        return segments

    def _styles(self, row: list[BitState | Sign | None], selection: Selection | None) -> list[Style]:
        known, muted = self.palette.states, self.palette.muted
        styles = [muted if state is None else known[state] for state in row]
        if selection is not None:
            for index in range(31 - selection.high, 32 - selection.low):
                styles[index] = styles[index] + (UPRIGHT if styles[index].reverse else REVERSE)
        return styles

    def _bits(self, name: str, glyphs: str, styles: list[Style], cursor: int | None) -> list[Segment]:
        """The register's name and runs of like bits; the cursor's bit on its own.

        The gaps between bytes belong to a run where its style doesn't show on a blank: the fewer runs, the faster.
        """
        gap, segments = " " * self.shape.gap, []
        text, style, at = name, self.palette.states[BitState.FIXED_0], -1 if cursor is None else 31 - cursor
        for index, wanted in enumerate(styles):
            if index and index % 8 == 0:
                if style.underline or style.reverse:
                    segments.append(Segment(text, style))
                    text, style = "", self.palette.text
                text += gap
            if index == at:
                segments += [Segment(text, style), Segment(glyphs[index], wanted + self.palette.cursor)]
                text = ""
                continue
            if wanted is not style:
                segments.append(Segment(text, style))
                text, style = "", wanted
            text += glyphs[index]
        segments.append(Segment(text, style))
        return [segment for segment in segments if segment.text]
