"""All leaves in one scrolling grid of bits, drawn line by line (Line API): the whole grid is one widget."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Region
from textual.message import Message
from textual.strip import Strip

from tdxtui import catalog
from tdxtui.bit_state import BitState, states
from tdxtui.cpuid import WORD, Field, Leaf, Register
from tdxtui.evaluate import Situation
from tdxtui.tui.entry_words import EntryWords
from tdxtui.tui.fast import Bare
from tdxtui.tui.lines import shortened
from tdxtui.tui.palette import Palette

LINES_PER_ENTRY = 6
_REGISTER_LINES = range(1, 5)
NARROW, HEX_FROM_WIDTH = 60, 52
WIDE_START, NARROW_START = 8, 5
WIDE_GAP, NARROW_GAP = 2, 1


class BitGrid(Bare, can_focus=True, inherit_bindings=False):
    """The grid. `cursor` is the bit under the cursor; Space posts `Toggle`.

    `moved` is called at once when the cursor moves, not as a message: what it repaints then goes into the same frame.
    `leaving` is called before a jump to the first or last leaf.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "move_row(-1)", "Up", show=False),
        Binding("down,j", "move_row(1)", "Down", show=False),
        Binding("left,h", "move_bit(1)", "Left", show=False),
        Binding("right,l", "move_bit(-1)", "Right", show=False),
        Binding("pageup", "page(-1)", "Page up", show=False),
        Binding("pagedown", "page(1)", "Page down", show=False),
        Binding("home,g", "edge(0)", "First leaf", show=False),
        Binding("end,G", "edge(-1)", "Last leaf", show=False),
        Binding("left_curly_bracket", "move_leaf(-1)", "Previous leaf", show=False),
        Binding("right_curly_bracket", "move_leaf(1)", "Next leaf", show=False),
        Binding("space", "flip_bit", "Flip the bit"),
    ]

    class Toggle(Message):
        """The bit under the cursor shall be flipped."""

    class Resized(Message):
        """The lines are laid out for another width."""

    def __init__(
        self, situation: Situation, palette: Palette, moved: Callable[[], None], leaving: Callable[[], None],
        id: str | None = None,
    ) -> None:
        super().__init__(id=id)
        self._palette = palette
        self._moved, self._leaving = moved, leaving
        self._words: EntryWords | None = None
        self._cache: dict[int, Strip] = {}
        self._states: dict[Leaf, tuple[list[BitState], ...]] = {}
        self._load(situation)
        self._entry, self._register, self._bit = 0, Register.EAX, 31
        self._top = self._width = self._height = 0
        self._start, self._gap = WIDE_START, WIDE_GAP

    def _load(self, situation: Situation) -> None:
        self._situation = situation
        self._leaves = [entry.leaf for entry in situation.module.entries]
        self._leaves.sort(key=lambda leaf: (leaf.leaf, leaf.subleaf or 0))

    @property
    def _line_count(self) -> int:
        return len(self._leaves) * LINES_PER_ENTRY

    # -- what others ask and tell --

    @property
    def leaves(self) -> list[Leaf]:
        """The entries in the order shown."""
        return self._leaves

    @property
    def cursor(self) -> Field:
        """The bit under the cursor."""
        return Field.bit(self._leaves[self._entry], self._register, self._bit)

    def show(self, situation: Situation, changed: dict[Leaf, int] | None = None) -> None:
        """Show another situation; `changed` limits what is drawn again to those leaves."""
        before = self._situation
        if (situation.module, situation.platform) != (before.module, before.platform):
            self._reload(situation)
            return
        self._become(situation)
        for number, leaf in enumerate(self._leaves):
            if changed is None or leaf in changed:
                self._forget(number)

    def _become(self, situation: Situation) -> None:
        self._situation = situation
        if self._words is not None:
            self._words = EntryWords(situation)

    def _reload(self, situation: Situation) -> None:
        here = self._leaves[self._entry]
        self._load(situation)
        self._become(situation)
        self._cache.clear()
        self._states.clear()
        near = [number for number, leaf in enumerate(self._leaves) if leaf.leaf <= here.leaf]
        self._entry = self._leaves.index(here) if here in self._leaves else (near[-1] if near else 0)
        self._reveal()
        self.refresh()

    def show_words(self) -> None:
        """From now on show below each entry what its fields say."""
        self._words = EntryWords(self._situation)
        for line in [line for line in self._cache if _is_words_line(line)]:
            del self._cache[line]
        self.refresh()

    def go_to(self, bit: Field) -> None:
        """Put the cursor on a bit and bring it into view."""
        if bit.leaf in self._leaves:
            self._place(self._leaves.index(bit.leaf), bit.register, bit.lsb)

    # -- moving --

    def action_move_row(self, step: int) -> None:
        """To the register above or below, across leaves."""
        row = self._entry * 4 + self._register + step
        if 0 <= row < len(self._leaves) * 4:
            self._place(row // 4, Register(row % 4), self._bit)

    def action_move_bit(self, step: int) -> None:
        """To the bit on the left (higher) or right, across registers."""
        bit, row = self._bit + step, self._entry * 4 + self._register
        if not 0 <= bit < 32:
            row, bit = row - step, bit % 32
        if 0 <= row < len(self._leaves) * 4:
            self._place(row // 4, Register(row % 4), bit)

    def action_move_leaf(self, step: int) -> None:
        """To the leaf before or after."""
        entry = min(max(self._entry + step, 0), len(self._leaves) - 1)
        self._place(entry, Register.EAX if entry != self._entry else self._register, self._bit)

    def action_page(self, step: int) -> None:
        """A screenful of leaves up or down."""
        self.action_move_leaf(step * max(1, self._height // LINES_PER_ENTRY))

    def action_edge(self, entry: int) -> None:
        """To the first or last leaf."""
        self._leaving()
        self._place(entry % len(self._leaves), Register.EAX, 31)

    def action_flip_bit(self) -> None:
        """Ask for the bit to be flipped."""
        self.post_message(self.Toggle())

    def on_click(self, event: events.Click) -> None:
        """Put the cursor where the mouse is."""
        line = event.y + self._top
        entry, row = divmod(line, LINES_PER_ENTRY)
        column = self._bit_at(event.x)
        if entry < len(self._leaves) and row in _REGISTER_LINES:
            self._place(entry, Register(row - 1), self._bit if column is None else column)

    def _bit_at(self, x: int) -> int | None:
        byte, offset = divmod(x - self._start, 8 + self._gap)
        return 31 - byte * 8 - offset if 0 <= byte < 4 and offset < 8 else None

    def _place(self, entry: int, register: Register, bit: int) -> None:
        if (entry, register, bit) == (self._entry, self._register, self._bit):
            return
        other_row = (entry, register) != (self._entry, self._register)
        old = self._drawn_by_cursor(other_row)
        self._entry, self._register, self._bit = entry, register, bit
        if not self._reveal():
            self.refresh(*old, *self._drawn_by_cursor(other_row))
        self._moved()

    def _drawn_by_cursor(self, with_words: bool) -> list[Region]:
        """What the cursor makes look otherwise: its cell, and the words of its register."""
        cell = self._cursor_cell()
        if not with_words or self._words is None:
            return [cell]
        return [cell, Region(0, self._words_line() - self._top, self._width, 1)]

    def _cursor_cell(self) -> Region:
        """Where the bit under the cursor is drawn."""
        index = 31 - self._bit
        x = self._start + index + index // 8 * self._gap
        return Region(x, self._cursor_line() - self._top, 1, 1)

    def _reveal(self) -> bool:
        """Scroll so that the cursor's leaf is seen; whether anything moved."""
        height = self._height
        if not height:
            return False
        first, last = self._entry * LINES_PER_ENTRY, self._entry * LINES_PER_ENTRY + LINES_PER_ENTRY
        if height < LINES_PER_ENTRY:
            first, last = self._cursor_line(), self._cursor_line() + 1
        return self._put_top(min(max(self._top, last - height), first))

    def _put_top(self, line: int) -> bool:
        """Bring a line to the top, as far as the last one allows; whether anything moved."""
        top = min(max(line, 0), max(self._line_count - self._height, 0))
        if top == self._top:
            return False
        self._top = top
        self.refresh()
        return True

    def on_mouse_scroll_down(self) -> None:
        """Scroll without moving the cursor."""
        self._put_top(self._top + LINES_PER_ENTRY // 2)

    def on_mouse_scroll_up(self) -> None:
        """Scroll without moving the cursor."""
        self._put_top(self._top - LINES_PER_ENTRY // 2)

    def on_resize(self) -> None:
        """Another width lays the lines out anew; the cursor stays in view."""
        self._width, self._height = self.size
        wide = self._width >= NARROW
        self._start, self._gap = (WIDE_START, WIDE_GAP) if wide else (NARROW_START, NARROW_GAP)
        self._cache.clear()
        self._reveal()
        self.post_message(self.Resized())

    # -- drawing --

    def _cursor_line(self) -> int:
        return self._entry * LINES_PER_ENTRY + 1 + self._register

    def _words_line(self) -> int:
        return self._entry * LINES_PER_ENTRY + LINES_PER_ENTRY - 1

    def _forget(self, entry: int) -> None:
        self._states.pop(self._leaves[entry], None)
        first = entry * LINES_PER_ENTRY
        for line in range(first, first + LINES_PER_ENTRY):
            self._cache.pop(line, None)
        self.refresh(Region(0, first - self._top, self._width, LINES_PER_ENTRY))

    def render_line(self, y: int) -> Strip:
        """One line of the visible part."""
        line = y + self._top
        if line == self._cursor_line():
            strip = self._finished(self._register_line(line, self._bit))
        elif line == self._words_line():
            strip = self._finished(self._words_strip(self._entry, self._register))
        elif line in self._cache:
            strip = self._cache[line]
        else:
            strip = self._cache[line] = self._finished(self._line(line))
        return Strip([*strip, self._bar(y)], self._width)

    def _finished(self, strip: Strip) -> Strip:
        return strip.adjust_cell_length(self._width - 1, self._palette.text)

    def _bar(self, y: int) -> Segment:
        """A line of the scroll bar: the thumb shows which part of all lines is in view."""
        total = max(self._line_count, 1)
        first, last = self._top * self._height // total, (self._top + self._height) * self._height // total
        return Segment("┃" if first <= y <= last else " ", self._palette.edge)

    def _line(self, line: int) -> Strip:
        entry, row = divmod(line, LINES_PER_ENTRY)
        if entry >= len(self._leaves):
            return Strip([Segment(" ", self._palette.text)])
        if row == LINES_PER_ENTRY - 1:
            return self._words_strip(entry, None)
        return self._title_line(self._leaves[entry]) if row == 0 else self._register_line(line, None)

    def _words_strip(self, entry: int, register: Register | None) -> Strip:
        """What the fields of an entry say; with a register, those of that register."""
        text = self._words.of(self._leaves[entry], register) if self._words is not None else ""
        room = max(self._width - 1 - self._start, 0)
        return Strip([Segment(" " * self._start + shortened(text, room), self._palette.muted)])

    def _title_line(self, leaf: Leaf) -> Strip:
        palette = self._palette
        strip = Strip([Segment(f" {leaf.sdm}", palette.strong), Segment(f"  {catalog.title(leaf)}", palette.muted)])
        refused = "".join(f"  ✗ {refusal.because}" for refusal in self._situation.refusals if refusal.at == leaf)
        room = max(self._width - 1 - strip.cell_length, 0)
        return Strip([*strip, Segment(shortened(refused, room), palette.conflict)])

    def _register_line(self, line: int, cursor: int | None) -> Strip:
        entry, row = divmod(line, LINES_PER_ENTRY)
        leaf, register = self._leaves[entry], Register(row - 1)
        palette = self._palette
        name = f" {register.name} ".rjust(self._start - 1).ljust(self._start)
        segments = self._bit_segments(name, self._states_of(leaf)[register], cursor)
        if self._width >= HEX_FROM_WIDTH:
            segments.append(Segment(f"{' ' * self._gap}{self._hex(leaf, register)}", palette.text))
        return Strip(segments)

    def _states_of(self, leaf: Leaf) -> tuple[list[BitState], ...]:
        found = self._states.get(leaf)
        if found is None:
            found = self._states[leaf] = states(self._situation, leaf)
        return found

    def _bit_segments(self, name: str, row: list[BitState], cursor: int | None) -> list[Segment]:
        """The register's name and runs of like bits; the cursor's bit on its own.

        The gaps between bytes belong to a run where its style doesn't show on a blank: the fewer runs, the faster.
        """
        styles, gap = self._palette.states, " " * self._gap
        segments: list[Segment] = []
        text, style = name, styles[BitState.FIXED_0]
        for index, state in enumerate(row):
            wanted = styles[state]
            if index and index % 8 == 0:
                if style.underline or style.reverse:
                    segments.append(Segment(text, style))
                    text, style = "", self._palette.text
                text += gap
            if cursor == 31 - index:
                segments += [Segment(text, style), Segment(state.glyph, self._under_cursor(wanted))]
                text = ""
                continue
            if wanted is not style:
                segments.append(Segment(text, style))
                text, style = "", wanted
            text += state.glyph
        segments.append(Segment(text, style))
        return [segment for segment in segments if segment.text]

    def _under_cursor(self, style: Style) -> Style:
        return style + self._palette.cursor

    def _hex(self, leaf: Leaf, register: Register) -> str:
        """The register's value, a ? for each digit that isn't known."""
        value = self._situation.td.at(leaf) >> register.shift & WORD
        known = self._situation.td.known_at(leaf) >> register.shift & WORD
        digits = (
            f"{value >> shift & 0xF:X}" if known >> shift & 0xF == 0xF else "?" for shift in range(28, -4, -4)
        )
        return "0x" + "".join(digits)


def _is_words_line(line: int) -> bool:
    return line % LINES_PER_ENTRY == LINES_PER_ENTRY - 1


def ruler(width: int) -> str:
    """The bit numbers above the grid, for a grid of this width."""
    start, gap = (NARROW_START, NARROW_GAP) if width < NARROW else (WIDE_START, WIDE_GAP)
    blocks = (f"{byte * 8 + 7:<2}    {byte * 8:>2}" for byte in (3, 2, 1, 0))
    return " " * start + (" " * gap).join(blocks)
