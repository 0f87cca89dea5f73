"""Exporting: every format with a look at its text before a file is written."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from tdxtui.errors import TdxtuiError
from tdxtui.model import VcpuModel
from tdxtui.tui.saving import SavingApp


class Format(NamedTuple):
    """A way to write a model: its name for the list, the end of its file's name, and what makes the content.

    `make` gives text, or bytes for a binary format; it raises TdxtuiError where the model can't be written so.
    """

    name: str
    suffix: str
    make: Callable[[VcpuModel], str | bytes]


def _validated(model: VcpuModel) -> str:
    from tdxtui import exported

    return exported.exported(model)


# Further formats are added here; the dialog shows a list as soon as there are two.
FORMATS: list[Format] = [Format("tdxtui model with what was validated", "validated.toml", _validated)]


class ExportingApp(SavingApp):
    """An app that shows an export before it is written."""

    def action_export(self) -> None:
        """Look at what would be exported, then write it."""
        from tdxtui.tui.export_preview import ExportPreview

        model = self.editor.model_here()
        self.push_screen(ExportPreview(FORMATS, model, str(self.palette.conflict)), self._export_chosen)

    def _export_chosen(self, chosen: tuple[Format, bytes] | None) -> None:
        if chosen is None:
            return
        found, content = chosen
        stem = self.editor.path.stem if self.editor.path else self.editor.model.name
        from tdxtui.tui.dialogs import FileName

        ask = FileName(f"Export {found.name} to", f"{stem}.{found.suffix}", "exports")
        self.push_screen(ask, lambda name: self.with_path(name, lambda path: self._export(path, content)))

    def _export(self, path: Path, content: bytes) -> None:
        if path == self.editor.path:
            self.say(f"{path} is the model itself; export to another file", alarm=True)
            return
        from tdxtui.model_file import write_atomically

        try:
            write_atomically(path, content)
        except TdxtuiError as error:
            self.say_unsaved(str(error))
        else:
            self.say(f"Exported to {path}")
