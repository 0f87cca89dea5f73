"""Repaint of the main screen: only the cells that look otherwise, and without Textual's cutting up of every line.

Textual's compositor renders all lines of the box around everything that changed, cuts them where any widget begins or
ends, and draws them from there. On the main screen no widget lies over another one, each draws its lines whole, and
most of a line is as it was: what was drawn is remembered, and compared.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.console import Console
from rich.control import Control
from rich.segment import Segment
from textual._compositor import ChopsUpdate, Compositor, CompositorUpdate, LayoutUpdate
from textual.geometry import Region
from textual.strip import Strip
from textual.widget import Widget

from tdxtui.tui.fast import Bare, Covered


class CellsUpdate(CompositorUpdate):
    """Pieces of lines, each with its place."""

    def __init__(self, pieces: Sequence[tuple[int, int, Strip]]) -> None:
        self._pieces = pieces

    def render_segments(self, console: Console) -> str:
        """The pieces as a terminal gets them."""
        move_to = Control.move_to
        return "".join([f"{move_to(x, y).segment.text}{strip.render(console)}" for x, y, strip in self._pieces])


class QuickCompositor(Compositor):
    """A compositor for a screen of `Bare` widgets that don't overlap; anything else it leaves to Textual's own way."""

    def __init__(self) -> None:
        super().__init__()
        self._drawn: dict[tuple[int, int], Strip] = {}
        self._seen: object = None
        self._panes: list[tuple[Region, Bare]] | None = None

    def render_full_update(self, simplify: bool = False) -> LayoutUpdate:
        """Everything anew; nothing is known of what was there before."""
        self._drawn.clear()
        return super().render_full_update(simplify)

    def render_partial_update(self) -> ChopsUpdate | None:
        """The cells that changed."""
        panes = self._simple_panes()
        if panes is None:
            self._drawn.clear()
            return super().render_partial_update()
        dirty, screen = list(self._dirty_regions), self.size.region
        self._dirty_regions.clear()
        pieces = [
            piece for place, pane in panes for piece in self._pieces(place, pane, _lines(place, screen, dirty))
        ]
        return CellsUpdate(pieces) if pieces else None  # type: ignore[return-value]

    def _simple_panes(self) -> list[tuple[Region, Bare]] | None:
        """The places of the widgets that draw; None if one is of another kind, or cut off."""
        visible = self.visible_widgets
        if visible is not self._seen:
            self._seen, self._panes = visible, _simple(visible)
            self._drawn.clear()
        return self._panes

    def _pieces(self, place: Region, pane: Bare, lines: Sequence[int]) -> Iterator[tuple[int, int, Strip]]:
        for y in lines:
            strip = pane.render_line(y)
            key = place.x, place.y + y
            before = self._drawn.get(key)
            self._drawn[key] = strip
            if before is None:
                yield *key, strip
            elif before is not strip and (span := differing(before, strip)):
                yield place.x + span[0], key[1], strip.crop(*span)


def _simple(visible: dict[Widget, tuple[Region, Region]]) -> list[tuple[Region, Bare]] | None:
    panes = []
    for widget, (region, clip) in visible.items():
        if isinstance(widget, Bare) and clip.contains_region(region):
            panes.append((region, widget))
        elif not isinstance(widget, Covered):
            return None
    return panes


def _lines(place: Region, screen: Region, dirty: Sequence[Region]) -> list[int]:
    """The lines of a pane that dirty regions touch."""
    lines: set[int] = set()
    for region in dirty:
        if region.x < place.right and region.right > place.x:
            top, bottom = max(region.y, place.y), min(region.bottom, place.bottom, screen.bottom)
            lines.update(range(top - place.y, bottom - place.y))
    return sorted(lines)


def differing(before: Strip, after: Strip) -> tuple[int, int] | None:
    """The columns from the first to behind the last cell in which two strips differ, None for none.

    Exact for cells one column wide; strips of other text or other lengths are taken as differing all over.
    """
    old, new, width = list(before), list(after), after.cell_length
    if before.cell_length != width or not _plain(old, width) or not _plain(new, width):
        return 0, width
    left = _alike(old, new, width, 1)
    return None if left == width else (left, width - _alike(old, new, width - left, -1))


def _plain(segments: Sequence[Segment], width: int) -> bool:
    return sum([len(segment.text) for segment in segments]) == width


def _alike(old: Sequence[Segment], new: Sequence[Segment], most: int, step: int) -> int:
    """How many cells are alike at the left (1) or right (-1) end."""
    count = one = two = 0  # cells alike; how far into the present segments of each
    first, second = iter(old[::step]), iter(new[::step])
    a, b = next(first), next(second)
    while count < most:
        if one == len(a.text):
            a, one = next(first), 0
            continue
        if two == len(b.text):
            b, two = next(second), 0
            continue
        room = min(len(a.text) - one, len(b.text) - two)
        same = _run(a.text[::step][one : one + room], b.text[::step][two : two + room]) if a.style == b.style else 0
        count, one, two = count + same, one + same, two + same
        if same < room:
            break
    return min(count, most)


def _run(one: str, two: str) -> int:
    """How long the common beginning of two texts of one length is."""
    if one == two:
        return len(one)
    return next(number for number, (a, b) in enumerate(zip(one, two, strict=True)) if a != b)
