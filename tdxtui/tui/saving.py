"""Saving, exporting and leaving: the part of the screen that must never lose anything."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from tdxtui.errors import TdxtuiError
from tdxtui.on_disk import FileChanged
from tdxtui.strict import shown
from tdxtui.tui.autosave import AutosaveApp

CONFLICT = (("o", "overwrite"), ("a", "save as"), ("r", "reload"))


class SavingApp(AutosaveApp):
    """An app that can save its model, and asks before it leaves changes behind or writes over others' work."""

    _tiny: bool
    # What was typed for a file that could not be written.
    _refused_name = ""

    def action_save(self) -> None:
        """Save to the model's file, or ask for one."""
        if self.editor.path is None:
            self.action_save_as()
        else:
            self._save(self.editor.path)

    def action_save_as(self, leave: bool = False) -> None:
        """Ask for a file and save there."""
        name = self._refused_name or (self.editor.path.name if self.editor.path else f"{self.editor.model.name}.toml")
        from tdxtui.tui.dialogs import FileName

        self.push_screen(FileName("Save as", name), lambda name: self._save_as(name, leave))

    @property
    def document(self) -> str:
        """What the header calls the document."""
        return self.editor.path.name if self.editor.path else self.editor.model.name

    def _save_as(self, name: str | None, leave: bool) -> None:
        self._refused_name = name or ""
        self.with_path(name, lambda path: self._save(path, leave))

    def with_path(self, name: str | None, write: Callable[[Path], None]) -> None:
        """Write to a file of that name, after a question if there is one already."""
        if name is None:
            return
        if not self.may_write:
            self.say("read only: nothing is written", alarm=True)
            return
        try:
            path = Path(name).expanduser()
            taken = path.exists() and path != self.editor.path
        except (OSError, RuntimeError) as error:
            self.say_unsaved(f"{name}: can't be saved: {getattr(error, 'strerror', None) or error}")
            return
        if taken:
            from tdxtui.tui.dialogs import Question

            question = f"{path} exists. Its content would be kept as {path.name}.bak."
            ask = Question("Replace?", question, (("r", "replace"),))
            self.push_screen(ask, lambda key: write(path) if key == "r" else None)
        else:
            write(path)

    def _save(self, path: Path, leave: bool = False, over: bool = False) -> None:
        if self.editor.read_only and path == self.editor.path:
            self.say("read only: S saves to another file", alarm=True)
            return
        try:
            self.editor.save(path, over)
        except FileChanged as change:
            self._ask_about(path, str(change), leave)
        except TdxtuiError as error:
            self.say_unsaved(str(error))
        else:
            self._saved(path, leave)

    def _saved(self, path: Path, leave: bool) -> None:
        self._refused_name = ""
        self.show_settings()
        self.say(f"Saved {path}")
        if leave:
            self.exit()

    def _ask_about(self, path: Path, change: str, leave: bool) -> None:
        """Somebody else wrote the file: nobody's work is lost without a word."""
        from tdxtui.tui.dialogs import Question

        text = (f"{change} since it was read here.\n\noverwrite: its content is kept beside it as .bak\n"
                "save as: to another file\nreload: take what it has now; u brings your edits back\n")
        self.push_screen(Question("Changed on disk", text, CONFLICT), lambda key: self._decided(key, path, leave))

    def _decided(self, key: str | None, path: Path, leave: bool) -> None:
        if key == "o":
            self._save(path, leave, over=True)
        elif key == "a":
            self.action_save_as(leave)
        elif key == "r":
            try:
                self.show_outcome(self.editor.reload())
            except TdxtuiError as error:
                self.say_unsaved(f"Not reloaded: {error}")

    def say_unsaved(self, message: str) -> None:
        """The reason is at the end, so of a long message the middle is left out."""
        self.say(shown(message, self.size.width - 2), alarm=True)

    def action_leave(self) -> None:
        """Quit, after asking what to do with changes; without room to ask they are kept for another time."""
        if not self.editor.dirty or self.editor.read_only or self._tiny:
            self.exit()
            return
        from tdxtui.tui.dialogs import Question

        question = f"{self.document} has changes that are not saved."
        answers = (("s", "save and quit"), ("d", "discard them"))
        self.push_screen(Question("Quit?", question, answers), self._leave)

    def _leave(self, key: str | None) -> None:
        if key == "d":
            self.discards = True
            self.exit()
        elif key == "s" and self.editor.path is None:
            self.action_save_as(leave=True)
        elif key == "s" and self.editor.path is not None:
            self._save(self.editor.path, leave=True)
