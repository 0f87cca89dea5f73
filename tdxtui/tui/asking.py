"""Questions to the engine on the screen: findings, the nearest legal model, VMM layers, a second module."""

from __future__ import annotations

from collections.abc import Iterator

from tdxtui import library
from tdxtui.tui.comparing import ComparingApp
from tdxtui.tui.findings import FindingsApp
from tdxtui.tui.helping import HelpingApp
from tdxtui.tui.hits import Hit
from tdxtui.tui.nearest import NearestApp


class AskingApp(FindingsApp, NearestApp, ComparingApp, HelpingApp):
    """An app that answers them all."""

    def _grounds(self) -> Iterator[Hit]:
        """What else the model may be held against, by name."""
        yield from super()._grounds()
        for name in library.files("vmm"):
            kind, _, version = name.partition("-")
            text = f"{kind.upper()} {version}"
            yield Hit("", f"VMM layer {text}", "on or off", lambda name=name: self._layer_chosen(name))  # type: ignore[misc]
        for name in library.files("modules"):
            if name != self.editor.module.version:
                yield Hit("", f"differences to module {name}", "", lambda name=name: self._module_chosen(name))  # type: ignore[misc]
