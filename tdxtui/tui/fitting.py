"""Laying the panes out for the window's size, and going to a pane, wherever it has room."""

from __future__ import annotations

from rich.text import Text
from textual import events
from textual.widget import Widget

from tdxtui.tui.fast import Column, Row
from tdxtui.tui.layout import MIN_HEIGHT, MIN_WIDTH, Layout, lay_out
from tdxtui.tui.leaf_list import LeafList
from tdxtui.tui.lines import OneLine
from tdxtui.tui.searching import SearchingApp
from tdxtui.tui.switches import SwitchPane


class FittingApp(SearchingApp):
    """An app whose panes come and go with the window's size."""

    _header: OneLine
    _list: LeafList
    _middle: Row
    _side: Column
    _small: OneLine
    _switches: dict[str, SwitchPane]

    def __init__(self, ansi_color: bool = False) -> None:
        super().__init__(ansi_color=ansi_color)
        self._width, self._height, self._tiny = 0, 0, False
        self._asked = "grid"
        self._laid_out: Layout | None = None

    def on_resize(self, event: events.Resize) -> None:
        """Another size may want another layout."""
        self.fit(event.size.width, event.size.height)
        self.show_all()

    def fit(self, width: int, height: int) -> None:
        """Lay everything out for a size."""
        was_tiny = self._tiny
        self.fit_panes(width, height)
        focused = self.screen_stack[0].focused
        if focused is None or not seen(focused) or was_tiny:
            self._asked = "grid"
            self.arrange()
            self.focus_on(self._grid)

    def fit_panes(self, width: int, height: int) -> None:
        """Lay the panes out, which need not be mounted: done before they are, their first layout is the only one."""
        # While a dialog is open, `size` follows a resize only later.
        self._width, self._height = width, height
        self._tiny = width < MIN_WIDTH or height < MIN_HEIGHT
        self.set_class(self._tiny, "tiny")  # by which dialogs hide
        if self._tiny and self._status.is_open:
            self.search_ended(True)
        for part in (self._header, self._middle, self._status):
            part.display = not self._tiny
        self._small.display = self._tiny
        if self._tiny:
            self._small.show(Text(self.too_small(width, height), self.palette.text))
        self.arrange()

    def too_small(self, width: int, height: int, least: str = f"{MIN_WIDTH}x{MIN_HEIGHT}") -> str:
        """What a window too small says, in as many words as it has room for."""
        here = f"{width}x{height}"
        words = f"tdxtui needs {least}; this is {here}", f"needs {least}, is {here}", f"needs {least}", least
        return next((text for text in words if len(text) <= width), words[-1])

    def arrange(self) -> None:
        """Show the panes that have room."""
        panes = self._switches
        found = lay_out(
            self._width, self._height, self._asked, self._grid.shown.guest is not None,
            lambda name, width, freely: panes[name].set_columns(width, freely),
        )
        for name, pane in panes.items():
            pane.display = name in found.heights
            if name in found.heights:
                pane.set_columns(self._width if found.below else found.side, bool(found.below))
                pane.styles.height = found.heights[name]
        if found == self._laid_out:
            return
        self._laid_out = found
        side = self._side
        side.display = bool(found.side or found.below)
        side.set_class(bool(found.below), "below")
        side.styles.width = "100%" if found.below else found.side
        side.styles.height = sum(found.heights.values()) if found.below else "1fr"
        self._list.display = not found.below
        self._why.display = found.why > 0
        if found.why:
            self._why.styles.height = found.why

    def focus_on(self, pane: Widget) -> None:
        """Focus at once: keys that come in one piece with the one that asked for it belong to the pane."""
        self.screen_stack[0].set_focus(pane)

    def show_pane(self, name: str) -> bool:
        """Focus a pane by its name; whether there is room for it."""
        before, self._asked = self._asked, name
        self.arrange()
        pane = self.query_one(f"#{name}", Widget)
        if seen(pane):
            self.focus_on(pane)
            return True
        self._asked = before
        self.arrange()
        self.say("The window is too small for that pane", alarm=True)
        return False


def seen(widget: Widget) -> bool:
    """Whether a widget and all that it lies in are displayed."""
    return all(node.display for node in widget.ancestors_with_self if isinstance(node, Widget))
