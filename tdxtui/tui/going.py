"""Go to a bit, field, register or leaf by its notation or by any tool's name, typed after a colon."""

from __future__ import annotations

import re
from typing import ClassVar

from textual.binding import Binding, BindingType

from tdxtui import catalog
from tdxtui.cpuid import Field, Leaf, Register
from tdxtui.naming import field_name
from tdxtui.tui.jumps import first_bit
from tdxtui.tui.searching import SearchingApp

ASK = "a notation or a name: 7.0.ebx.16, CPUID.(EAX=07H,ECX=0):EBX[16], 4.2, avx512f; Enter goes there"
# Kept as text: re compiles it when it is first needed.
_SDM_LEAF = r"CPUID\.(?:\(EAX=)?(?:0x)?([0-9A-F]+)H?(?:,\s*ECX=(?:0x)?([0-9A-F]+)H?)?\)?"


class GoingApp(SearchingApp):
    """An app with a line to type a place in. It borrows the line of the search."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("colon", "go", "Go to a bit by notation or name"),
    ]

    def __init__(self, ansi_color: bool = False) -> None:
        super().__init__(ansi_color=ansi_color)
        self._goes = False

    def action_go(self) -> None:
        """Type where to go."""
        if self._status.display:
            self._goes = True
            self._status.open()
            self.show_message()

    def search_typed(self, text: str) -> None:
        """A place is looked up only once it is typed in full."""
        if self._goes:
            self.show_message()
        else:
            super().search_typed(text)

    def search_stepped(self, step: int) -> None:
        """There is but one such place."""
        if not self._goes:
            super().search_stepped(step)

    def search_ended(self, stay: bool) -> None:
        """Go there, or say what comes near."""
        if not self._goes:
            super().search_ended(stay)
            return
        self._goes = False
        text = self._status.text.strip()
        self._status.close()
        self.say("")
        if stay and text:
            self.go_to_text(text)

    def go_to_text(self, text: str) -> None:
        """Go to what a text means."""
        try:
            field = place_of(text)
        except ValueError as error:
            self.say(str(error), alarm=True)
            return
        here = self.editor.module.entry_field(field)
        if here is None:
            self.say(f"module {self.editor.module.version} has no {field.leaf.sdm}", alarm=True)
            return
        self.mark()
        self._grid.go_to(first_bit(here))
        self.show_pane("grid")
        whole = here.width == 32
        self.say(f"{here.key}{'' if whole else f' {field_name(here)}'}  ctrl+o goes back")

    @property
    def prompt(self) -> str:
        """What has been typed, as it is shown with the cursor."""
        return f":{self._status.text}▏" if self._goes else super().prompt

    @property
    def search_words(self) -> str:
        """What may be typed."""
        return ASK if self._goes else super().search_words


def place_of(text: str) -> Field:
    """The field, register or leaf that a text means. Raises ValueError saying what comes near."""
    leaf = _leaf(text.strip())
    return Field(leaf, Register.EAX, 31, 0) if leaf is not None else catalog.find(text)


def _leaf(text: str) -> Leaf | None:
    """A leaf alone, in either notation."""
    match = re.fullmatch(_SDM_LEAF, text, re.IGNORECASE)
    key = text.rstrip("hH") if match is None else ".".join(part for part in match.groups() if part)
    try:
        return Leaf.parse(key)
    except ValueError:
        return None
