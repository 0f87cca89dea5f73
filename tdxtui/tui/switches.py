"""A pane of settings: on/off switches, and values that a dialog changes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, NamedTuple

from rich.segment import Segment
from textual import events
from textual.binding import Binding, BindingType
from textual.message import Message

from tdxtui.tui.fast import Framed
from tdxtui.tui.lines import shortened
from tdxtui.tui.palette import Palette

ON, OFF, NEVER, REFUSED = "■", "□", "·", "!"


class Switch(NamedTuple):
    """A named setting: whether it is on, and whether this module and platform let it change.

    `refused` is one that is on and that a VMM layer doesn't pass. One with a `value` is no switch but shows that; a
    `heading` is nothing but a line of text.
    """

    name: str
    on: bool = False
    possible: bool = True
    value: str = ""
    heading: bool = False
    refused: bool = False

    @property
    def text(self) -> str:
        """The setting as it is listed."""
        if self.heading:
            return self.name
        if self.value:
            return f"{self.name} {self.value}"
        mark = REFUSED if self.refused else ON if self.on else OFF if self.possible else NEVER
        return f"{mark} {self.name}"


class SwitchPane(Framed, can_focus=True, inherit_bindings=False):
    """Switches in columns; Space posts `Flipped`. Where not all have room, it scrolls."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "move(0, -1)", "Up", show=False),
        Binding("down,j", "move(0, 1)", "Down", show=False),
        Binding("left,h", "move(-1, 0)", "Left", show=False),
        Binding("right,l", "move(1, 0)", "Right", show=False),
        Binding("home,g", "edge(0)", "First", show=False),
        Binding("end,G", "edge(-1)", "Last", show=False),
        Binding("space", "flip", "Flip", show=False),
        Binding("enter", "enter", "Change a value", show=False),
    ]

    class Flipped(Message):
        """A switch shall be flipped, or a value changed."""

        def __init__(self, pane: SwitchPane, name: str) -> None:
            super().__init__()
            self.pane = pane
            self.name = name

        @property
        def control(self) -> SwitchPane:
            """The pane that it came from."""
            return self.pane

    class Entered(Message):
        """Enter on a switch, which has no use for it."""

    def __init__(
        self, title: str, columns: int, switches: Sequence[Switch], palette: Palette, id: str | None = None
    ) -> None:
        super().__init__(title, palette, id)
        self._most_columns = columns
        self._columns = 1
        self._switches = list(switches)
        self._at = self._top = 0
        self.set_columns(0, False)
        self._at = self._near(0, 1)

    def show(self, switches: Sequence[Switch]) -> None:
        """Show other states."""
        if list(switches) != self._switches:
            self._switches = list(switches)
            self._at = self._near(min(self._at, len(self._switches) - 1), -1)
            self._reveal()
            self.redraw()

    def set_columns(self, width: int, freely: bool) -> int:
        """Lay the switches out in a pane of a width, `freely` in any number of columns; how many rows they take."""
        fit = max(1, (width - 2) // (max((len(item.text) for item in self._switches), default=0) + 2))
        columns = min(fit, len(self._switches)) if freely else min(fit, self._most_columns)
        if columns != self._columns:
            self._columns = columns
            self.redraw()
        return self.rows

    @property
    def names(self) -> list[str]:
        """The switches' names."""
        return [switch.name for switch in self._switches if not switch.heading]

    @property
    def chosen(self) -> str:
        """The name of the selected switch."""
        return self._switches[self._at].name

    @property
    def rows(self) -> int:
        """How many lines the switches take."""
        return -(-len(self._switches) // self._columns)

    def select(self, name: str) -> None:
        """Select a switch by its name; one that isn't listed changes nothing."""
        found = [at for at, switch in enumerate(self._switches) if switch.name == name and not switch.heading]
        if found:
            self._go(found[0])

    def select_next_off(self) -> None:
        """Select the next switch that is off and can be turned on, round the end."""
        count = len(self._switches)
        for distance in range(1, count + 1):
            switch = self._switches[(self._at + distance) % count]
            if not (switch.on or switch.value or switch.heading) and switch.possible:
                self._go((self._at + distance) % count)
                return

    def action_move(self, columns: int, rows: int) -> None:
        """To another switch; they run down the columns."""
        step = columns * self.rows + rows
        at = self._near(self._at + step, 1 if step > 0 else -1)
        if 0 <= at < len(self._switches):
            self._go(at)

    def action_edge(self, end: int) -> None:
        """To the first or last switch."""
        self._go(self._near(0, 1) if end == 0 else self._near(len(self._switches) - 1, -1))

    def _near(self, at: int, step: int) -> int:
        """The place, or the next one in a direction that is no heading."""
        while 0 <= at < len(self._switches) and self._switches[at].heading:
            at += step
        return at

    def _go(self, at: int) -> None:
        self._at = at
        self._reveal()
        self.redraw()

    def _reveal(self) -> None:
        """Bring the selected one into view, and a heading above it."""
        height, row = self.inner.height, self._at % self.rows
        if height:
            first = row - 1 if row and self._switches[self._at - 1].heading else row
            self._top = max(min(max(self._top, row - height + 1), first), 0)
            self._top = min(self._top, max(self.rows - height, 0))

    def action_flip(self) -> None:
        """Ask for the switch to be flipped."""
        self.post_message(self.Flipped(self, self._switches[self._at].name))

    def action_enter(self) -> None:
        """Change a value; on a switch the key is for what the last message offers."""
        if self._switches[self._at].value:
            self.action_flip()
        else:
            self.post_message(self.Entered())

    def on_click(self, event: events.Click) -> None:
        """Flip what is clicked."""
        row = event.y - 1 + self._top
        at = (event.x - 1) // self._column_width() * self.rows + row
        inside = 0 < event.y <= self.inner.height and row < self.rows
        if inside and 0 <= at < len(self._switches) and not self._switches[at].heading:
            self._go(at)
            self.action_flip()

    def on_mouse_scroll_down(self) -> None:
        """To the next switch."""
        self.action_move(0, 1)

    def on_mouse_scroll_up(self) -> None:
        """To the switch before."""
        self.action_move(0, -1)

    def resized(self) -> None:
        """Keep the selected one in view."""
        self._reveal()
        super().resized()

    @property
    def note(self) -> str:
        """How many rows there are above and below."""
        below = self.rows - self._top - self.inner.height
        words = [f"↑ {self._top}"] * (self._top > 0) + [f"↓ {below}"] * (below > 0)
        return " · ".join(words)

    def _column_width(self) -> int:
        return max(1, self.inner.width // self._columns)

    def inner_line(self, y: int) -> list[Segment]:
        """One line: a switch of each column."""
        row = y + self._top
        places = (column * self.rows + row for column in range(self._columns))
        return [self._segment(at) for at in places if row < self.rows and at < len(self._switches)]

    def _segment(self, at: int) -> Segment:
        switch, width = self._switches[at], self._column_width()
        style = self.palette.text if switch.possible and not switch.heading else self.palette.muted
        if switch.on and switch.possible:
            style = self.palette.strong
        if self.has_focus and at == self._at:
            style = style + self.palette.cursor
        return Segment(shortened(switch.text, width - 1).ljust(width), style)
