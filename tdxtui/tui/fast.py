"""Widgets drawn without Textual's style machinery, which costs more per line than the line itself.

A widget that fills its whole region with finished strips has no border, padding or visual for that machinery to add:
its size is `_size`, which `size` would work out from the styles each time.
"""

from __future__ import annotations

import time
from abc import abstractmethod

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.containers import Horizontal, Vertical
from textual.geometry import Region, Size
from textual.screen import Screen
from textual.strip import Strip
from textual.widget import Widget

from tdxtui.tui.cells import padded
from tdxtui.tui.palette import Palette

# Seconds in which the thread that writes to the terminal gets the interpreter, instead of when this one next waits.
HAND_OVER = 0.00005


class Bare(Widget):
    """A widget whose `render_line` gives the whole line."""

    def render_lines(self, crop: Region) -> list[Strip]:
        """The lines of a part of the widget."""
        lines = [self.render_line(y) for y in range(crop.y, crop.bottom)]
        if crop.x == 0 and crop.width == self._size.width:
            return lines
        return [line.crop(crop.x, crop.right) for line in lines]

    def _size_updated(self, size: Size, virtual_size: Size, container_size: Size, layout: bool = True) -> bool:
        other = self._size != size
        told = super()._size_updated(size, virtual_size, container_size, layout)
        if other:
            self.resized()
        return told

    def resized(self) -> None:
        """Another size, told before anything is drawn in it: a Resize event comes only after the first frame."""


class Framed(Bare):
    """A pane with a frame and a title, whose finished lines are kept until they change.

    Subclasses give the lines inside the frame by `inner_line` and tell of changes by `redraw`.
    """

    def __init__(self, title: str, palette: Palette, id: str | None = None) -> None:
        super().__init__(id=id)
        self._title = title
        self.palette = palette
        self._finished: dict[int, Strip] = {}

    @property
    def inner(self) -> Size:
        """The room inside the frame."""
        width, height = self._size
        return Size(max(width - 2, 0), max(height - 2, 0))

    @abstractmethod
    def inner_line(self, y: int) -> list[Segment]:
        """A line inside the frame, of any length."""

    def redraw(self, *rows: int) -> None:
        """Draw some lines inside the frame again, or without arguments everything."""
        if not rows:
            self._finished.clear()
            self.refresh()
            return
        for row in rows:
            self._finished.pop(row + 1, None)
        if self.is_attached:
            self.refresh(*(Region(0, row + 1, self._size.width, 1) for row in rows))

    def resized(self) -> None:
        """Lay the lines out anew."""
        self._finished.clear()

    def on_focus(self) -> None:
        """The frame shows the focus."""
        self.redraw()

    def on_blur(self) -> None:
        """The frame shows the focus."""
        self.redraw()

    def render_line(self, y: int) -> Strip:
        """One line with its frame."""
        strip = self._finished.get(y)
        if strip is None:
            strip = self._finished[y] = self._line(y)
        return strip

    def _line(self, y: int) -> Strip:
        width, height = self._size
        edge = self.palette.name if self.has_focus else self.palette.edge
        if y == 0:
            return self._top_line(width, edge)
        if y >= height - 1:
            return self._bottom_line(width, edge)
        inside = padded(self.inner_line(y - 1), width - 2, self.palette.text)
        return Strip([Segment("│", edge), *inside, self.right_edge(y - 1, edge)], width)

    def right_edge(self, y: int, edge: Style) -> Segment:
        """The frame beside a line."""
        return Segment("│", edge)

    def _top_line(self, width: int, edge: Style) -> Strip:
        title = f" {self.title} "
        rest = max(width - len(title) - 3, 0)
        line = [Segment("╭─", edge), Segment(title, self.palette.text), Segment("─" * rest + "╮", edge)]
        return Strip(padded(line, width, edge), width)

    @property
    def title(self) -> str:
        """What the frame's first line tells."""
        return self._title

    @property
    def note(self) -> str:
        """What the frame's last line tells, "" for nothing."""
        return ""

    def _bottom_line(self, width: int, edge: Style) -> Strip:
        note = f" {self.note} " if self.note and len(self.note) + 6 <= width else ""
        rule, end = "─" * (width - 2 - len(note) - bool(note)), "─╯" if note else "╯"
        return Strip([Segment(f"╰{rule}", edge), Segment(note, self.palette.text), Segment(end, edge)])


class Covered(Widget):
    """A container whose children cover all of it: what is beneath them is never seen."""

    def render_lines(self, crop: Region) -> list[Strip]:
        """Blank lines."""
        return [Strip.blank(crop.width)] * crop.height


class Row(Horizontal, Covered):
    """Children side by side."""


class Column(Vertical, Covered):
    """Children one below the other."""


class MainScreen(Screen[None], Covered):
    """The screen beneath everything."""

    AUTO_FOCUS = "#grid"

    def __init__(self, id: str | None = None) -> None:
        super().__init__(id=id)
        from tdxtui.tui.quick import QuickCompositor

        self._compositor = QuickCompositor()
        self._is_new = True

    def _on_screen_resume(self, event: events.ScreenResume) -> None:
        """When the screen is first shown, its widgets have just been given their styles."""
        event.refresh_styles = not self._is_new
        self._is_new = False

    def paint(self) -> None:
        """Draw at once what has changed. Left to itself it goes through three queues and a timer first."""
        changed = [widget for widget in self._compositor.visible_widgets if widget._repaint_required]
        for widget in changed:
            widget._repaint_required = False
        self._dirty_widgets.update(changed)
        if self._dirty_widgets and not self._layout_required:
            self._on_timer_update()
            time.sleep(HAND_OVER)
