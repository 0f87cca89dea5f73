"""Choosing another module or CPU, and making a change only after it was looked at."""

from __future__ import annotations

from collections.abc import Callable

from tdxtui import library
from tdxtui.cpuid import Field
from tdxtui.editor import Outcome
from tdxtui.errors import TdxtuiError
from tdxtui.evaluate import Situation
from tdxtui.refusal import Refusal
from tdxtui.tui.base import EditorApp

NO_PLATFORM = "", "none", "values that depend on the CPU are unknown"


def mark(present: bool) -> str:
    """What a list has before the choice that holds now."""
    return "▸" if present else " "


class ChoosingApp(EditorApp):
    """An app that asks before the ground changes, or more than was asked for."""

    def action_choose_module(self) -> None:
        """A list of the module versions."""
        present = self.editor.module.version
        lines = [
            (name, f"{mark(name == present)} {name:10} {self._about_module(name)}")
            for name in library.files("modules")
        ]
        from tdxtui.tui.dialogs import Chooser

        self.push_screen(Chooser("TDX module", lines, present), self._set_module)

    def _about_module(self, name: str) -> str:
        try:
            module = library.module(name)
        except TdxtuiError as error:
            return str(error)
        if self.editor.platform is None:
            return f"evidence: {module.evidence}"
        found = library.prepared(module, self.editor.platform)
        verdict = f"refuses this CPU: {found.because}" if isinstance(found, Refusal) else "takes this CPU"
        return f"evidence: {module.evidence:7}  {verdict}"

    def _set_module(self, version: str | None) -> None:
        if version is not None:
            self._switch(self.editor.set_module, version)

    def action_choose_platform(self) -> None:
        """A list of the platforms."""
        present = self.editor.platform.name if self.editor.platform else ""
        about = [*((name, name, _about_platform(name)) for name in library.files("platforms")), NO_PLATFORM]
        lines = [(value, f"{mark(value == present)} {name:18} {text}") for value, name, text in about]
        from tdxtui.tui.dialogs import Chooser

        self.push_screen(Chooser("CPU", lines, present), self._set_platform)

    def _set_platform(self, name: str | None) -> None:
        if name is not None:
            self._switch(self.editor.set_platform, name)

    def _switch(self, switch: Callable[[str], Outcome], name: str) -> None:
        try:
            outcome = switch(name)
        except TdxtuiError as error:
            self.say(str(error), alarm=True)
            return
        self.show_outcome(outcome)
        refusal = self.editor.situation.platform_refusal
        if refusal is not None:
            self.say(f"The module refuses this CPU: {refusal}", alarm=True)

    # -- cures --

    def ask_for(self, label: str, cure: Situation, asked: Field | None) -> None:
        """Show what a cure would change besides the bit that was asked for, and make it if the user wants it."""
        from tdxtui.tui.preview import Preview
        from tdxtui.tui.preview_text import Block, blocks, holders

        now = self.editor.situation
        held = [Block(f"{asked.key} is held by", holders(now, asked))] if asked is not None else []
        edits = Block("To be changed in the model", tuple(label.split(" + ")))
        rest = blocks(now, cure, asked, self.editor.preview(cure))
        self.push_screen(
            Preview([*held, edits, *rest], str(self.palette.conflict)),
            lambda wanted: self.show_outcome(self.editor.accept(label, cure)) if wanted else None,
        )


def _about_platform(name: str) -> str:
    try:
        return library.platform(name).title
    except TdxtuiError as error:
        return str(error)
