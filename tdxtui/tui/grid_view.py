"""What the grid of bits shows and which part of it is in view, drawn line by line (Line API)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING

from rich.segment import Segment
from textual.geometry import Region
from textual.strip import Strip

from tdxtui.cpuid import WORD, Field, Leaf, Register
from tdxtui.dynamic import GuestState
from tdxtui.evaluate import Situation
from tdxtui.tui.entry_words import EntryWords
from tdxtui.tui.fast import Bare
from tdxtui.tui.grid_lines import Cursor, GridLines
from tdxtui.tui.grid_shape import FIELD_LINE, LINES_PER_ENTRY, REGISTER_LINES, Shape
from tdxtui.tui.grid_step import Step, step
from tdxtui.tui.minimap import Mark, minimap
from tdxtui.tui.palette import Palette
from tdxtui.tui.selection import Selection
from tdxtui.tui.shown import Shown
from tdxtui.tui.signs import Signs

if TYPE_CHECKING:
    from tdxtui.filters import Filter


class GridView(Bare):
    """A grid as it is seen, with its cursor and a marked block. `laid_out` is called at once after another width.

    The whole grid is one widget. Lines are kept as they were drawn: those without the cursor until their entry
    changes, those with it until it moves.
    """

    def __init__(
        self, situation: Situation, palette: Palette, laid_out: Callable[[], None], id: str | None = None
    ) -> None:
        super().__init__(id=id)
        self._palette, self._laid_out = palette, laid_out
        self._all_leaves = _entries(situation)
        self._lines = GridLines(Shown(situation), self._all_leaves, palette)
        self._at = Cursor(0, Register.EAX, 31)
        self._anchor: Cursor | None = None
        self._cache: dict[int, list[Segment]] = {}
        self._with_cursor: dict[int, list[Segment]] = {}
        self._finished: dict[tuple[int, Mark], Strip] = {}
        self._map: list[Mark] = []
        self._ahead: Step | None = None
        self._top = self._width = self._height = 0

    # -- what others ask --

    @property
    def leaves(self) -> list[Leaf]:
        """The entries that are shown, in their order."""
        return list(self._lines.leaves)

    @property
    def all_leaves(self) -> list[Leaf]:
        """All entries of the module, in the same order."""
        return self._all_leaves

    @property
    def cursor(self) -> Field:
        """The bit under the cursor."""
        return Field.bit(self._lines.leaves[self._at.entry], self._at.register, self._at.bit)

    @property
    def shown(self) -> Shown:
        """What is shown of the situation."""
        return self._lines.shown

    @property
    def shape(self) -> Shape:
        """Where the parts of its lines lie."""
        return self._lines.shape

    @property
    def selection(self) -> Selection | None:
        """The marked block."""
        if self._anchor is None:
            return None
        return Selection.between((self._anchor.place, self._anchor.bit), (self._at.place, self._at.bit))

    # -- what others tell --

    def show(self, situation: Situation, changed: Mapping[Leaf, int] | None = None) -> None:
        """Show another situation; `changed` limits what is drawn again to those leaves."""
        before = self.shown
        if (situation.module, situation.platform) != (before.situation.module, before.situation.platform):
            self._all_leaves = _entries(situation)
            self.look(before.filter, before.guest, situation)
            return
        if changed is None or before.filter:
            self._become(self._lines.after(before.after(situation, changed), changed))
            if before.filter:
                self._list([*self._lines.leaves, *self._passing()])
            self._forget_all()
            return
        self._take(self._step(situation, changed))

    def foresee(self, situation: Situation, changed: Mapping[Leaf, int]) -> None:
        """Draw ahead what `show` would draw."""
        if self.shown.filter is None and self.shown.guest is None:
            view = range(self._top, self._top + self._height)
            self._ahead = self._step(situation, changed).ahead(view)

    def _step(self, situation: Situation, changed: Mapping[Leaf, int]) -> Step:
        """On to another situation: as foreseen, if it was."""
        ahead = self._ahead
        if ahead is not None and ahead.lines.shown.situation is situation and ahead.changed == changed:
            return ahead
        after = self._lines.after(self.shown.after(situation, changed), changed)
        return step(self._lines, after, changed, self._at)

    def _take(self, taken: Step) -> None:
        """Draw again what looks otherwise."""
        self._become(taken.lines)
        self._drop(place.line for place in taken.places)
        if taken.at == self._at:
            for line, drawn in taken.drawn.items():
                (self._with_cursor if self._has_cursor(line) else self._cache)[line] = drawn
        width, top = self.shape.column, self._top
        regions = [
            Region(column * width, line - top, width, 1)
            for line, column in taken.places if 0 <= line - top < self._height
        ]
        if self._map_out():
            self.refresh()
        elif regions:
            self.refresh(*regions)

    def look(self, chosen: Filter | None, guest: GuestState | None, situation: Situation | None = None) -> None:
        """Look through a filter, or as a guest reads it; a filter that nothing passes shows everything, dimmed."""
        shown = Shown(situation or self.shown.situation, chosen, guest, self.shown.signs)
        self._become(self._lines.after(shown, None))
        self._anchor = None
        self._list(self._passing() or self._all_leaves)
        self._go_to_passing()
        self._forget_all()
        self._reveal()

    def _go_to_passing(self) -> None:
        """Off a bit that the filter leaves out, to the first one of its leaf that it lets through."""
        leaf = self._lines.leaves[self._at.entry]
        passing = self.shown.passes(leaf) if self.shown.filter else 0
        if not passing or passing >> self._at.register.shift + self._at.bit & 1:
            return
        register = next(register for register in Register if passing >> register.shift & WORD)
        self._at = Cursor(self._at.entry, register, (passing >> register.shift & WORD).bit_length() - 1)

    def sign(self, signs: Signs) -> None:
        """Show other signs on the bits."""
        before = self._lines
        moved = dict.fromkeys(before.shown.signs.moved(signs), 0)
        self._take(step(before, before.after(before.shown.signed(signs), {}), moved, self._at))

    def _passing(self) -> list[Leaf]:
        shown = self.shown
        return [leaf for leaf in self._all_leaves if shown.passes(leaf)] if shown.filter else self._all_leaves

    def _become(self, lines: GridLines) -> None:
        self._lines = lines
        self._ahead = None
        self._with_cursor.clear()

    def _list(self, leaves: list[Leaf]) -> None:
        """Show these entries, the cursor staying where it is or else near."""
        here, wanted = self._lines.leaves[self._at.entry], set(leaves)
        self._lines.use_leaves([leaf for leaf in self._all_leaves if leaf in wanted])
        if here in wanted and here in self._lines.leaves:
            entry = self._lines.leaves.index(here)
        else:
            near = [number for number, leaf in enumerate(self._lines.leaves) if leaf.leaf <= here.leaf]
            entry = near[-1] if near else 0
        self._at = self._at._replace(entry=entry)

    def _forget_all(self) -> None:
        self._ahead = None
        for kept in (self._cache, self._with_cursor, self._finished):
            kept.clear()
        self._map_out()
        self.refresh()

    def _drop(self, lines: Iterable[int]) -> None:
        for line in lines:
            self._cache.pop(line, None)
            for mark in Mark:
                self._finished.pop((line, mark), None)

    def show_words(self) -> None:
        """From now on show what the fields say: the decoders may be loaded."""
        self._lines.words = EntryWords(self.shown)
        self._forget_all()

    # -- scrolling --

    def _reveal(self) -> bool:
        """Scroll so that the cursor's leaf is seen; whether anything moved."""
        if not self._height:
            return False
        first = self._at.entry // self.shape.columns * LINES_PER_ENTRY
        last = first + LINES_PER_ENTRY
        if self._height < LINES_PER_ENTRY:
            first, last = self._line_of(self._at), self._line_of(self._at) + 1
        return self._put_top(min(max(self._top, last - self._height), first))

    def _put_top(self, line: int) -> bool:
        """Bring a line to the top, as far as the last one allows; whether anything moved."""
        top = min(max(line, 0), max(self._lines.count - self._height, 0))
        if top == self._top:
            return False
        self._top = top
        self._map_out()
        self.refresh()
        return True

    def resized(self) -> None:
        """Another width lays the lines out anew; the cursor stays in view."""
        self._width, self._height = self._size
        self._lines.shape = Shape.of(self._width)
        self._forget_all()
        self._reveal()
        self._laid_out()

    # -- drawing --

    def _map_out(self) -> bool:
        """Work out the scroll bar; whether it looks otherwise."""
        numbers = self._lines.numbers
        conflicts = [numbers[leaf] for leaf in self.shown.situation.conflict_leaves() if leaf in numbers]
        lines = [number // self.shape.columns * LINES_PER_ENTRY for number in conflicts]
        marks = minimap(self._height, self._lines.count, self._top, lines)
        before, self._map = self._map, list(marks)
        return before != self._map

    def render_line(self, y: int) -> Strip:
        """One line of the visible part."""
        line = y + self._top
        mark = self._map[y] if y < len(self._map) else Mark.NOTHING
        if self._anchor is not None:
            return self._with_bar(self._lines.draw(line, self._at, self.selection), mark)
        if self._has_cursor(line):
            drawn = self._with_cursor.get(line)
            if drawn is None:
                drawn = self._with_cursor[line] = self._lines.draw(line, self._at, None)
            return self._with_bar(drawn, mark)
        finished = self._finished.get((line, mark))
        if finished is None:
            drawn = self._cache.get(line)
            if drawn is None:
                drawn = self._cache[line] = self._lines.draw(line, None, None)
            finished = self._finished[line, mark] = self._with_bar(drawn, mark)
        return finished

    def _has_cursor(self, line: int) -> bool:
        """Whether the cursor is drawn in a line, or what it is on."""
        row, part = divmod(line, LINES_PER_ENTRY)
        return row == self._at.entry // self.shape.columns and part in (self._at.register + 1, FIELD_LINE)

    def _with_bar(self, line: list[Segment], mark: Mark) -> Strip:
        style = self._palette.conflict if mark is Mark.CONFLICT else self._palette.edge
        return Strip([*line, Segment(mark.value, style)], self._width)

    # -- places --

    def _cell(self, at: Cursor) -> Region:
        """Where a bit is drawn."""
        x = at.entry % self.shape.columns * self.shape.column + self.shape.x_of(at.bit)
        return Region(x, self._line_of(at) - self._top, 1, 1)

    def _line_of(self, at: Cursor) -> int:
        return at.entry // self.shape.columns * LINES_PER_ENTRY + REGISTER_LINES[0] + at.register


def _entries(situation: Situation) -> list[Leaf]:
    return sorted((entry.leaf for entry in situation.module.entries), key=lambda leaf: (leaf.leaf, leaf.subleaf or 0))
