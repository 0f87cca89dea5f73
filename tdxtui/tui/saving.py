"""Saving and leaving: the part of the screen that must never lose anything."""

from __future__ import annotations

from abc import abstractmethod
from pathlib import Path

from textual.app import App

from tdxtui.editor import Editor
from tdxtui.errors import TdxtuiError
from tdxtui.strict import shown


class SavingApp(App[None]):
    """An app that shows an editor, can save its model, and asks before it leaves changes behind."""

    editor: Editor

    @abstractmethod
    def say(self, message: str, alarm: bool = False) -> None:
        """Show a line to the user."""

    @abstractmethod
    def show_settings(self) -> None:
        """Show the document's name and whether it is changed."""

    def action_save(self) -> None:
        """Save to the model's file, or ask for one."""
        if self.editor.path is None:
            self.action_save_as()
        else:
            self._save(self.editor.path)

    def action_save_as(self, leave: bool = False) -> None:
        """Ask for a file and save there."""
        name = self.editor.path.name if self.editor.path else f"{self.editor.model.name}.toml"
        from tdxtui.tui.dialogs import FileName

        self.push_screen(FileName("Save as", name), lambda name: self._save_as(name, leave))

    def _save_as(self, name: str | None, leave: bool) -> None:
        if name is None:
            return
        try:
            path = Path(name).expanduser()
            taken = path.exists() and path != self.editor.path
        except (OSError, RuntimeError) as error:
            self._say_unsaved(f"{name}: can't be saved: {getattr(error, 'strerror', None) or error}")
            return
        if taken:
            from tdxtui.tui.dialogs import Question

            question = f"{path} exists. Its content would be kept as {path.name}.bak."
            ask = Question("Replace?", question, (("r", "replace"),))
            self.push_screen(ask, lambda key: self._save(path, leave) if key == "r" else None)
        else:
            self._save(path, leave)

    def _save(self, path: Path, leave: bool = False) -> None:
        if self.editor.read_only and path == self.editor.path:
            self.say("read only: S saves to another file", alarm=True)
            return
        try:
            self.editor.save(path)
        except TdxtuiError as error:
            self._say_unsaved(str(error))
            return
        self.show_settings()
        self.say(f"Saved {path}")
        if leave:
            self.exit()

    def _say_unsaved(self, message: str) -> None:
        """The reason is at the end, so of a long message the middle is left out."""
        self.say(shown(message, self.size.width - 2), alarm=True)

    def action_leave(self) -> None:
        """Quit, after asking what to do with changes."""
        if not self.editor.dirty or self.editor.read_only:
            self.exit()
            return
        from tdxtui.tui.dialogs import Question

        question = f"{self.editor.model.name} has changes that are not saved."
        answers = (("s", "save and quit"), ("d", "discard them"))
        self.push_screen(Question("Quit?", question, answers), self._leave)

    def _leave(self, key: str | None) -> None:
        if key == "d":
            self.exit()
        elif key == "s" and self.editor.path is None:
            self.action_save_as(leave=True)
        elif key == "s" and self.editor.path is not None:
            self._save(self.editor.path, leave=True)
