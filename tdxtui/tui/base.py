"""What the parts of the screen's app share."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

from textual.app import App

from tdxtui.editor import Editor, Outcome
from tdxtui.tui.palette import Palette


class EditorApp(App[None]):
    """An app that shows an editor; its parts call back what they need of the whole.

    Only a `whole` one is prepared by Textual: what that costs for each part would be seen at every start.
    """

    editor: Editor
    palette: Palette
    # False where a browser shows the screen to others: nothing on this machine's disk is written then.
    may_write = True

    def __init_subclass__(cls, whole: bool = False, **options: Any) -> None:
        if whole:
            super().__init_subclass__(**options)

    @abstractmethod
    def say(self, message: str, alarm: bool = False, offer: Outcome | None = None) -> None:
        """Show a line to the user; Enter then does what is offered."""

    @abstractmethod
    def foresee_soon(self) -> None:
        """A key is done: prepare for the next one."""

    @abstractmethod
    def show_settings(self) -> None:
        """Show the document's name and whether it is changed."""

    @abstractmethod
    def show_outcome(self, outcome: Outcome) -> None:
        """Show what an edit did, or why it did nothing."""

    @abstractmethod
    def show_all(self) -> None:
        """Show all panes again."""
