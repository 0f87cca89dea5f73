"""The dialog that shows what an export would write."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from tdxtui.errors import TdxtuiError
from tdxtui.model import VcpuModel
from tdxtui.tui.lines import clean

if TYPE_CHECKING:
    from tdxtui.tui.exporting import Format


class ExportPreview(ModalScreen["tuple[Format, str] | None"]):
    """The formats, and the text of the chosen one, which scrolls; returns format and text, None for none."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q", "dismiss(None)", "Back"),
        Binding("enter", "write", "Write it to a file", priority=True),
        Binding("tab", "next", "Next format", priority=True),
        Binding("shift+tab", "next(-1)", "Previous format", priority=True),
    ]

    def __init__(self, formats: Sequence[Format], model: VcpuModel, alarm_style: str) -> None:
        super().__init__()
        self._formats, self._model, self._alarm_style = formats, model, alarm_style
        self._at, self._text = 0, ""

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
            self._text = chosen.text(self._model)
            shown = Text("\n".join(clean(line) for line in self._text.splitlines()))
        except TdxtuiError as error:
            self._text = ""
            shown = Text(f"Not exported: {clean(str(error))}", self._alarm_style)
        self.query_one(Static).update(shown)
        self.query_one(VerticalScroll).scroll_home(animate=False)
        lines = f"{len(self._text.splitlines())} lines"
        keys = "Enter writes it, " if self._text else ""
        choice = "Tab: next format, " if len(self._formats) > 1 else ""
        box = self.query_one(".export", Vertical)
        box.border_title = f"Export: {chosen.name}" + (f", {lines}" if self._text else "")
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
        """Return format and text."""
        if self._text:
            self.dismiss((self._formats[self._at], self._text))
