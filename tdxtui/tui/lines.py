"""Text in single lines that are drawn again only when they change."""

from __future__ import annotations

from rich.segment import Segment
from rich.style import Style
from rich.text import Text
from textual.geometry import Region
from textual.strip import Strip

from tdxtui.tui.cells import padded
from tdxtui.tui.fast import Bare
from tdxtui.tui.palette import Palette


def clean(text: str) -> str:
    """The text without characters that a terminal would act upon, each replaced by a dot."""
    return text if text.isprintable() else "".join(char if char.isprintable() else "·" for char in text)


def shortened(text: str, width: int) -> str:
    """The text, its end replaced by an ellipsis if it is wider."""
    return text if len(text) <= width else f"{text[: max(width - 1, 0)]}…"


def segments(line: Text, fallback: Style) -> list[Segment]:
    """A text as segments; its spans must not overlap."""
    plain = clean(line.plain)
    rest = line.style if isinstance(line.style, Style) else fallback
    out, at = [], 0
    for span in sorted(line.spans):
        out.append(Segment(plain[at : span.start], rest))
        out.append(Segment(plain[span.start : span.end], span.style if isinstance(span.style, Style) else rest))
        at = span.end
    out.append(Segment(plain[at:], rest))
    return [segment for segment in out if segment.text]


class OneLine(Bare):
    """A single line without a frame."""

    def __init__(self, palette: Palette, id: str | None = None) -> None:
        super().__init__(id=id)
        self._palette = palette
        self._segments: list[Segment] = []

    def show(self, line: Text) -> None:
        """Show this text."""
        new = segments(line, self._palette.text)
        if new != self._segments:
            self._segments = new
            self.refresh(Region(0, 0, self._size.width, 1))

    def render_line(self, y: int) -> Strip:
        """The line, blank below it."""
        width = self._size.width
        return Strip(padded(self._segments if y == 0 else [], width, self._palette.text), width)
