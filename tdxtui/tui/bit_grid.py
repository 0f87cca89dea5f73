"""All leaves in one scrolling grid of bits: its keys and the mouse."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import ClassVar

from textual import events
from textual.actions import parse
from textual.binding import Binding, BindingType
from textual.geometry import Region

from tdxtui.bit_state import flexible_bits
from tdxtui.cpuid import Field, Leaf, Register
from tdxtui.evaluate import Situation
from tdxtui.tui.grid_lines import Cursor
from tdxtui.tui.grid_moves import beside, next_flexible, over
from tdxtui.tui.grid_shape import FIELD_LINE, LINES_PER_ENTRY, REGISTER_LINES
from tdxtui.tui.grid_view import GridView
from tdxtui.tui.palette import Palette


class BitGrid(GridView, can_focus=True, inherit_bindings=False):
    """The grid.

    `moved`, `leaving`, `flipped` and `laid_out` are called at once, not as messages: what they repaint then goes into
    the same frame. `leaving` comes before a jump to the first or last leaf, `flipped` is Space on a bit, `laid_out`
    follows another width.
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
        Binding("left_parenthesis", "flexible(-1)", "Previous flexible bit", show=False),
        Binding("right_parenthesis", "flexible(1)", "Next flexible bit", show=False),
        Binding("space", "flip_bit", "Flip the bit"),
    ]

    def __init__(
        self, situation: Situation, palette: Palette, moved: Callable[[], None], leaving: Callable[[], None],
        flipped: Callable[[], None], laid_out: Callable[[], None], id: str | None = None,
    ) -> None:
        super().__init__(situation, palette, laid_out, id)
        self._moved, self._leaving, self._flipped = moved, leaving, flipped
        self._dragging = False

    # -- what others tell --

    def go_to(self, bit: Field) -> None:
        """Put the cursor on a bit and bring it into view; a leaf that a filter hides is shown from then on."""
        if bit.leaf not in self._all_leaves:
            return
        if bit.leaf not in self._lines.numbers:
            self._list([*self._lines.leaves, bit.leaf])
            self._forget_all()
        self._place(Cursor(self._lines.numbers[bit.leaf], bit.register, bit.lsb))

    def act(self, key: str) -> bool:
        """Do at once what a key is bound to here; whether it is. Textual's own way takes longer than most actions."""
        bound = self._bindings.key_to_bindings.get(key)
        if not bound:
            return False
        name, arguments = _action(bound[0].action)
        getattr(self, f"action_{name}")(*arguments)
        return True

    # -- moving --

    def action_move_row(self, step: int) -> None:
        """To the register above or below, across leaves."""
        self._place(over(self._at, step, self.shape.columns, len(self._lines.leaves)))

    def action_move_bit(self, step: int) -> None:
        """To the bit on the left (higher) or right; from a register's end into the next one, but not while marking."""
        if self._anchor is not None and not 0 <= self._at.bit + step < 32:
            return
        self._place(beside(self._at, step, self.shape.columns, len(self._lines.leaves)))

    def action_move_leaf(self, step: int) -> None:
        """To the leaf before or after."""
        entry = min(max(self._at.entry + step, 0), len(self._lines.leaves) - 1)
        register = Register.EAX if entry != self._at.entry else self._at.register
        self._place(Cursor(entry, register, self._at.bit))

    def action_page(self, step: int) -> None:
        """A screenful of leaves up or down."""
        self.action_move_leaf(step * max(1, self._height // LINES_PER_ENTRY) * self.shape.columns)

    def action_edge(self, entry: int) -> None:
        """To the first or last leaf."""
        self._leaving()
        self._place(Cursor(entry % len(self._lines.leaves), Register.EAX, 31))

    def action_flexible(self, step: int) -> None:
        """To the next bit that Space changes, or the one before; round the ends."""
        self.step_to(step, lambda leaf: flexible_bits(self.shown.situation, leaf))

    def step_to(self, step: int, masks: Callable[[Leaf], int]) -> bool:
        """To the next of the bits in packed masks that the filter shows, or the one before; whether there is one."""
        within = [masks(leaf) & self.shown.passes(leaf) for leaf in self._lines.leaves]
        found = next_flexible(self._at, step, within)
        if found is not None:
            self._place(found)
        return found is not None

    def action_flip_bit(self) -> None:
        """Ask for the bit to be flipped."""
        self._flipped()

    def _place(self, at: Cursor) -> None:
        if at == self._at:
            return
        before, self._at = self._at, at
        self._with_cursor.clear()
        moved = self._reveal()
        if self._anchor is not None:
            self.refresh()
        elif not moved:
            self.refresh(*self._touched(before, at))
        self._moved()

    def _touched(self, before: Cursor, after: Cursor) -> list[Region]:
        """What the cursor makes look otherwise: its cells, and the lines of fields."""
        lines = {(at.entry // self.shape.columns, at.entry % self.shape.columns) for at in (before, after)}
        regions = [self._cell(before), self._cell(after)]
        if self._lines.words is not None:
            width, first = self.shape.column, FIELD_LINE - self._top
            regions += [Region(column * width, row * LINES_PER_ENTRY + first, width, 1) for row, column in lines]
        return regions

    # -- selecting --

    def select(self, on: bool) -> None:
        """Begin to mark bits where the cursor is, or mark none."""
        if on != (self._anchor is not None):
            self._anchor = self._at if on else None
            self.refresh()

    # -- mouse --

    def on_mouse_down(self, event: events.MouseDown) -> None:
        """Put the cursor there, and begin to drag."""
        at = self._under(event.x, event.y, near=False)
        if event.button != 1 or at is None:
            return
        self.select(False)
        self._place(at)
        self._dragging = True
        self.capture_mouse()

    def on_mouse_move(self, event: events.MouseMove) -> None:
        """Dragging over bits marks them."""
        if not self._dragging:
            return
        at = self._under(event.x, event.y, near=True)
        if at is not None and at != self._at:
            self.select(True)
            self._place(at)

    def on_mouse_up(self) -> None:
        """No more dragging."""
        if self._dragging:
            self._dragging = False
            self.release_mouse()

    def _under(self, x: int, y: int, near: bool) -> Cursor | None:
        """The register and bit at a place, `near` also the nearest one; beside the bits the cursor's bit."""
        shape, line = self.shape, min(max(y, 0), self._height - 1) + self._top
        row, part = divmod(line, LINES_PER_ENTRY)
        column = min(max(x // max(shape.column, 1), 0), shape.columns - 1)
        entry, inside = row * shape.columns + column, x - column * shape.column
        if near:
            part = min(max(part, REGISTER_LINES[0]), REGISTER_LINES[-1])
        if entry >= len(self._lines.leaves) or part not in REGISTER_LINES:
            return None
        bit = shape.nearest_bit(inside) if near else shape.bit_at(inside)
        return Cursor(entry, Register(part - REGISTER_LINES[0]), self._at.bit if bit is None else bit)

    def on_mouse_scroll_down(self) -> None:
        """Scroll without moving the cursor."""
        self._put_top(self._top + LINES_PER_ENTRY // 2)

    def on_mouse_scroll_up(self) -> None:
        """Scroll without moving the cursor."""
        self._put_top(self._top - LINES_PER_ENTRY // 2)


@cache
def _action(text: str) -> tuple[str, tuple[object, ...]]:
    """A binding's action: its name and arguments."""
    return parse(text)[1:]
