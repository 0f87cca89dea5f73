"""Keys of the main screen: done and drawn at once, in their order.

Textual hands a key to the pane in focus, whence it comes back to the app from queue to queue before a binding is looked
up, and what it changed waits for a timer to be drawn: more than all of ours that a key costs.
"""

from __future__ import annotations

from textual import events
from textual.dom import DOMNode
from textual.widget import Widget

from tdxtui.tui.fast import MainScreen
from tdxtui.tui.searching import SearchingApp

TYPED = events.InputEvent | events.Paste


class ActingApp(SearchingApp):
    """An app that acts on its keys itself."""

    def __init__(self, ansi_color: bool = False) -> None:
        super().__init__(ansi_color=ansi_color)
        self._under_way: set[int] = set()

    async def on_event(self, event: events.Event) -> None:
        """Act on a key of the main screen. While a search is typed its line has what comes, before any pane."""
        screen = self.screen_stack[-1] if self.screen_stack else None
        back = event.is_forwarded  # from the pane that had it first
        if isinstance(event, events.Key) and isinstance(screen, MainScreen):
            await self._on_main_key(event, screen)
            screen.paint()
        elif not (isinstance(event, TYPED) and self._status.is_open and self._status.take(event)):
            await super().on_event(event)
        if back:
            self._under_way.discard(id(event))

    async def _on_main_key(self, event: events.Key, screen: MainScreen) -> None:
        focused = screen.focused or screen
        if not event.is_forwarded and self._must_wait(focused):
            self._under_way.add(id(event))
            await super().on_event(event)
        elif self._status.is_open:
            self._status.take(event)
        elif event.is_forwarded:
            await super().on_event(event)
        elif focused is not self._grid or not self._grid.act(event.key):
            await self._act(focused, event.key)

    def _must_wait(self, focused: Widget) -> bool:
        """Whether a key goes the long way: behind keys that are on it, or a click, or to bring the focus back."""
        return bool(self._under_way or focused.message_queue_size or not self.app_focus)

    async def _act(self, focused: DOMNode, key: str) -> None:
        """Do what a key is bound to, from the pane in focus up to the app."""
        for node in focused.ancestors_with_self:
            for bound in node._bindings.key_to_bindings.get(key, ()):
                if await self.run_action(bound.action, node):
                    return
