"""The dialog that shows what an export would write."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from tdxtui.errors import TdxtuiError
from tdxtui.model import VcpuModel
from tdxtui.tui.dialog import Dialog
from tdxtui.tui.lines import clean

if TYPE_CHECKING:
    from tdxtui.tui.exporting import Format

ROW = 16


class ExportPreview(Dialog["tuple[Format, bytes] | None"]):
    """The formats, and the content of the chosen one, which scrolls; returns format and content, None for none."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q", "dismiss(None)", "Back"),
        Binding("enter", "write", "Write it to a file", priority=True),
        Binding("tab", "next", "Next format", priority=True),
        Binding("shift+tab", "next(-1)", "Previous format", priority=True),
    ]

    def __init__(self, formats: Sequence[Format], model: VcpuModel, alarm_style: str) -> None:
        super().__init__()
        self._formats, self._model, self._alarm_style = formats, model, alarm_style
        self._at, self._content = 0, b""

    def compose(self) -> ComposeResult:
        """A list where there is a choice, and the text."""
        with Vertical(classes="box export") as box:
            box.border_title = "Export"
            if len(self._formats) > 1:
                yield OptionList(*(Option(Text(clean(item.name))) for item in self._formats), classes="formats")
            with VerticalScroll(classes="text"):
                yield Static()

    def on_mount(self) -> None:
        """Show the first format; the arrows scroll its text."""
        self.query_one(VerticalScroll).focus()
        self._show()

    def _show(self) -> None:
        chosen = self._formats[self._at]
        try:
            made = chosen.make(self._model)
            self._content = made.encode() if isinstance(made, str) else made
            lines = [clean(line) for line in made.splitlines()] if isinstance(made, str) else _dump(made)
            size = f", {len(lines)} lines" if isinstance(made, str) else f", {len(made)} bytes"
            shown = Text("\n".join(lines))
        except TdxtuiError as error:
            self._content, size = b"", ""
            shown = Text(f"Not exported: {clean(str(error))}", self._alarm_style)
        self.query_one(Static).update(shown)
        self.query_one(VerticalScroll).scroll_home(animate=False)
        keys = "Enter writes it, " if self._content else ""
        choice = "Tab: next format, " if len(self._formats) > 1 else ""
        box = self.query_one(".export", Vertical)
        box.border_title = f"Export: {chosen.name}{size}"
        box.border_subtitle = f"{keys}{choice}arrows scroll, Esc goes back"

    def action_next(self, step: int = 1) -> None:
        """Another format."""
        self._at = (self._at + step) % len(self._formats)
        for choice in self.query(OptionList):
            choice.highlighted = self._at
        self._show()

    def on_option_list_option_highlighted(self, event: OptionList.OptionHighlighted) -> None:
        """The list was moved in."""
        if event.option_index != self._at:
            self._at = event.option_index
            self._show()

    def action_write(self) -> None:
        """Return format and content."""
        if self._content:
            self.dismiss((self._formats[self._at], self._content))


def _dump(data: bytes) -> list[str]:
    """Bytes as hexdump -C shows them."""
    rows = ((at, data[at : at + ROW]) for at in range(0, len(data), ROW))
    return [f"{at:08x}  {row[:8].hex(' '):23}  {row[8:].hex(' '):23}  |{_printable(row)}|" for at, row in rows]


def _printable(row: bytes) -> str:
    return "".join(chr(byte) if 32 <= byte < 127 else "." for byte in row)
