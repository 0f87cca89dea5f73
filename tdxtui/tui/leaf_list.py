"""The list of leaves beside the grid, with the number of conflicts in each."""

from __future__ import annotations

from typing import ClassVar

from rich.segment import Segment
from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from tdxtui import catalog
from tdxtui.cpuid import Leaf
from tdxtui.evaluate import Situation
from tdxtui.tui.palette import Palette


class LeafList(ScrollView, can_focus=True, inherit_bindings=False):
    """Leaves, one a line. `Chosen` is posted as the selection moves here."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "move(-1)", "Up", show=False),
        Binding("down,j", "move(1)", "Down", show=False),
        Binding("pageup", "page(-1)", "Page up", show=False),
        Binding("pagedown", "page(1)", "Page down", show=False),
        Binding("home,g", "move(-1000)", "First", show=False),
        Binding("end,G", "move(1000)", "Last", show=False),
        Binding("enter,space,right,l", "leave", "To the grid", show=False),
    ]

    class Chosen(Message):
        """Another leaf is selected."""

        def __init__(self, leaf: Leaf) -> None:
            super().__init__()
            self.leaf = leaf

    class Left(Message):
        """The user wants to go on in the grid."""

    def __init__(self, situation: Situation, leaves: list[Leaf], palette: Palette, **kwargs: str) -> None:
        super().__init__(**kwargs)
        self._palette = palette
        self._selected = 0
        self._situation, self._leaves = situation, leaves
        self.virtual_size = Size(1, len(leaves))

    def show(self, situation: Situation, leaves: list[Leaf]) -> None:
        """Show another situation."""
        self._situation, self._leaves = situation, leaves
        self.virtual_size = Size(1, len(leaves))
        self.refresh()

    def repaint(self, palette: Palette) -> None:
        """Use another palette."""
        self._palette = palette
        self.refresh()

    def select(self, leaf: Leaf) -> None:
        """Mark a leaf without saying so."""
        number = self._leaves.index(leaf)
        if number == self._selected:
            return
        old, self._selected = self._selected, number
        if not self._reveal():
            self.refresh_line(old)
            self.refresh_line(number)

    def _reveal(self) -> bool:
        top, height = self.scroll_offset.y, self.size.height
        target = min(max(top, self._selected - height + 1), self._selected)
        if not height or target == top:
            return False
        self.scroll_to(y=target, animate=False, force=True)
        return True

    def action_move(self, step: int) -> None:
        """Select another leaf."""
        number = min(max(self._selected + step, 0), len(self._leaves) - 1)
        self.select(self._leaves[number])
        self.post_message(self.Chosen(self._leaves[number]))

    def action_page(self, step: int) -> None:
        """Select a leaf a screenful away."""
        self.action_move(step * max(1, self.size.height - 1))

    def action_leave(self) -> None:
        """Go on in the grid."""
        self.post_message(self.Left())

    def on_click(self, event: events.Click) -> None:
        """Select what is clicked."""
        self.action_move(event.y + self.scroll_offset.y - self._selected)

    def on_resize(self) -> None:
        """Keep the selection in view."""
        self._reveal()

    def render_line(self, y: int) -> Strip:
        """One line of the visible part."""
        number, width = y + self.scroll_offset.y, self.size.width
        if number >= len(self._leaves):
            return Strip.blank(width, self._palette.text)
        leaf = self._leaves[number]
        selected = number == self._selected
        style = self._palette.selected if selected else self._palette.text
        conflicts = self._situation.conflicts_at(leaf)
        mark = f"✗{conflicts}" if conflicts else ""
        text = f"{'▸' if selected else ' '}{_short(leaf):6} {catalog.title(leaf)}"
        text = text[: width - len(mark) - 1].ljust(width - len(mark))
        marked = self._palette.selected if selected else self._palette.conflict
        return Strip([Segment(text, style), Segment(mark, marked)]).adjust_cell_length(width, style)


def _short(leaf: Leaf) -> str:
    """The leaf as a list shows it: 07H.0."""
    return f"{leaf.leaf:02X}H" + ("" if leaf.subleaf is None else f".{leaf.subleaf:X}")
