"""The list of leaves beside the grid, with the conflicts of each; its frame is a map of them all."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, ClassVar

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.binding import Binding, BindingType
from textual.message import Message

from tdxtui import catalog
from tdxtui.cpuid import Leaf
from tdxtui.evaluate import Situation
from tdxtui.tui.fast import Framed
from tdxtui.tui.lines import shortened
from tdxtui.tui.minimap import Mark, minimap
from tdxtui.tui.palette import Palette
from tdxtui.tui.signs import NO_SIGNS, Sign, Signs

if TYPE_CHECKING:
    from tdxtui.tally import Tally


class LeafList(Framed, can_focus=True, inherit_bindings=False):
    """Leaves, one a line. `Chosen` is posted as the selection moves here."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "move(-1)", "Up", show=False),
        Binding("down,j", "move(1)", "Down", show=False),
        Binding("pageup", "page(-1)", "Page up", show=False),
        Binding("pagedown", "page(1)", "Page down", show=False),
        Binding("home,g", "move(-1000)", "First", show=False),
        Binding("end,G", "move(1000)", "Last", show=False),
        Binding("enter,space,right,l", "leave", "To the grid", show=False),
    ]

    class Chosen(Message):
        """Another leaf is selected."""

        def __init__(self, leaf: Leaf) -> None:
            super().__init__()
            self.leaf = leaf

    class Left(Message):
        """The user wants to go on in the grid."""

    def __init__(self, situation: Situation, leaves: list[Leaf], palette: Palette, id: str | None = None) -> None:
        super().__init__("Leaves", palette, id)
        self._selected = self._top = 0
        self._situation, self._leaves = situation, list(leaves)
        self._of = len(leaves)
        self._counts: dict[Leaf, Tally] = {}
        self._total: Tally
        self._note = ""
        self._signs = NO_SIGNS
        self._map: list[Mark] = []

    @property
    def length(self) -> int:
        """How many leaves are listed."""
        return len(self._leaves)

    @property
    def title(self) -> str:
        """How many leaves there are if a filter hides some."""
        count = len(self._leaves)
        return "Leaves" if count == self._of else f"Leaves {count} of {self._of}"

    @property
    def note(self) -> str:
        """How many bits there are of each class."""
        return self._note

    def count(self, changed: Iterable[Leaf] | None = None) -> None:
        """Count the bits of each class again, or of those leaves only."""
        from tdxtui.tally import Tally, tally_of  # not before the first frame

        entries = self._situation.module.by_leaf
        if changed is None or self._counts.keys() != entries.keys():
            self._counts, self._total, changed = {}, Tally(), entries
        total = self._total
        for leaf in changed:
            if leaf in entries:
                new, old = tally_of(self._situation, leaf), self._counts.get(leaf, Tally())
                total = total.plus(new).minus(old)
                self._counts[leaf] = new
        self._total, self._of = total, len(entries)
        self._tell()

    def sign(self, signs: Signs) -> None:
        """Count other signs."""
        moved, self._signs = set(self._signs.moved(signs)), signs
        self.redraw(*(number - self._top for number, leaf in enumerate(self._leaves) if leaf in moved))
        self._tell()

    def _tell(self) -> None:
        """How many bits there are of each class, and with each sign."""
        signed = [(sign.value, _count(masks.values())) for sign, masks in zip(Sign, self._signs, strict=True)]
        note = _told(self._total, signed, self.inner.width - 4)
        if note != self._note:
            self._note = note
            self.redraw(self.inner.height)

    def show(self, situation: Situation, leaves: list[Leaf]) -> None:
        """Show another situation, drawing again the leaves whose conflicts differ."""
        before, self._situation = self._situation, situation
        if (before.module, before.platform) != (situation.module, situation.platform):
            self._counts = {}
        if leaves != self._leaves:
            self._leaves = list(leaves)
            self._selected = min(self._selected, len(leaves) - 1)
            self._reveal()
            self._map_out()
            self.redraw()
            return
        if (before.conflicts, before.refusals) == (situation.conflicts, situation.refusals):
            return
        if self._map_out():
            self.redraw()
            return
        for number, leaf in enumerate(leaves):
            if before.conflicts_at(leaf) != situation.conflicts_at(leaf):
                self.redraw(number - self._top)

    def select(self, leaf: Leaf) -> None:
        """Mark a leaf without saying so."""
        number = self._leaves.index(leaf)
        if number == self._selected:
            return
        old, self._selected = self._selected, number
        if self._reveal():
            self._map_out()
            self.redraw()
        else:
            self.redraw(old - self._top, number - self._top)

    def _reveal(self) -> bool:
        """Bring the selection into view, with no room left below the last leaf; whether anything moved."""
        height = self.inner.height
        top = min(max(self._top, self._selected - height + 1), self._selected)
        top = max(min(top, len(self._leaves) - height), 0)
        moved, self._top = height > 0 and top != self._top, top if height else self._top
        return moved

    def _map_out(self) -> bool:
        """Work out the map beside the list; whether it looks otherwise."""
        numbers = {leaf: number for number, leaf in enumerate(self._leaves)}
        places = [numbers[leaf] for leaf in self._situation.conflict_leaves() if leaf in numbers]
        before, self._map = self._map, list(minimap(self.inner.height, len(self._leaves), self._top, places))
        return before != self._map

    def right_edge(self, y: int, edge: Style) -> Segment:
        """The part of the map beside a line."""
        mark = self._map[y] if y < len(self._map) else Mark.NOTHING
        if mark is Mark.NOTHING:
            return Segment("│", edge)
        return Segment(mark.value, self.palette.conflict if mark is Mark.CONFLICT else edge)

    def action_move(self, step: int) -> None:
        """Select another leaf."""
        number = min(max(self._selected + step, 0), len(self._leaves) - 1)
        self.select(self._leaves[number])
        self.post_message(self.Chosen(self._leaves[number]))

    def action_page(self, step: int) -> None:
        """Select a leaf a screenful away."""
        self.action_move(step * max(1, self.inner.height - 1))

    def action_leave(self) -> None:
        """Go on in the grid."""
        self.post_message(self.Left())

    def on_click(self, event: events.Click) -> None:
        """Select what is clicked."""
        if 0 < event.y <= self.inner.height:
            self.action_move(event.y - 1 + self._top - self._selected)

    def on_mouse_scroll_down(self) -> None:
        """On to the next leaf."""
        self.action_move(1)

    def on_mouse_scroll_up(self) -> None:
        """Back to the leaf before."""
        self.action_move(-1)

    def resized(self) -> None:
        """Keep the selection in view."""
        self._reveal()
        self._map_out()
        if self._counts:
            self.count(())
        super().resized()

    def inner_line(self, y: int) -> list[Segment]:
        """One leaf."""
        number, width = y + self._top, self.inner.width
        if number >= len(self._leaves):
            return []
        leaf = self._leaves[number]
        selected = number == self._selected
        style = self.palette.selected if selected else self.palette.text
        differing, alarming = self._marks(leaf)
        mark = differing + alarming
        text = f"{'▸' if selected else ' '}{_short(leaf):6} {catalog.title(leaf)}"
        text = shortened(text, width - len(mark) - bool(mark)).ljust(width - len(mark))
        styles = [style, style] if selected else [self.palette.name, self.palette.conflict]
        return [Segment(text, style), Segment(differing, styles[0]), Segment(alarming, styles[1])]

    def _marks(self, leaf: Leaf) -> tuple[str, str]:
        """The numbers of bits of a leaf that differ on a second module, and of those that can't be as wanted."""
        signed = {sign: f"{sign.value}{mask.bit_count()}" for sign, mask in self._signs.at(leaf)}
        conflicts = self._situation.conflicts_at(leaf)
        alarming = signed.pop(Sign.REFUSED, "") + (f"✗{conflicts}" if conflicts else "")
        return "".join(signed.values()), alarming


def _count(masks: Iterable[int]) -> int:
    return sum(mask.bit_count() for mask in masks)


def _told(total: Tally, signed: list[tuple[str, int]], width: int) -> str:
    """The numbers of bits, as many as there is room for."""
    numbers = [("✗", total.conflicting), *reversed(signed), ("●", total.flexible), ("?", total.unknown)]
    rest = [("01 ", total.fixed), ("~", total.run_time)]
    parts = [f"{glyph}{number}" for glyph, number in [*numbers, *rest] if number]
    while len(" · ".join(parts)) > width and parts:
        parts.pop()
    return " · ".join(parts)


def _short(leaf: Leaf) -> str:
    """The leaf as a list shows it: 07H.0."""
    return f"{leaf.leaf:02X}H" + ("" if leaf.subleaf is None else f".{leaf.subleaf:X}")
