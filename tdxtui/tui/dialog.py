"""What all dialogs are: a screen over the others that is left once."""

from __future__ import annotations

from textual.await_complete import AwaitComplete
from textual.screen import ModalScreen, ScreenResultType


class Dialog(ModalScreen[ScreenResultType]):
    """A dialog. Two keys that come in one piece may both want to leave it: the first one does."""

    def dismiss(self, result: ScreenResultType | None = None) -> AwaitComplete:
        """Leave with a result, unless it was left before."""
        return super().dismiss(result) if self.is_current else AwaitComplete()
