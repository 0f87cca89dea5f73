"""The list of all edits, to go back or forth to any point."""

from __future__ import annotations

from tdxtui.tui.base import EditorApp


class PastApp(EditorApp):
    """An app that lists its edits."""

    def action_history(self) -> None:
        """Choose a point in the list of edits."""
        labels, now = self.editor.history
        if not labels:
            self.say("There are no edits yet")
            return
        lines = ["as it was opened", *labels]
        choices = [(str(at), _line(at, text, now, self.editor.saved_at)) for at, text in enumerate(lines)]
        from tdxtui.tui.dialogs import Chooser

        count = f"{len(labels)} edit{'s' * (len(labels) != 1)}"
        self.push_screen(Chooser(f"History: {count}", choices, str(now), "Enter goes there"), self._go_to)

    def _go_to(self, at: str | None) -> None:
        if at is not None and int(at) != self.editor.history[1]:
            self.show_outcome(self.editor.go_to(int(at)))


def _line(at: int, label: str, now: int, saved: int) -> str:
    mark = "▸" if at == now else " "
    notes = ["saved"] * (at == saved) + ["taken back"] * (at > now)
    return f"{mark} {at:3}  {label}" + (f"  ({', '.join(notes)})" if notes else "")
