"""Keys: each done before the next one, and on the main screen at once.

Textual hands a key to the widget in focus, whence it comes back to the app from queue to queue before a binding is
looked up, and what it changed waits for a timer to be drawn. That takes longer than what most of our keys do; and
where several come in one piece, a text field takes letters at once that were typed behind an Enter still on its way.
"""

from __future__ import annotations

import asyncio

from textual import events
from textual.dom import DOMNode
from textual.screen import Screen

from tdxtui.tui.fast import MainScreen
from tdxtui.tui.searching import SearchingApp

# Turns of all other work to wait for, the later ones with a pause: a dialog needs some to be laid out.
MOST_TURNS, QUICK_TURNS, PAUSE = 150, 50, 0.003


class ActingApp(SearchingApp):
    """An app that acts on its keys itself."""

    _tiny: bool

    def __init__(self, ansi_color: bool = False) -> None:
        super().__init__(ansi_color=ansi_color)
        self._sent: events.Key | None = None  # to a dialog, which may give it back
        self._early: list[events.Key] = []  # that were on their way back, and done before their turn

    async def on_event(self, event: events.Event) -> None:
        """Act on a key. While a search is typed its line has what comes, before any pane; what is hidden has none."""
        if isinstance(event, events.Key) and event.is_forwarded:
            await self._on_returned(event)
            return
        if isinstance(event, events.Key | events.Paste) and self.screen_stack:
            await self._settle()
        screen = self.screen_stack[-1] if self.screen_stack else None
        if isinstance(event, events.Key) and isinstance(screen, MainScreen):
            await self._on_main_key(event, screen)
            screen.paint()
            self.foresee_soon()
        elif isinstance(event, events.Key) and self._tiny and event.key != "escape":
            await self._act(self, event.key)
        elif isinstance(event, events.Paste) and self._tiny:
            return
        elif not (isinstance(event, events.InputEvent | events.Paste) and self._searches and self._status.take(event)):
            await super().on_event(event)
            self._sent = event if isinstance(event, events.Key) and event.is_forwarded else None

    @property
    def _searches(self) -> bool:
        return len(self.screen_stack) == 1 and self._status.is_open

    async def _on_returned(self, event: events.Key) -> None:
        """A key that a dialog had no use for."""
        if event in self._early:
            self._early.remove(event)
            return
        if event is self._sent:
            self._sent = None
        await super().on_event(event)

    async def _settle(self) -> None:
        """Let everybody finish what came before, a dialog's opening and the key before this one included."""
        for turn in range(MOST_TURNS):
            if self._is_quiet(self.screen_stack[-1]):
                sent, self._sent = self._sent, None
                # One that no widget took is on its way back, behind keys that were pressed after it.
                if sent is None or sent._no_default_action:
                    return
                self._early.append(sent)
                await super().on_event(sent)
            await asyncio.sleep(0 if turn < QUICK_TURNS else PAUSE)

    def _is_quiet(self, screen: Screen[object]) -> bool:
        """Whether no widget that keys go through has anything to do, and one has the focus if any can."""
        nodes = (screen.focused or screen).ancestors_with_self[:-1]
        if not screen.is_mounted or any(node.message_queue_size for node in nodes):
            return False
        return screen.focused is not None or isinstance(screen, MainScreen) or not screen.focus_chain

    async def _on_main_key(self, event: events.Key, screen: MainScreen) -> None:
        if not self.app_focus:
            self.app_focus = True  # Textual's watcher gives the focus back to the pane that had it
        if self._status.is_open:
            self._status.take(event)
        elif self._tiny or screen.focused is not self._grid or not self._grid.act(event.key):
            await self._act(screen.focused or screen, event.key)

    async def _act(self, focused: DOMNode, key: str) -> None:
        """Do what a key is bound to, from the pane in focus up to the app. What can't be seen can only be left."""
        for node in focused.ancestors_with_self:
            for bound in node._bindings.key_to_bindings.get(key, ()):
                if self._tiny and bound.id != "quit":
                    continue
                if await self.run_action(bound.action, node):
                    return
