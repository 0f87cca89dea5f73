"""The last line while a search is typed."""

from __future__ import annotations

from collections.abc import Callable

from textual import events

from tdxtui.tui.lines import OneLine
from tdxtui.tui.palette import Palette

STEPS = {"down": 1, "ctrl+n": 1, "up": -1, "ctrl+p": -1}
# The second is what a terminal makes of the first that was pressed before the program had it.
ENTER = "enter", "ctrl+j"
MAX_LENGTH = 60


class SearchLine(OneLine):
    """While it is open, the app hands it every key: moving the focus here would cost more than a search.

    As in the grid, `typed`, `stepped` and `ended` are called at once, so that what they repaint is in the same frame.
    `ended` is told whether to stay where the search led.
    """

    def __init__(
        self, palette: Palette, typed: Callable[[str], None], stepped: Callable[[int], None],
        ended: Callable[[bool], None], id: str | None = None,
    ) -> None:
        super().__init__(palette, id)
        self._typed, self._stepped, self._ended = typed, stepped, ended
        self.text, self.is_open = "", False

    def open(self) -> None:
        """Take keys from now on."""
        self.text, self.is_open = "", True

    def close(self) -> None:
        """No more."""
        self.is_open = False

    def take(self, event: events.Event) -> bool:
        """Take an event of the terminal while open; whether nobody else is to have it. A click ends the search."""
        if isinstance(event, events.Key):
            self._take_key(event)
        elif isinstance(event, events.Paste):
            self._type(self.text + "".join(event.text.splitlines()[:1]).strip())
        elif isinstance(event, events.MouseDown):
            self._ended(True)
        return isinstance(event, events.Key | events.Paste)

    def _take_key(self, event: events.Key) -> None:
        if event.key in (*ENTER, "escape", "ctrl+c"):
            self._ended(event.key in ENTER)
        elif event.key in STEPS:
            self._stepped(STEPS[event.key])
        elif event.key == "backspace":
            self._rub_out()
        elif event.key == "ctrl+u":
            self._type("")
        elif event.is_printable and event.character:
            self._type(self.text + event.character)

    def _rub_out(self) -> None:
        if self.text:
            self._type(self.text[:-1])
        else:
            self._ended(False)

    def _type(self, text: str) -> None:
        self.text = text[:MAX_LENGTH]
        self._typed(self.text)
