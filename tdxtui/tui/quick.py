"""Repaint of the main screen: only the cells that look otherwise, and without Textual's cutting up of every line.

Textual's compositor renders all lines of the box around everything that changed, cuts them where any widget begins or
ends, and draws them from there. On the main screen no widget lies over another one, each draws its lines whole, and
most of a line is as it was: what was drawn is remembered, and compared.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from rich.color import ColorSystem
from rich.console import Console
from rich.segment import Segment
from textual._compositor import ChopsUpdate, Compositor, CompositorUpdate, LayoutUpdate
from textual.geometry import Region
from textual.strip import Strip
from textual.widget import Widget

from tdxtui.tui.cells import cut, differing
from tdxtui.tui.fast import Bare, Covered


class Box(NamedTuple):
    """A region by its four edges, the last two just beyond it."""

    left: int
    top: int
    right: int
    bottom: int


Piece = tuple[int, int, list[Segment]]


class CellsUpdate(CompositorUpdate):
    """Pieces of lines, each with its place."""

    def __init__(self, pieces: Sequence[Piece]) -> None:
        self.pieces = pieces

    def render_segments(self, console: Console) -> str:
        """The pieces as a terminal gets them."""
        colours, render, out = console._color_system or ColorSystem.TRUECOLOR, Strip.render_style, []
        for x, y, segments in self.pieces:
            out.append(f"\x1b[{y + 1};{x + 1}H")
            out += [render(style, text, colours) if style else text for text, style, _ in segments]
        return "".join(out)


class QuickCompositor(Compositor):
    """A compositor for a screen of `Bare` widgets that don't overlap; anything else it leaves to Textual's own way."""

    def __init__(self) -> None:
        super().__init__()
        self._drawn: dict[tuple[int, int], Strip] = {}
        self._seen: object = None
        self._panes: list[tuple[Box, Bare]] | None = None

    def render_full_update(self, simplify: bool = False) -> LayoutUpdate:
        """Everything anew."""
        update = super().render_full_update(simplify)
        self._drawn.clear()
        for place, pane in self._simple_panes() or ():
            lines = range(place.bottom - place.top)
            self._drawn.update({(place.left, place.top + y): pane.render_line(y) for y in lines})
        return update

    def render_partial_update(self) -> ChopsUpdate | None:
        """The cells that changed."""
        panes = self._simple_panes()
        if panes is None:
            self._drawn.clear()
            return super().render_partial_update()
        screen = self.size.region
        dirty = [_box(screen.intersection(region)) for region in self._dirty_regions]
        self._dirty_regions.clear()
        pieces = [piece for place, pane in panes for piece in self._pieces(place, pane, _lines(place, dirty))]
        return CellsUpdate(pieces) if pieces else None  # type: ignore[return-value]

    def _simple_panes(self) -> list[tuple[Box, Bare]] | None:
        """The places of the widgets that draw; None if one is of another kind, or cut off."""
        visible = self.visible_widgets
        if visible is not self._seen:
            before, self._seen, self._panes = self._panes, visible, _simple(visible)
            if before != self._panes:
                self._drawn.clear()
        return self._panes

    def _pieces(self, place: Box, pane: Bare, lines: Sequence[int]) -> Iterator[Piece]:
        for y in lines:
            strip = pane.render_line(y)
            key = place.left, place.top + y
            before = self._drawn.get(key)
            self._drawn[key] = strip
            if before is None:
                yield *key, list(strip)
            elif before is not strip and (span := differing(before, strip)):
                yield place.left + span[0], key[1], cut(strip, *span)


def _simple(visible: dict[Widget, tuple[Region, Region]]) -> list[tuple[Box, Bare]] | None:
    panes = []
    for widget, (region, clip) in visible.items():
        if isinstance(widget, Bare) and clip.contains_region(region):
            panes.append((_box(region), widget))
        elif not isinstance(widget, Covered):
            return None
    return panes


def _box(region: Region) -> Box:
    return Box(region.x, region.y, region.right, region.bottom)


def _lines(place: Box, dirty: Sequence[Box]) -> list[int]:
    """The lines of a pane that dirty regions touch."""
    left, first, right, end = place
    lines: set[int] = set()
    for x, top, beyond, bottom in dirty:
        if x < right and beyond > left and top < end and bottom > first:
            lines.update(range(max(top, first) - first, min(bottom, end) - first))
    return sorted(lines)
