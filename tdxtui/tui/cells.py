"""Lines as segments: what of one looks otherwise than before, parts of one, one of a given width.

Segments cost less than Textual's strips, each of which brings seven caches along.
"""

from __future__ import annotations

from collections.abc import Sequence

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip


def differing(before: Strip, after: Strip) -> tuple[int, int] | None:
    """The columns from the first to behind the last cell in which two strips differ, None for none.

    Exact where segments are the longest runs of a style, and never too few: like cells in other segments may be in.
    Strips of text wider than its characters, or of other lengths, are taken as differing all over.
    """
    old, new, width = list(before), list(after), after.cell_length
    if before.cell_length != width or not _plain(old, width) or not _plain(new, width):
        return 0, width
    left = _alike(old, new, 1)
    right = _alike(old[::-1], new[::-1], -1) if left < width else 0
    return (left, width - right) if left + right < width else None


def cut(strip: Strip, left: int, right: int) -> list[Segment]:
    """The part of a strip from a column to before another one."""
    segments = list(strip)
    if not _plain(segments, strip.cell_length):
        return list(strip.crop(left, right))
    found, at = [], 0
    for text, style, _ in segments:
        end = at + len(text)
        if end > left and at < right:
            found.append(Segment(text[max(left - at, 0) : right - at], style))
        at = end
    return found


def padded(segments: Sequence[Segment], width: int, style: Style) -> list[Segment]:
    """A line of exactly that many columns: cut off, or filled with blanks in a style."""
    missing = width - sum([cell_len(segment.text) for segment in segments])
    if missing > 0:
        return [*segments, Segment(" " * missing, style)]
    return list(segments if missing == 0 else Strip(segments).crop(0, width))


def _plain(segments: Sequence[Segment], width: int) -> bool:
    """Whether each character takes one cell."""
    return sum([len(segment.text) for segment in segments]) == width


def _alike(old: Sequence[Segment], new: Sequence[Segment], step: int) -> int:
    """How many cells are alike from one end (for -1 the right one, the segments turned round)."""
    count = 0
    for (one, style, _), (two, other, _) in zip(old, new, strict=False):
        if style is not other and style != other:
            break
        if one != two:
            return count + (_common(one, two) if step > 0 else _common(one[::-1], two[::-1]))
        count += len(one)
    return count


def _common(one: str, two: str) -> int:
    """The length of the common beginning of two texts, by halves: slices compare faster than a loop's steps."""
    least, most = 0, min(len(one), len(two))
    while least < most:
        middle = (least + most + 1) // 2
        if one[:middle] == two[:middle]:
            least = middle
        else:
            most = middle - 1
    return least
