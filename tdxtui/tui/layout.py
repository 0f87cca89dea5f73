"""Which panes have room in a window of a size, and where: each size has a layout made for it."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

MIN_WIDTH, MIN_HEIGHT = 44, 10
SIDE_FROM, WIDE_SIDE_FROM, SIDE, WIDE_SIDE = 78, 110, 22, 34
SWITCHES_FROM_HEIGHT = 20
WHY_FROM, TALL_WHY_FROM, WHY, TALL_WHY = 16, 36, 7, 11
BESIDE_LEAVES, LEAST_LEAVES, LEAST_GRID, FRAME = ("xfam", "attributes", "td"), 10, 6, 2
SETTINGS = ("xfam", "attributes", "td", "guest")

Rows = Callable[[str, int, bool], int]


class Layout(NamedTuple):
    """A layout: the width of the column on the left, the heights of the panes of settings, the height of the reasons.

    0 is for none. A pane `below` the grid takes the place of the reasons and of the column.
    """

    side: int
    heights: dict[str, int]
    below: str
    why: int


def lay_out(width: int, height: int, asked: str, guest: bool, rows: Rows) -> Layout:
    """The layout of a window; `asked` is the pane that was last gone to, `rows` tells how many a pane would take.

    What is asked for comes first, then the guest's state if the grid shows that, then as many as leave the list of
    leaves two fifths of the column. A pane without room beside the leaves is laid below the grid.
    """
    side = 0 if width < SIDE_FROM else WIDE_SIDE if width >= WIDE_SIDE_FROM else SIDE
    room, why = height - 2, 0 if height < WHY_FROM else TALL_WHY if height >= TALL_WHY_FROM else WHY
    heights: dict[str, int] = {}
    if side and height >= SWITCHES_FROM_HEIGHT:
        least = max(LEAST_LEAVES, room * 2 // 5)
        for name in _wanted(asked, guest):
            need = rows(name, side, False) + FRAME
            left = room - least - sum(heights.values())
            if name == "guest":
                need = min(need, left)
            if FRAME < need <= left:
                heights[name] = need
    if asked not in SETTINGS or asked in heights:
        return Layout(side, {name: heights[name] for name in SETTINGS if name in heights}, "", why)
    tall = min(rows(asked, width, True) + FRAME, max(room - 1 - LEAST_GRID, FRAME + 1))
    if tall <= FRAME:
        return Layout(side, heights, "", why)
    return Layout(0, {asked: tall}, asked, 0)


def _wanted(asked: str, guest: bool) -> list[str]:
    first = [asked] if asked in SETTINGS else []
    return list(dict.fromkeys([*first, *(["guest"] if guest else []), *BESIDE_LEAVES]))
