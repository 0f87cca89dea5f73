"""Help: all keys to search in, the pane in focus explained, and everything there is to do by its name."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import chain, islice

from textual.widget import Widget

from tdxtui import library
from tdxtui.cpuid import Field
from tdxtui.naming import field_name, sentence
from tdxtui.tui import palette
from tdxtui.tui.choosing import ChoosingApp
from tdxtui.tui.hits import Hit, fits
from tdxtui.tui.jumps import JumpingApp, first_bit
from tdxtui.tui.keymap import EVERYWHERE, Action, actions, kinds, shown
from tdxtui.tui.search import finder
from tdxtui.tui.switches import SwitchPane
from tdxtui.tui.theming import ThemingApp

# Of the palette: more lines than anybody reads cost time with every key.
MOST_HITS, MOST_BITS = 24, 10


class HelpingApp(JumpingApp, ChoosingApp, ThemingApp):
    """An app that tells what can be done in it."""

    key_map: dict[str, tuple[str, ...]]

    def action_help(self) -> None:
        """All keys, those of the pane in focus first, to search in; Enter does what the chosen one does."""
        focused = self.screen_stack[0].focused
        here = [pane for pane, kind in kinds().items() if isinstance(focused, kind)]
        items = sorted(actions(self.key_map), key=lambda item: item.pane not in here)
        hits = [Hit(_keys(item), item.description, _where(item), self._doer(item)) for item in items]

        def find(text: str) -> list[Hit]:
            return [hit for hit in hits if fits(text, hit.word, hit.text, hit.where)]

        from tdxtui.tui.pick import Pick

        self.push_screen(Pick("Keys", "undo, ctrl+z, grid ...", find, len(hits)), _do)

    def action_explain(self) -> None:
        """What the pane in focus shows, and its keys."""
        from tdxtui.tui.dialogs import Help
        from tdxtui.tui.pane_help import explained

        focused = self.screen_stack[0].focused
        title, text = explained(focused, self.palette, actions(self.key_map))
        self.push_screen(Help(title, text))

    def action_commands(self) -> None:
        """Everything by its name: actions, settings of the TD, modules, CPUs, themes, bits."""
        fixed = [*self._actions(), *self._settings(), *self._grounds()]

        def find(text: str) -> list[Hit]:
            found = (hit for hit in fixed if fits(text, hit.word, hit.text, hit.where))
            bits = self._bits(text) if text else iter(())
            return list(islice(chain(found, bits), MOST_HITS))

        from tdxtui.tui.pick import Pick

        self.push_screen(Pick("Commands", "save, module 2.0, XFAM AVX, avx512f ...", find), _do)

    # -- what there is to do --

    def _actions(self) -> Iterator[Hit]:
        for item in actions(self.key_map):
            if item.pane == EVERYWHERE:
                yield Hit(_keys(item), item.description, "", self._doer(item))

    def _settings(self) -> Iterator[Hit]:
        for pane in self.screen_stack[0].query(SwitchPane):
            for name in pane.names:
                yield Hit("", f"{(pane.id or '').upper()} {name}", "flip", self._flipper(pane, name))

    def _grounds(self) -> Iterator[Hit]:
        for name in library.files("modules"):
            yield Hit("", f"module {name}", "", lambda name=name: self._set_module(name))  # type: ignore[misc]
        for name in [*library.files("platforms"), ""]:
            yield Hit("", f"CPU {name or 'none'}", "", lambda name=name: self._set_platform(name))  # type: ignore[misc]
        for name in palette.names():
            yield Hit("", f"theme {name}", "", lambda name=name: self.set_theme(name))  # type: ignore[misc]

    def _bits(self, text: str) -> Iterator[Hit]:
        found = finder(tuple(self._grid.leaves)).find(text, self.editor.module).fields
        for field in found[:MOST_BITS]:
            yield Hit(field.key, field_name(field), sentence(field), lambda field=field: self._jump(field))  # type: ignore[misc]

    # -- doing it --

    def _jump(self, field: Field) -> None:
        self.mark()
        self._grid.go_to(first_bit(field))
        self.show_pane("grid")
        self.say("ctrl+o goes back")

    def _flipper(self, pane: SwitchPane, name: str) -> Callable[[], None]:
        def flip() -> None:
            if self.show_pane(pane.id or ""):
                pane.select(name)
            pane.post_message(SwitchPane.Flipped(pane, name))

        return flip

    def _doer(self, item: Action) -> Callable[[], None]:
        """What an action's key would do: where it belongs to a pane, there."""

        def do() -> None:
            node = self._pane_of(item.pane)
            if node is not None and item.pane != EVERYWHERE:
                self.focus_on(node)
            self.call_later(self.run_action, item.action, node or self)

        return do

    def _pane_of(self, pane: str) -> Widget | None:
        """The pane in focus if it is of that kind, else the first one that is."""
        if pane == EVERYWHERE:
            return None
        of_kind = list(self.screen_stack[0].query(kinds()[pane]))
        focused = self.screen_stack[0].focused
        return focused if focused in of_kind else next(iter(of_kind), None)


def _do(run: Callable[[], None] | None) -> None:
    if run is not None:
        run()


def _keys(item: Action) -> str:
    return " ".join(shown(key) for key in item.keys)


def _where(item: Action) -> str:
    return "" if item.pane == EVERYWHERE else f"in {item.pane}"
