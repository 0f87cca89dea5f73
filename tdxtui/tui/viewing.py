"""What the grid shows: filters, the guest's view at run time, the legend; and the mouse on or off."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding, BindingType

from tdxtui import library
from tdxtui.dynamic import GuestState
from tdxtui.errors import TdxtuiError
from tdxtui.tui import panes
from tdxtui.tui.fitting import FittingApp
from tdxtui.tui.settings import as_guest, guest_flipped, guest_switches
from tdxtui.tui.switches import SwitchPane

if TYPE_CHECKING:
    from tdxtui.filters import Filter

EVERYTHING, PRESET, DEFAULT, MODULE = "everything", "preset", "default", "module"
CHOICES = (
    (EVERYTHING, "everything"),
    ("conflicts", "only conflicts"),
    ("flexible", "only flexible bits"),
    (PRESET, "only what differs from a preset …"),
    (DEFAULT, "only what differs from the module's default (a VMM that asks for nothing)"),
    (MODULE, "only what differs from another module …"),
    ("named", "only bits that have a name"),
    ("filled", "no leaves that are all 0"),
)


class ViewingApp(FittingApp):
    """An app whose grid can be looked at in several ways."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("o", "choose_filter", "Filter: show only some bits"),
        Binding("r", "guest_view", "Run time: as the guest reads it"),
        Binding("L", "legend", "Legend, and numbers of bits"),
        Binding("M", "mouse", "Mouse on or off"),
    ]
    _guest: SwitchPane

    def __init__(self, ansi_color: bool = False) -> None:
        super().__init__(ansi_color=ansi_color)
        self._has_mouse = True
        self._last_guest: GuestState | None = None

    @property
    def badge(self) -> str:
        """What the header tells of the view, "" for the plain one."""
        shown = self._grid.shown
        words = [f"▽ {shown.filter.text}"] if shown.filter is not None else []
        guest = "◉ as the guest reads it" if self._width >= panes.WIDE_HEADER else "◉ run time"
        return " · ".join([*[guest] * (shown.guest is not None), *words])

    def _look(self, chosen: Filter | None, guest: GuestState | None) -> None:
        self._grid.look(chosen, guest)
        self._list.show(self.editor.situation, self._grid.leaves)
        self.arrange()
        self.show_all()

    # -- filters --

    def action_choose_filter(self) -> None:
        """A list of the filters."""
        from tdxtui.tui.dialogs import Chooser

        chosen = self._filter
        lines = [(value, f"{'■' if _is_on(chosen, value) else '□'} {text}") for value, text in CHOICES]
        now = next((value for value, _ in CHOICES[1:] if _is_on(chosen, value)), EVERYTHING)
        self.push_screen(Chooser("Show", lines, now), self._filter_chosen)

    @property
    def _filter(self) -> Filter:
        from tdxtui.filters import Filter

        return self._grid.shown.filter or Filter()

    def _filter_chosen(self, value: str | None) -> None:
        from tdxtui.filters import Filter, Reference

        chosen = self._filter
        if value is None:
            return
        if value == EVERYTHING:
            self.set_filter(Filter())
        elif value in (PRESET, MODULE) and not _is_on(chosen, value):
            self._choose_reference(value)
        elif value in (PRESET, MODULE, DEFAULT):
            self.set_filter(replace(chosen, reference=None if _is_on(chosen, value) else Reference(value)))
        else:
            self.set_filter(chosen.toggled(value))

    def _choose_reference(self, kind: str) -> None:
        from tdxtui.tui.dialogs import Chooser

        names = library.presets() if kind == PRESET else library.files("modules")
        others = [(name, name) for name in names if kind == PRESET or name != self.editor.module.version]
        ask = Chooser(f"Differs from which {kind}?", others, "")
        self.push_screen(ask, lambda name: self._reference_chosen(kind, name))

    def _reference_chosen(self, kind: str, name: str | None) -> None:
        from tdxtui.filters import Reference

        if name is not None:
            self.set_filter(replace(self._filter, reference=Reference(kind, name)))

    def set_filter(self, chosen: Filter) -> None:
        """Look through a filter, if there is anything to see through it."""
        from tdxtui.filters import Sieve

        try:
            sieve = Sieve(chosen, self.editor.situation)
        except TdxtuiError as error:
            self.say(str(error), alarm=True)
            return
        count = sum(sieve.mask(leaf).bit_count() for leaf in self._grid.all_leaves)
        if not count:
            self.say(f"{chosen.text}: there is none, so all stays shown", alarm=True)
            return
        self._look(chosen or None, self._grid.shown.guest)
        words = f"{chosen.text}: {count} bits in {len(self._grid.leaves)} leaves; Esc shows everything"
        self.say(words if chosen else "Everything is shown")

    def leave_filter(self) -> bool:
        """Show everything again; whether there was a filter."""
        from tdxtui.filters import Filter

        if self._grid.shown.filter is None:
            return False
        self.set_filter(Filter())
        return True

    # -- the guest's view --

    def action_guest_view(self) -> None:
        """Show what CPUID returns in the guest, or go back to what the TD is created with."""
        if self._grid.shown.guest is not None:
            self._last_guest = self._grid.shown.guest
            self._asked = "grid"
            self._look(self._grid.shown.filter, None)
            self.show_pane("grid")
            self.say("As TDH.MNG.INIT creates the TD")
            return
        guest = self._last_guest or as_guest(self.editor)
        self._show_guest(guest)
        if self.show_pane("guest"):
            self.say("As the guest's CPUID reads it: Space flips a switch, Esc: the grid, r: back")
        else:
            self.say("As the guest's CPUID reads it; r: back")

    def _show_guest(self, guest: GuestState) -> None:
        self._guest.show(guest_switches(self.editor.module, guest))
        self._look(self._grid.shown.filter, guest)

    def flip_guest(self, name: str) -> None:
        """Turn over a switch of the guest's state."""
        before = self._grid.shown.guest
        if before is None:
            return
        guest = guest_flipped(before, name)
        self._show_guest(guest)
        same = guest_switches(self.editor.module, before) == guest_switches(self.editor.module, guest)
        self.say(f"{name}: another switch already implies it" if same else f"{name}: {self._changes(before)}")

    def _changes(self, before: GuestState) -> str:
        """What another state of the guest makes it read otherwise."""
        from tdxtui.guest_view import guest_view

        after = self._grid.shown.guest
        assert after is not None
        views = [
            [guest_view(self.editor.situation, leaf, guest).value for leaf in self._grid.all_leaves]
            for guest in (before, after)
        ]
        pairs = list(zip(*views, strict=True))
        count = sum((old ^ new).bit_count() for old, new in pairs if old is not None and new is not None)
        fresh = sum(new is None and old is not None for old, new in pairs)
        gone = sum(old is None and new is not None for old, new in pairs)
        faults = [f"{fresh} leaves now give #VE"] * bool(fresh) + [f"{gone} leaves no longer give #VE"] * bool(gone)
        return ", ".join([f"{count} bit{'' if count == 1 else 's'} read otherwise", *faults])

    # -- the rest --

    def action_legend(self) -> None:
        """What the glyphs mean, and how many bits there are of each class."""
        from tdxtui.tally import tally
        from tdxtui.tui.dialogs import Help

        text = panes.legend(self.palette)
        text.append_text(panes.tally_text(tally(self.editor.situation, self._grid.all_leaves), self.palette))
        self.push_screen(Help("Legend", text))

    def action_mouse(self) -> None:
        """Take the mouse, or leave it to the terminal."""
        driver = self._driver
        switch = getattr(driver, "_disable_mouse_support" if self._has_mouse else "_enable_mouse_support", None)
        if driver is None or switch is None:
            self.say("This terminal's mouse can't be switched", alarm=True)
            return
        # The driver only writes the switch where it was made to use the mouse at all.
        switch()
        driver.flush()
        self._has_mouse = not self._has_mouse
        own, other = "The mouse moves the cursor and marks bits", "The mouse is the terminal's; M takes it back"
        self.say(own if self._has_mouse else other)


def _is_on(chosen: Filter, value: str) -> bool:
    if value == EVERYTHING:
        return not chosen
    if value in (PRESET, MODULE, DEFAULT):
        return chosen.reference is not None and chosen.reference.kind == value
    return bool(getattr(chosen, value))
