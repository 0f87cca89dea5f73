"""Exporting: every format with a look at its text before a file is written."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from tdxtui.errors import TdxtuiError
from tdxtui.tui.layering import LayeringApp
from tdxtui.tui.saving import SavingApp

if TYPE_CHECKING:
    from tdxtui.evaluate import Situation
    from tdxtui.exporters import Export, Options
    from tdxtui.vmm_layer import VmmLayer


class Format(NamedTuple):
    """A way to write what is open: its name, what it is, the end of its file's name, and what makes the content.

    `make` is told whether a model that doesn't come out as wished may be written all the same; it raises TdxtuiError
    where nothing can be written.
    """

    name: str
    title: str
    suffix: str
    make: Callable[[bool], Export]


def formats(situation: Situation, layers: tuple[VmmLayer, ...]) -> list[Format]:
    """All formats, for a model in its situation, those that are made of its module alone among them.

    The VMM layers say which QEMU and KVM an export is for; without one it is for the newest.
    """
    from tdxtui import exporters, vmm

    versions = {layer.kind: layer.version for layer in layers if layer.version in vmm.versions(layer.kind)}
    found = []
    for name, item in exporters.FORMATS.items():
        asked = {kind: version for kind, version in versions.items() if kind in item.options}
        make = partial(_of_module, situation, name) if item.of_module else partial(_of_model, situation, name, asked)
        found.append(Format(name, item.title, _suffix(name, item.suffix), make))
    return found


def _of_module(situation: Situation, name: str, _: bool) -> Export:
    from tdxtui import exporters

    return exporters.export_module(situation.module, name)


def _of_model(situation: Situation, name: str, asked: dict[str, str], allow: bool) -> Export:
    from tdxtui import exporters

    options: Options = exporters.Options(asked.get("qemu"), asked.get("kvm"), allow_conflicts=allow)
    return exporters.export(situation, name, options)


def _suffix(name: str, suffix: str) -> str:
    """The end of a file's name, which tells formats with one suffix apart, and an export from the model itself."""
    if name == suffix == "toml":
        return "validated.toml"
    return suffix if name == suffix else f"{name}.{suffix}"


class ExportingApp(SavingApp, LayeringApp):
    """An app that shows an export before it is written."""

    def action_export(self) -> None:
        """Look at what would be exported, then write it."""
        from tdxtui.tui.export_preview import ExportPreview

        found = formats(self.editor.situation, self.layers)
        self.push_screen(ExportPreview(found, self.palette), self._export_chosen)

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
