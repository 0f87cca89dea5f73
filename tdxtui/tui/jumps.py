"""Jumps: between conflicts, to what a condition names, along a search, and back."""

from __future__ import annotations

from abc import abstractmethod
from collections import deque
from typing import NamedTuple

from textual.widget import Widget

from tdxtui.cpuid import Field
from tdxtui.td import NAMED_BITS
from tdxtui.tui.base import EditorApp
from tdxtui.tui.bit_grid import BitGrid
from tdxtui.tui.switches import SwitchPane
from tdxtui.tui.why_lines import Setting, Target
from tdxtui.tui.why_pane import WhyPane

REMEMBERED = 200


class Place(NamedTuple):
    """Where one was: the bit under the cursor, the focused pane, the selected condition."""

    bit: Field
    pane: str
    condition: int


class JumpingApp(EditorApp):
    """An app with a grid that can be jumped about in."""

    _grid: BitGrid
    _why: WhyPane

    def __init__(self, ansi_color: bool = False) -> None:
        super().__init__(ansi_color=ansi_color)
        self._places: deque[Place] = deque(maxlen=REMEMBERED)

    @abstractmethod
    def focus_on(self, pane: Widget) -> None:
        """Focus a pane at once."""

    @abstractmethod
    def show_message(self) -> None:
        """Show the last line again."""

    @abstractmethod
    def show_pane(self, name: str) -> bool:
        """Focus a pane by its name; whether there is room for it."""

    # -- back --

    def here(self) -> Place:
        """Where one is."""
        focused = self.screen_stack[0].focused
        return Place(self._grid.cursor, (focused.id if focused else None) or "grid", self._why.selected)

    def mark(self) -> None:
        """Before a jump: remember where one is."""
        place = self.here()
        if not self._places or self._places[-1] != place:
            self._places.append(place)

    def action_return(self) -> None:
        """To where one was before the last jump."""
        here = self.here()
        while self._places:
            place = self._places.pop()
            if place.bit.leaf in self._grid.all_leaves and place[:2] != here[:2]:
                self.return_to(place)
                return
        self.say("There is nothing to go back to")

    def return_to(self, place: Place) -> None:
        """To a place where one was."""
        self._grid.go_to(place.bit)
        if self.here().pane != place.pane and not self.show_pane(place.pane):
            self.show_pane("grid")
        if place.pane == "why":
            self._why.select(place.condition)

    # -- to what a condition names --

    def on_why_pane_followed(self, event: WhyPane.Followed) -> None:
        """Enter on a condition."""
        self.follow(event.target)

    def follow(self, target: Target | None) -> None:
        """Go to what a condition names."""
        if target is None:
            self.say("That condition is the bit's own: there is nowhere to go")
        elif isinstance(target, Setting):
            self._go_to_setting(target)
        elif self.editor.module.entry_field(target) is None:
            self.say(f"Module {self.editor.module.version} has no {target.leaf.sdm}", alarm=True)
        else:
            self._go_to_field(target)

    def _go_to_field(self, field: Field) -> None:
        found = self.editor.module.entry_field(field)
        assert found is not None
        self.mark()
        self._grid.go_to(first_bit(found))
        self.show_pane("grid")
        self.say("ctrl+o goes back")

    def _go_to_setting(self, setting: Setting) -> None:
        place = self.here()
        if self.show_pane(setting.pane):
            self._places.append(place)
            switches = self.query_one(f"#{setting.pane}", SwitchPane)
            switches.select(listed_name(setting, switches.names))
            self.say(f"{setting.pane.upper()}.{setting.name}: Space flips it, ctrl+o goes back")

    # -- conflicts --

    def refused_bits(self) -> list[Field]:
        """The bits of the module's entries that a VMM layer refuses."""
        return []

    def action_conflict(self, step: int) -> None:
        """To the next conflict, or the one before."""
        situation, leaves = self.editor.situation, self._grid.all_leaves
        bits = [bit for bit in (*situation.conflict_bits(), *self.refused_bits()) if bit.leaf in leaves]
        elsewhere = situation.refusals_elsewhere()
        if not bits:
            self.say("; ".join(elsewhere) or "There is no conflict", alarm=bool(elsewhere))
            return
        order = {leaf: number for number, leaf in enumerate(leaves)}
        places = {(order[bit.leaf], int(bit.register), -bit.lsb): bit for bit in bits}
        cursor = self._grid.cursor
        now = (order[cursor.leaf], int(cursor.register), -cursor.lsb)
        later = [place for place in sorted(places) if (place > now if step > 0 else place < now)]
        self.mark()
        self._grid.go_to(places[(later or sorted(places))[0 if step > 0 else -1]])
        refused = [f"✗ {item.because}" for item in situation.refusals if item.at == self._grid.cursor.leaf]
        wrapped = [] if later else elsewhere
        if refused or wrapped:
            self.say("; ".join([*refused, *wrapped]), alarm=True)


def first_bit(field: Field) -> Field:
    """Where the cursor stands for a field: at its left end."""
    return Field.bit(field.leaf, field.register, field.msb)


def listed_name(setting: Setting, names: list[str]) -> str:
    """The listed switch that a setting is, or is a part of."""
    known = NAMED_BITS["CONFIG_FLAGS" if setting.pane == "td" else setting.pane.upper()]
    whole = (name for name in names if known.get(name, 0) & known.get(setting.name, 0))
    return setting.name if setting.name in names else next(whole, "")
