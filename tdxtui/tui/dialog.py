"""What all dialogs are: a screen over the others that is left once."""

from __future__ import annotations

from textual.await_complete import AwaitComplete
from textual.screen import ModalScreen, ScreenResultType
from textual.widgets import OptionList


class Dialog(ModalScreen[ScreenResultType]):
    """A dialog. Two keys that come in one piece may both want to leave it: the first one does."""

    # Read with the first dialog: the first frame of the app needs none of it.
    CSS_PATH = "dialogs.tcss"

    def dismiss(self, result: ScreenResultType | None = None) -> AwaitComplete:
        """Leave with a result, unless it was left before."""
        return super().dismiss(result) if self.is_current else AwaitComplete()


class Options(OptionList):
    """A dialog's list. A key may come before it is laid out, or where no line of it has room: there is no page then."""

    def action_page_up(self) -> None:
        """A page up."""
        if self.scrollable_content_region:
            super().action_page_up()  # type: ignore[no-untyped-call]

    def action_page_down(self) -> None:
        """A page down."""
        if self.scrollable_content_region:
            super().action_page_down()  # type: ignore[no-untyped-call]
