"""The dialogs: choose from a list, answer a question, type a file's name, read the help."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Sequence
from typing import ClassVar

from rich.text import Text
from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.widgets import Input, OptionList, Static
from textual.widgets.option_list import Option

from tdxtui.tui.dialog import Dialog, Options
from tdxtui.tui.lines import clean

BOX, FRAME = 84, 6
# Of the window's height for a list, as dialogs.tcss has it.
MOST_PERCENT = 70


def hanging(line: str, width: int) -> str:
    """A line of two columns, wrapped to a width with its further lines below the second one."""
    line = clean(line)
    columns = re.match(r"([■□▸ ] )?(\S+ {2,})?", line)
    indent = columns.end() if columns else 0
    indent = indent if indent < width // 2 else 2
    return "\n".join(textwrap.wrap(line, width, subsequent_indent=" " * indent, break_on_hyphens=False)) or line


class Chooser(Dialog[str | None]):
    """A list of (value, line); returns the chosen value, None for none."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,q", "dismiss(None)", "Back")]

    def __init__(
        self, title: str, choices: Sequence[tuple[str, str]], present: str, verb: str = "Enter chooses"
    ) -> None:
        super().__init__()
        self._title, self._choices, self._present, self._verb = title, choices, present, verb

    def compose(self) -> ComposeResult:
        """The list in a box."""
        with Vertical(classes="box") as box:
            box.border_title = self._title
            box.border_subtitle = f"{self._verb}, Esc goes back"
            yield Options(*(Option(text) for text in self._texts()))

    def _texts(self) -> list[Text]:
        """The choices, long ones wrapped below their second column; where they need one, beside a scroll bar."""
        size = self.app.size
        width = max(min(BOX, size.width * 96 // 100) - FRAME, 8)
        lines = [hanging(line, width) for _, line in self._choices]
        if sum(line.count("\n") + 1 for line in lines) > size.height * MOST_PERCENT // 100:
            lines = [hanging(line, width - 1) for _, line in self._choices]
        return [Text(line) for line in lines]

    def on_resize(self) -> None:
        """Wrap for another width."""
        options = self.query_one(OptionList)
        for number, text in enumerate(self._texts()):
            options.replace_option_prompt_at_index(number, text)

    def on_mount(self) -> None:
        """Begin at the present choice."""
        values = [value for value, _ in self._choices]
        self.query_one(OptionList).highlighted = values.index(self._present) if self._present in values else 0

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Return the choice."""
        self.dismiss(self._choices[event.option_index][0])


class Question(Dialog[str]):
    """A question with answers by key; returns the key, "escape" for none, which is called `back`."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "dismiss('escape')", "Back")]

    def __init__(self, title: str, text: str, answers: Sequence[tuple[str, str]], back: str = "back") -> None:
        super().__init__()
        self._title, self._text, self._answers, self._back = title, text, answers, back

    def compose(self) -> ComposeResult:
        """The question in a box, the answers below."""
        with Vertical(classes="box question") as box:
            box.border_title = self._title
            with VerticalScroll():
                yield Static(Text("\n".join(clean(line) for line in self._text.split("\n"))))
            yield Static(Text("   ".join(f"[{key}] {what}" for key, what in (*self._answers, ("Esc", self._back)))))

    def on_key(self, event: events.Key) -> None:
        """Take an answer's key, which then is nobody else's."""
        if event.key in [answer for answer, _ in self._answers]:
            event.stop()
            event.prevent_default()
            self.dismiss(event.key)


class FileName(Dialog[str | None]):
    """Ask for a file's name; returns it, None for none."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "dismiss(None)", "Back")]

    def __init__(self, title: str, suggestion: str, verb: str = "saves") -> None:
        super().__init__()
        self._title, self._suggestion, self._verb = title, suggestion, verb

    def compose(self) -> ComposeResult:
        """One line to type in."""
        with Vertical(classes="box question") as box:
            box.border_title = self._title
            box.border_subtitle = f"Enter {self._verb}, Esc goes back"
            yield Input(self._suggestion)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Return what was typed, if anything was."""
        if name := event.value.strip():
            self.dismiss(name)
        else:
            self.query_one(Vertical).border_subtitle = f"A name {self._verb}; Esc goes back"


class Help(Dialog[None]):
    """Text to read; any of Esc, q, ? closes it."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,q,question_mark,enter", "dismiss(None)", "Back")]

    def __init__(self, title: str, text: Text) -> None:
        super().__init__()
        self._title, self._text = title, text

    def compose(self) -> ComposeResult:
        """The text in a box."""
        with VerticalScroll(classes="box help") as box:
            box.border_title = self._title
            box.border_subtitle = "Esc goes back"
            yield Static(self._text)
