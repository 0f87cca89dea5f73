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
from tdxtui.exported import Conflicting
from tdxtui.tui.dialog import Dialog, Options
from tdxtui.tui.lines import clean, shortened
from tdxtui.tui.palette import Palette

if TYPE_CHECKING:
    from tdxtui.exporters import Export
    from tdxtui.tui.exporting import Format

ROW = 16
NAME_WIDTH = 16
WIDTH, FRAME = 100, 8
NEVERTHELESS = "n exports it nevertheless; where the format has room, it then says NOT VALIDATED."


class ExportPreview(Dialog["tuple[Format, bytes] | None"]):
    """The formats, and the content of the chosen one, which scrolls; returns format and content, None for none."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q", "dismiss(None)", "Back"),
        Binding("enter", "write", "Write it to a file", priority=True),
        Binding("tab", "next", "Next format", priority=True),
        Binding("shift+tab", "next(-1)", "Previous format", priority=True),
        Binding("n", "allow", "Export it nevertheless"),
    ]

    def __init__(self, formats: Sequence[Format], palette: Palette) -> None:
        super().__init__()
        self._formats, self._palette = formats, palette
        self._at, self._content, self._allows = 0, b"", False

    def compose(self) -> ComposeResult:
        """The list, and the text."""
        with Vertical(classes="box export"):
            width = min(WIDTH, self.app.size.width * 96 // 100) - FRAME
            lines = (shortened(f"{item.name:{NAME_WIDTH}} {item.title}", width) for item in self._formats)
            yield Options(*(Option(Text(line)) for line in lines), classes="formats")
            with VerticalScroll(classes="text"):
                yield Static()

    def on_mount(self) -> None:
        """Show the first format; the arrows scroll its text."""
        self.query_one(VerticalScroll).focus()
        self._show()

    def _show(self) -> None:
        chosen = self._formats[self._at]
        try:
            made = chosen.make(self._allows)
            self._content, shown, size = made.data, self._drawn(made), _size(made)
        except Conflicting as error:
            self._content, size = b"", ""
            lines = ["Not exported, since it does not come out as wished:", *error.problems, "", NEVERTHELESS]
            shown = Text("\n".join(map(clean, lines)), self._palette.conflict)
        except TdxtuiError as error:
            self._content, size = b"", ""
            shown = Text(f"Not exported: {clean(str(error))}", self._palette.conflict)
        self.query_one(Static).update(shown)
        self.query_one(VerticalScroll).scroll_home(animate=False)
        keys = "Enter writes it, " if self._content else ""
        box = self.query_one(".export", Vertical)
        box.border_title = f"Export: {chosen.name}{size}"
        box.border_subtitle = f"{keys}Tab: next format, arrows scroll, Esc goes back"

    def _drawn(self, made: Export) -> Text:
        """The content below what it can't say."""
        lost = "".join(f"Lost in this format: {clean(line)}\n" for line in made.losses)
        text = Text(f"{lost}\n" if lost else "", self._palette.conflict)
        lines = made.content.splitlines() if isinstance(made.content, str) else _dump(made.content)
        return text.append("\n".join(map(clean, lines)), self._palette.text)

    def action_next(self, step: int = 1) -> None:
        """Another format."""
        self._at = (self._at + step) % len(self._formats)
        self.query_one(OptionList).highlighted = self._at
        self._show()

    def on_option_list_option_highlighted(self, event: OptionList.OptionHighlighted) -> None:
        """The list was moved in; what tells of a place before the present one comes late."""
        if event.option_list.highlighted == event.option_index != self._at:
            self._at = event.option_index
            self._show()

    def action_allow(self) -> None:
        """Write a model that doesn't come out as wished, too."""
        self._allows = True
        self._show()

    def action_write(self) -> None:
        """Return format and content."""
        if self._content:
            self.dismiss((self._formats[self._at], self._content))


def _size(made: Export) -> str:
    content = made.content
    return f", {len(content.splitlines())} lines" if isinstance(content, str) else f", {len(content)} bytes"


def _dump(data: bytes) -> list[str]:
    """Bytes as hexdump -C shows them."""
    rows = ((at, data[at : at + ROW]) for at in range(0, len(data), ROW))
    return [f"{at:08x}  {row[:8].hex(' '):23}  {row[8:].hex(' '):23}  |{_printable(row)}|" for at, row in rows]


def _printable(row: bytes) -> str:
    return "".join(chr(byte) if 32 <= byte < 127 else "." for byte in row)
