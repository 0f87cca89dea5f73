"""A column beside a list that stands for all of it: what is in view, and where the conflicts are."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import Enum


class Mark(Enum):
    """What a cell of the column shows."""

    NOTHING = " "
    IN_VIEW = "┃"
    CONFLICT = "◆"


def minimap(height: int, total: int, top: int, conflicts: Iterable[int]) -> Sequence[Mark]:
    """One mark for each of `height` cells that stand for `total` lines, `top` being the first one in view."""
    if height <= 0:
        return []
    total = max(total, 1)
    first, last = top * height // total, (top + height) * height // total
    marks = [Mark.IN_VIEW if total > height and first <= y <= last else Mark.NOTHING for y in range(height)]
    for line in conflicts:
        marks[min(line * height // max(total, height), height - 1)] = Mark.CONFLICT
    return marks
