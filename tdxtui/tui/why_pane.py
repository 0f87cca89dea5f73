"""The pane that says why a bit has its value; its conditions can be gone through, and gone to."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import ClassVar, NamedTuple

from rich.segment import Segment
from textual import events
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.strip import Strip

from tdxtui.cpuid import Field
from tdxtui.evaluate import Situation
from tdxtui.explain import Explainer
from tdxtui.reason import Reason
from tdxtui.tui.fast import Framed
from tdxtui.tui.lines import clean, shortened
from tdxtui.tui.palette import Palette
from tdxtui.tui.resting import Resting
from tdxtui.tui.why_lines import Part, Target, goal, head, looks_far, parts

WIDE = 80
INDENT = "  "


class Line(NamedTuple):
    """A line as it is drawn, and the number of the condition that it belongs to."""

    segments: list[Segment]
    condition: int | None = None


class Laid(NamedTuple):
    """A reason as it is laid out; `far` is the one that looked at other CPUs and modules too, once known."""

    reason: Reason
    far: Reason | None
    parts: list[Part]
    lines: list[Line]

    @property
    def conditions(self) -> list[Part]:
        """The parts that can be selected."""
        return [part for part in self.parts if part.condition]


class WhyPane(Framed, can_focus=True, inherit_bindings=False):
    """The reason of one bit. Enter posts `Followed`.

    The reason that looks at other CPUs and modules takes too long for a key: it comes later, by an explainer of its
    own since that is another thread's work.
    """

    # What is no mere moving, and belongs into the help.
    SHOWN: ClassVar[list[BindingType]] = [Binding("enter", "follow", "In Why: go to what a line names")]
    BINDINGS: ClassVar[list[BindingType]] = [
        *SHOWN,
        Binding("up,k", "move(-1)", "Up", show=False),
        Binding("down,j", "move(1)", "Down", show=False),
        Binding("pageup", "page(-1)", "Page up", show=False),
        Binding("pagedown", "page(1)", "Page down", show=False),
        Binding("home,g", "edge(0)", "First condition", show=False),
        Binding("end,G", "edge(1)", "Last line", show=False),
    ]

    class Followed(Message):
        """The user wants to go to what a condition names."""

        def __init__(self, target: Target | None) -> None:
            super().__init__()
            self.target = target

    def __init__(self, palette: Palette, id: str | None = None) -> None:
        super().__init__("Why", palette, id)
        self._situation: Situation | None = None
        self._bit: Field | None = None
        self._laid: Laid | None = None
        self._ahead: tuple[Situation, Laid] | None = None
        self._far_explainer: Explainer | None = None
        self._top = self._selected = 0
        self._focused = self._unfolds = False
        self._resting = Resting(self)
        # What others have to say of a bit: VMM layers, a second module.
        self.remarks: Callable[[Field], Sequence[Part]] = _none

    # -- what others ask and tell --

    @property
    def selected(self) -> int:
        """Which of the conditions is selected."""
        return self._selected

    def show(self, situation: Situation, bit: Field) -> None:
        """Show the reason of a bit."""
        if situation is self._situation and bit == self._bit:
            return
        if bit != self._bit:
            self._top = self._selected = 0
        self._situation, self._bit = situation, bit
        self._find()

    def foresee(self, situation: Situation, bit: Field) -> None:
        """Work out what `show` would need. Only the pane without the focus has lines of which none is marked."""
        if self.inner.height and not self._focused:
            self._ahead = situation, self._lay(situation, _reason(situation, bit), None)

    def remark(self) -> None:
        """What others have to say may be something else now."""
        self._lay_out()

    def select(self, number: int) -> None:
        """Select a condition, and show it whole."""
        self._selected, self._unfolds = number, True
        self._lay_out()
        self._reveal()

    def _find(self) -> None:
        """The reason, unless nobody sees it."""
        self._resting.cancel()
        self._laid, before = None, self._visible
        situation, bit = self._situation, self._bit
        if situation is None or bit is None or not self.inner.height:
            return
        ahead, self._ahead = self._ahead, None
        if ahead is not None and ahead[0] is situation and ahead[1].reason.bit == bit:
            laid = ahead[1]
        else:
            laid = self._lay(situation, _reason(situation, bit), None)
        self._show(laid, before)
        if looks_far(laid.reason):
            explainer = self._explainer_of(situation)
            self._resting.later(lambda: explainer.reason(bit, goal(situation, bit)), self._found_far)

    def _explainer_of(self, situation: Situation) -> Explainer:
        if self._far_explainer is None or self._far_explainer.td is not situation.td:
            self._far_explainer = Explainer(situation.td)
        return self._far_explainer

    def _found_far(self, far: Reason) -> None:
        if self._laid is not None:
            self._laid = self._laid._replace(far=far)
            self._lay_out()

    # -- laying out --

    def _lay_out(self) -> None:
        """Lay the lines out again."""
        self._ahead = None
        if self._situation is not None and self._laid is not None:
            self._show(self._lay(self._situation, self._laid.reason, self._laid.far), self._visible)

    def _lay(self, situation: Situation, reason: Reason, far: Reason | None) -> Laid:
        found = parts(situation, reason, far, self.palette, self.remarks(reason.bit))
        return Laid(reason, far, found, [Line(self._head(reason)), *self._body(found)])

    def _show(self, laid: Laid, before: list[list[Segment]]) -> None:
        """Draw those lines anew that are others than before."""
        self._laid = laid
        self._selected = min(self._selected, max(len(laid.conditions) - 1, 0))
        self._top = min(self._top, self._last_top)
        self._show_since(before)

    def _head(self, reason: Reason) -> list[Segment]:
        width = self.inner.width - 1
        pieces = head(reason, self.palette, self.inner.width >= WIDE)
        strip = Strip(Segment(clean(text), style) for text, style in pieces)
        if strip.cell_length > width:
            strip = Strip([*strip.crop(0, width - 1), Segment("…", self.palette.text)])
        return list(strip)

    def _body(self, found: Sequence[Part]) -> list[Line]:
        out, number = [], 0
        selected = min(self._selected, sum(part.condition for part in found) - 1)
        for part in found:
            chosen = self._focused and part.condition and number == selected
            style = self.palette.selected if chosen else part.style
            condition = number if part.condition else None
            out += [Line([Segment(text, style)], condition) for text in self._wrapped(part, chosen)]
            number += part.condition
        return out

    def _wrapped(self, part: Part, chosen: bool) -> list[str]:
        """A sentence in lines; a condition in one, whole only once it is selected.

        The focus alone must not move any line: it may come by a click on one.
        """
        text, width = clean(part.text), max(self.inner.width - 1, 8)
        if len(text) <= width or (part.condition and not (chosen and self._unfolds)):
            return [shortened(text, width)]
        return list(_wrap(text, width, INDENT * (2 if part.condition else 1)))

    @property
    def _lines(self) -> list[Line]:
        return self._laid.lines if self._laid is not None else []

    @property
    def _conditions(self) -> list[Part]:
        return self._laid.conditions if self._laid is not None else []

    @property
    def _last_top(self) -> int:
        return max(len(self._lines) - self.inner.height, 0)

    @property
    def _visible(self) -> list[list[Segment]]:
        """What is drawn in each row, with what the frame tells."""
        shown = self._lines[self._top : self._top + self.inner.height]
        rows = [line.segments for line in shown]
        return [*rows, *[[] for _ in range(self.inner.height - len(rows))], [Segment(self.note)]]

    def _show_since(self, before: list[list[Segment]]) -> None:
        now = self._visible
        if len(before) != len(now):
            self.redraw()
            return
        changed = [row for row, segments in enumerate(now) if segments != before[row]]
        if changed:
            self.redraw(*changed)

    @property
    def note(self) -> str:
        """How much there is above and below."""
        below = len(self._lines) - self._top - self.inner.height
        words = [f"↑ {self._top}"] * (self._top > 0) + [f"↓ {below} more"] * (below > 0)
        return " · ".join(words)

    def inner_line(self, y: int) -> list[Segment]:
        """One line."""
        line = self._top + y
        return [Segment(" ", self.palette.text), *self._lines[line].segments] if line < len(self._lines) else []

    def resized(self) -> None:
        """Another width wraps otherwise; without height there is nothing to find out."""
        if self._laid is None:
            self._find()
        self._lay_out()
        self._reveal()
        super().resized()

    def on_focus(self) -> None:
        """Only with the focus is a condition marked. (`has_focus` is set after this.)"""
        self._focused = True
        self._lay_out()
        self._reveal()
        super().on_focus()

    def on_blur(self) -> None:
        """Back to the most important lines."""
        self._focused = self._unfolds = False
        self._top = 0
        self._lay_out()
        super().on_blur()

    # -- moving --

    def action_move(self, step: int) -> None:
        """To another condition; where there is none, by a line."""
        target = self._selected + step
        if step < 0 and not self._in_view(self._selected):
            self._scroll(step)
        elif 0 <= target < len(self._conditions):
            self.select(target)
        else:
            self._scroll(step)

    def action_page(self, step: int) -> None:
        """By a screenful of lines."""
        self._scroll(step * max(1, self.inner.height - 1))

    def action_edge(self, end: int) -> None:
        """To the first condition, or the last line."""
        if end:
            self._scroll(len(self._lines))
        else:
            self.select(0)
            self._scroll(-len(self._lines))

    def action_follow(self) -> None:
        """Go to what the selected condition names."""
        if self._selected < len(self._conditions):
            self.post_message(self.Followed(self._conditions[self._selected].target))

    def _rows_of(self, number: int) -> list[int]:
        return [row for row, line in enumerate(self._lines) if line.condition == number]

    def _in_view(self, number: int) -> bool:
        rows = self._rows_of(number)
        return bool(rows) and self._top <= rows[0] < self._top + self.inner.height

    def _reveal(self) -> None:
        """Bring the selected condition into view, with the head if it is the first."""
        rows = self._rows_of(self._selected)
        if rows and self._focused and self.inner.height:
            first = 0 if self._selected == 0 else rows[0]
            self._scroll(min(max(self._top, rows[-1] + 1 - self.inner.height), first) - self._top)

    def _scroll(self, lines: int) -> None:
        before = self._visible
        self._top = min(max(self._top + lines, 0), self._last_top)
        self._show_since(before)

    def on_click(self, event: events.Click) -> None:
        """Select what is clicked; twice goes there."""
        line = self._top + event.y - 1
        if event.chain > 1:
            self.action_follow()
        elif 0 < event.y <= self.inner.height and line < len(self._lines):
            number = self._lines[line].condition
            if number is not None:
                self.select(number)

    def on_mouse_scroll_down(self) -> None:
        """On by a line."""
        self._scroll(1)

    def on_mouse_scroll_up(self) -> None:
        """Back by a line."""
        self._scroll(-1)


@lru_cache(maxsize=1024)
def _wrap(text: str, width: int, indent: str) -> tuple[str, ...]:
    """A text in lines, kept for when the same is said again: wrapping takes a third of a pane's time."""
    return tuple(textwrap.wrap(text, width, subsequent_indent=indent))


def _none(_: Field) -> Sequence[Part]:
    return ()


def _reason(situation: Situation, bit: Field) -> Reason:
    return situation.explainer.reason(bit, goal(situation, bit), far=False)
