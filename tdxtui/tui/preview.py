"""The dialog that shows what a change would do before it is made."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from rich.console import Group
from rich.padding import Padding
from rich.table import Table
from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.widgets import Static

from tdxtui.tui.dialog import Dialog
from tdxtui.tui.lines import clean
from tdxtui.tui.preview_text import Block

INDENT = (0, 0, 0, 2)


class Preview(Dialog[bool]):
    """What would be done; returns whether to do it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "dismiss(True)", "Make the change"),
        Binding("escape,q", "dismiss(False)", "Back"),
    ]

    def __init__(self, blocks: Sequence[Block], alarm_style: str) -> None:
        super().__init__()
        self._blocks, self._alarm_style = blocks, alarm_style

    def compose(self) -> ComposeResult:
        """Everything in a box that scrolls."""
        with VerticalScroll(classes="box preview") as box:
            box.border_title = "Make this change?"
            box.border_subtitle = "Enter makes it, Esc leaves all as it is"
            yield Static(Group(*(self._drawn(block) for block in self._blocks)))

    def _drawn(self, block: Block) -> Group:
        lines = Table.grid(padding=(0, 2, 0, 0))
        for line in block.lines:
            lines.add_row(*(Text(clean(part)) for part in ((line,) if isinstance(line, str) else line)))
        title = Text(clean(block.title), self._alarm_style if block.alarm else "bold")
        return Group(title, *[Padding(lines, INDENT)] * bool(block.lines))
