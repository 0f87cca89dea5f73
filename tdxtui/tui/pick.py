"""The dialog that finds something by its words: a key, a command, a bit."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar

from rich.text import Text
from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.widgets import Input, OptionList
from textual.widgets.option_list import Option

from tdxtui.tui.dialog import Dialog, Options
from tdxtui.tui.hits import Hit
from tdxtui.tui.lines import clean

KEY_WIDTH, WIDTH, FRAME = 14, 92, 8
_MOVES = {
    "up": "cursor_up", "down": "cursor_down", "pageup": "page_up", "pagedown": "page_down",
    "ctrl+p": "cursor_up", "ctrl+n": "cursor_down",
}


class Pick(Dialog["Callable[[], None] | None"]):
    """A line to type in, and below it what fits; returns what the chosen line does, None for none.

    The title tells how many there are in `total`, where that is no matter of what is typed.
    """

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "dismiss(None)", "Back")]

    def __init__(self, title: str, ask: str, find: Callable[[str], Sequence[Hit]], total: int = 0) -> None:
        super().__init__()
        self._title, self._ask, self._find, self._total = title, ask, find, total
        self._hits: Sequence[Hit] = ()
        self._lines: list[Option] = []

    def compose(self) -> ComposeResult:
        """The line and the list in a box."""
        with Vertical(classes="box pick") as box:
            box.border_title = self._title
            box.border_subtitle = "↑ ↓ choose, Enter does it, Esc: back"
            yield Input(placeholder=self._ask)
            yield Options()

    def on_mount(self) -> None:
        """Everything, or what is wanted most."""
        self.query_one(OptionList).can_focus = False
        self._fill("")

    def on_input_changed(self, event: Input.Changed) -> None:
        """Other words."""
        self._fill(event.value)

    def _fill(self, text: str) -> None:
        self._hits = self._find(text.strip().lower())
        options = self.query_one(OptionList)
        width = min(WIDTH, self.app.size.width * 96 // 100) - FRAME
        self._lines = [Option(_line(hit, width)) for hit in self._hits]
        options.set_options(self._lines or [Option("nothing fits", disabled=True)])
        options.highlighted = 0 if self._hits else None
        if self._total:
            count = len(self._hits)
            told = f"{self._total}" if count == self._total else f"{count} of {self._total}"
            self.query_one(Vertical).border_title = f"{self._title}: {told}"

    def on_key(self, event: events.Key) -> None:
        """The arrows move in the list while one types."""
        if event.key in _MOVES:
            event.stop()
            event.prevent_default()
            getattr(self.query_one(OptionList), f"action_{_MOVES[event.key]}")()

    def on_input_submitted(self) -> None:
        """Return what the line under the cursor does."""
        at = self.query_one(OptionList).highlighted
        if at is not None and self._hits:
            self.dismiss(self._hits[at].run)

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """A click; one on a line that a key has taken away meanwhile does nothing."""
        if event.option in self._lines:
            self.dismiss(self._hits[self._lines.index(event.option)].run)


def _line(hit: Hit, width: int) -> Text:
    line = Text(f"{hit.word:{KEY_WIDTH}} ", "bold")
    line.append(clean(hit.text), "not bold")
    if hit.where:
        line.append(f"  {hit.where}", "not bold italic")
    line.truncate(width, overflow="ellipsis")
    return line
