"""Saving, exporting and leaving: the part of the screen that must never lose anything."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from tdxtui.errors import TdxtuiError
from tdxtui.strict import shown
from tdxtui.tui.base import EditorApp


class SavingApp(EditorApp):
    """An app that can save its model, export it, and asks before it leaves changes behind."""

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
        self._with_path(name, lambda path: self._save(path, leave))

    def _with_path(self, name: str | None, write: Callable[[Path], None]) -> None:
        """Write to a file of that name, after a question if there is one already."""
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
            self.push_screen(ask, lambda key: write(path) if key == "r" else None)
        else:
            write(path)

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

    def action_export(self) -> None:
        """Write the model to a file with all that comes of it, if it comes out as wished."""
        from tdxtui import exported
        from tdxtui.tui.dialogs import FileName

        try:
            text = exported.exported(self.editor.model_here())
        except TdxtuiError as error:
            self._say_unsaved(f"Not exported: {error}")
            return
        stem = self.editor.path.stem if self.editor.path else self.editor.model.name
        ask = FileName("Export with what was validated to", f"{stem}.validated.toml", "exports")
        self.push_screen(ask, lambda name: self._with_path(name, lambda path: self._export(path, text)))

    def _export(self, path: Path, text: str) -> None:
        if path == self.editor.path:
            self.say(f"{path} is the model itself; export to another file", alarm=True)
            return
        from tdxtui.model_file import write_atomically

        try:
            write_atomically(path, text.encode())
        except TdxtuiError as error:
            self._say_unsaved(str(error))
        else:
            self.say(f"Exported to {path}")

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
