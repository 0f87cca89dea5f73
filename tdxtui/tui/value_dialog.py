"""The dialog that asks for a value and says at once what is wrong with it."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.widgets import Input, Static

from tdxtui.tui.dialog import Dialog
from tdxtui.tui.lines import clean


class ValueDialog(Dialog[None]):
    """One line to type in. `take` gets what was typed and returns what is wrong with it, "" for nothing."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "dismiss(None)", "Back")]

    def __init__(self, title: str, now: str, expected: str, take: Callable[[str], str]) -> None:
        super().__init__()
        self._title, self._now, self._expected, self._take = title, now, expected, take

    def compose(self) -> ComposeResult:
        """The line, what is expected above it, what is wrong below."""
        with Vertical(classes="box question") as box:
            box.border_title = self._title
            box.border_subtitle = "Enter sets it, Esc goes back"
            yield Static(Text(clean(self._expected)))
            yield Input(self._now)
            yield Static(Text(""), id="wrong")

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Use it, or tell what is wrong."""
        wrong = self._take(event.value)
        if wrong:
            self.query_one("#wrong", Static).update(Text(clean(f"✗ {wrong}"), "bold"))
        else:
            self.dismiss(None)
