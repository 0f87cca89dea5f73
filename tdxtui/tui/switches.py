"""A pane of on/off switches: the components of XFAM, or the bits of ATTRIBUTES."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from rich.segment import Segment
from textual import events
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from tdxtui.tui.palette import Palette

ON, OFF = "■", "□"


@dataclass(frozen=True)
class Switch:
    """A named bit: whether it is on, and whether this module and platform let it change."""

    name: str
    on: bool
    possible: bool


class SwitchPane(Widget, can_focus=True, inherit_bindings=False):
    """Switches in columns; Space posts `Flipped`."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "move(0, -1)", "Up", show=False),
        Binding("down,j", "move(0, 1)", "Down", show=False),
        Binding("left,h", "move(-1, 0)", "Left", show=False),
        Binding("right,l", "move(1, 0)", "Right", show=False),
        Binding("space", "flip", "Flip", show=False),
    ]

    class Flipped(Message):
        """A switch shall be flipped."""

        def __init__(self, pane: SwitchPane, name: str) -> None:
            super().__init__()
            self.pane = pane
            self.name = name

        @property
        def control(self) -> SwitchPane:
            """The pane that it came from."""
            return self.pane

    class Moved(Message):
        """Another switch is under the cursor."""

        def __init__(self, name: str) -> None:
            super().__init__()
            self.name = name

    def __init__(self, title: str, columns: int, switches: Sequence[Switch], palette: Palette, **kwargs: str) -> None:
        super().__init__(**kwargs)
        self.border_title = title
        self._columns = columns
        self._switches = list(switches)
        self._palette = palette
        self._at = 0

    def show(self, switches: Sequence[Switch]) -> None:
        """Show other states."""
        if list(switches) != self._switches:
            self._switches = list(switches)
            self._at = min(self._at, len(self._switches) - 1)
            self.refresh()

    def repaint(self, palette: Palette) -> None:
        """Use another palette."""
        self._palette = palette
        self.refresh()

    @property
    def rows(self) -> int:
        """How many lines the switches take."""
        return -(-len(self._switches) // self._columns)

    def action_move(self, columns: int, rows: int) -> None:
        """To another switch; they run down the columns."""
        at = self._at + columns * self.rows + rows
        if 0 <= at < len(self._switches):
            self._at = at
            self.refresh()
            self.post_message(self.Moved(self._switches[at].name))

    def action_flip(self) -> None:
        """Ask for the switch to be flipped."""
        self.post_message(self.Flipped(self, self._switches[self._at].name))

    def on_click(self, event: events.Click) -> None:
        """Flip what is clicked."""
        inside = event.get_content_offset(self)
        if inside is None:
            return
        at = inside.x // self._column_width() * self.rows + inside.y
        if 0 <= at < len(self._switches):
            self._at = at
            self.refresh()
            self.action_flip()

    def on_focus(self) -> None:
        """Show the cursor."""
        self.refresh()

    def on_blur(self) -> None:
        """Hide the cursor."""
        self.refresh()

    def _column_width(self) -> int:
        return max(1, self.size.width // self._columns)

    def render_line(self, y: int) -> Strip:
        """One line: a switch of each column."""
        segments = []
        for column in range(self._columns):
            at = column * self.rows + y
            if y < self.rows and at < len(self._switches):
                segments.append(self._segment(at))
        return Strip(segments).adjust_cell_length(self.size.width, self._palette.text)

    def _segment(self, at: int) -> Segment:
        switch, width = self._switches[at], self._column_width()
        style = self._palette.text if switch.possible else self._palette.muted
        if switch.on and switch.possible:
            style = self._palette.strong
        if self.has_focus and at == self._at:
            style = style + self._palette.cursor
        mark = ON if switch.on else OFF if switch.possible else "·"
        return Segment(f"{mark} {switch.name}"[: width - 1].ljust(width), style)
