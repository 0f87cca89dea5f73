"""A pane of on/off switches: the components of XFAM, or the bits of ATTRIBUTES."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from rich.segment import Segment
from textual import events
from textual.binding import Binding, BindingType
from textual.message import Message

from tdxtui.editor import Editor
from tdxtui.td import ATTRIBUTES, XFAM, XFAM_COMPONENTS, XFAM_GROUPS
from tdxtui.tui.fast import Framed
from tdxtui.tui.palette import Palette

ON, OFF = "■", "□"
LISTED_XFAM = tuple(XFAM_GROUPS) + tuple(
    name for name, mask in XFAM_COMPONENTS.items() if not any(mask & group for group in XFAM_GROUPS.values())
)


@dataclass(frozen=True)
class Switch:
    """A named bit: whether it is on, and whether this module and platform let it change."""

    name: str
    on: bool
    possible: bool


def xfam_switches(editor: Editor) -> list[Switch]:
    """The components of XFAM that the module knows or the model has."""
    allowed, xfam = editor.situation.td.prepared.xfam_allowed, editor.model.xfam
    order = sorted(LISTED_XFAM, key=lambda name: XFAM[name] & -XFAM[name])
    names = [name for name in order if XFAM[name] & (editor.module.xfam.allowed | xfam)]
    return [Switch(name, xfam & XFAM[name] == XFAM[name], not XFAM[name] & ~allowed) for name in names]


def attribute_switches(editor: Editor) -> list[Switch]:
    """The bits of ATTRIBUTES that the module knows or the model has."""
    allowed, value = editor.situation.td.prepared.attributes_allowed, editor.model.attributes
    names = [name for name, mask in ATTRIBUTES.items() if mask & (editor.module.attributes.allowed | value)]
    return [Switch(name, bool(value & ATTRIBUTES[name]), bool(ATTRIBUTES[name] & allowed)) for name in names]


class SwitchPane(Framed, can_focus=True, inherit_bindings=False):
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

    def __init__(
        self, title: str, columns: int, switches: Sequence[Switch], palette: Palette, id: str | None = None
    ) -> None:
        super().__init__(title, palette, id)
        self._columns = columns
        self._switches = list(switches)
        self._at = 0

    def show(self, switches: Sequence[Switch]) -> None:
        """Show other states."""
        if list(switches) != self._switches:
            self._switches = list(switches)
            self._at = min(self._at, len(self._switches) - 1)
            self.redraw()

    @property
    def names(self) -> list[str]:
        """The switches' names."""
        return [switch.name for switch in self._switches]

    @property
    def rows(self) -> int:
        """How many lines the switches take."""
        return -(-len(self._switches) // self._columns)

    def select(self, name: str) -> None:
        """Select a switch by its name; one that isn't listed changes nothing."""
        if name in self.names:
            self._at = self.names.index(name)
            self.redraw()

    def action_move(self, columns: int, rows: int) -> None:
        """To another switch; they run down the columns."""
        at = self._at + columns * self.rows + rows
        if 0 <= at < len(self._switches):
            self._at = at
            self.redraw()

    def action_flip(self) -> None:
        """Ask for the switch to be flipped."""
        self.post_message(self.Flipped(self, self._switches[self._at].name))

    def on_click(self, event: events.Click) -> None:
        """Flip what is clicked."""
        at = (event.x - 1) // self._column_width() * self.rows + event.y - 1
        if 0 < event.y <= self.rows and 0 <= at < len(self._switches):
            self._at = at
            self.redraw()
            self.action_flip()

    def _column_width(self) -> int:
        return max(1, self.inner.width // self._columns)

    def inner_line(self, y: int) -> list[Segment]:
        """One line: a switch of each column."""
        places = (column * self.rows + y for column in range(self._columns))
        return [self._segment(at) for at in places if y < self.rows and at < len(self._switches)]

    def _segment(self, at: int) -> Segment:
        switch, width = self._switches[at], self._column_width()
        style = self.palette.text if switch.possible else self.palette.muted
        if switch.on and switch.possible:
            style = self.palette.strong
        if self.has_focus and at == self._at:
            style = style + self.palette.cursor
        mark = ON if switch.on else OFF if switch.possible else "·"
        return Segment(f"{mark} {switch.name}"[: width - 1].ljust(width), style)
