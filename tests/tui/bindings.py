"""What each key of the screen is to do: a case for every binding of every class that has some.

A case says how the screen is made ready and what is so after the key that was not so before it.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Iterator
from typing import NamedTuple

from textual import events
from textual.binding import Binding
from textual.dom import DOMNode
from textual.screen import ModalScreen
from textual.widgets import OptionList

from tdxtui import tui
from tdxtui.tui.keymap import PACKAGE
from tdxtui.tui.switches import SwitchPane
from tests.tui.screen import Screen

START = "7.0.ecx.5"  # waitpkg: flexible, 0, with room on all sides
Check = Callable[[Screen], bool]


class Case(NamedTuple):
    """`keys` make ready from the bit `at` in a pane; `after` is what the binding's key makes true."""

    after: Check
    keys: tuple[str, ...] = ()
    at: str = START
    pane: str = "grid"


def every_binding() -> Iterator[tuple[type[DOMNode], Binding]]:
    """All bindings that classes of the screen name themselves, whatever they inherit."""
    for module in pkgutil.walk_packages(tui.__path__, "tdxtui.tui."):
        if module.name.startswith("tdxtui.tui.serving"):
            continue
        for kind in vars(importlib.import_module(module.name)).values():
            if isinstance(kind, type) and kind.__module__ == module.name and module.name.startswith(PACKAGE):
                for item in kind.__dict__.get("BINDINGS", ()):
                    assert issubclass(kind, DOMNode) and isinstance(item, Binding)
                    yield kind, item


def title(text: str) -> Check:
    """A dialog of that title is open."""

    def check(screen: Screen) -> bool:
        top = screen.app.screen
        return isinstance(top, ModalScreen) and str(top.query_one(".box").border_title).startswith(text)

    return check


def cursor(bit: str) -> Check:
    """The cursor is on that bit."""
    return lambda screen: screen.cursor == bit


def focus(pane: str) -> Check:
    """That pane has the focus."""
    return lambda screen: screen.focus == pane


def says(text: str) -> Check:
    """The last line has these words."""
    return lambda screen: text in screen.status


def switch(number: int) -> Check:
    """The component of XFAM with that place in the list is selected."""
    return lambda screen: (pane := screen.app.query_one("#xfam", SwitchPane)).chosen == pane.names[number]


def leaf(number: int) -> Check:
    """The leaf with that place in the list is selected."""
    return lambda screen: screen.app._list._selected % len(screen.grid.leaves) == number % len(screen.grid.leaves)


def condition(number: int) -> Check:
    """That condition of the reasons is selected."""
    return lambda screen: screen.app._why.selected == number


def bit_is(value: int) -> Check:
    """The TD gets that value of the bit that cases begin at."""
    return lambda screen: screen.glyph(START) == "○●"[value]


def format_is(number: int) -> Check:
    """That format of an export is shown."""
    return lambda screen: any(choice.highlighted == number for choice in screen.app.screen.query(OptionList))


def closed(screen: Screen) -> bool:
    """No dialog is open."""
    return len(screen.app.screen_stack) == 1


def _dirty(screen: Screen) -> bool:
    return screen.editor.dirty


def _cured(screen: Screen) -> bool:
    return closed(screen) and screen.editor.dirty


def _scrolled(screen: Screen) -> bool:
    return screen.app._why._top > 0


def _at_top(screen: Screen) -> bool:
    return screen.app._why._top == 0


SEARCH = ("slash", *"avx512", "enter")
CASES: dict[tuple[str, str], Case] = {
    ("TdxApp", "focus_pane('why')"): Case(focus("why")),
    ("TdxApp", "focus_pane('xfam')"): Case(focus("xfam")),
    ("TdxApp", "focus_pane('attributes')"): Case(focus("attributes")),
    ("TdxApp", "focus_pane('td')"): Case(focus("td")),
    ("TdxApp", "return"): Case(cursor(START), ("G",)),
    ("TdxApp", "search"): Case(lambda screen: screen.app._status.is_open),
    ("TdxApp", "match(1)"): Case(says("2 of "), SEARCH),
    ("TdxApp", "match(-1)"): Case(says("1 of "), (*SEARCH, "n")),
    ("TdxApp", "escape"): Case(focus("grid"), ("x",)),
    ("TdxApp", "choose_module"): Case(title("TDX module")),
    ("TdxApp", "choose_platform"): Case(title("CPU")),
    ("TdxApp", "conflict(1)"): Case(cursor("1.ecx.1")),
    ("TdxApp", "conflict(-1)"): Case(cursor("7.0.ebx.16")),
    ("TdxApp", "undo"): Case(lambda screen: not screen.editor.dirty, ("space",)),
    ("TdxApp", "redo"): Case(_dirty, ("space", "u")),
    ("TdxApp", "save"): Case(says("Saved "), ("space",)),
    ("TdxApp", "save_as"): Case(title("Save as")),
    ("TdxApp", "export"): Case(title("Export")),
    ("TdxApp", "copy"): Case(lambda screen: "7.0.ecx.5 = 0" in screen.app.clipboard),
    ("TdxApp", "history"): Case(title("History"), ("space",)),
    ("TdxApp", "choose_theme"): Case(title("Theme")),
    ("TdxApp", "commands"): Case(title("Commands")),
    ("TdxApp", "help"): Case(title("Keys")),
    ("TdxApp", "explain"): Case(title("The bits")),
    ("TdxApp", "leave"): Case(title("Quit?"), ("space",)),
    ("GoingApp", "go"): Case(lambda screen: screen.app._goes),
    ("ChangingApp", "wish"): Case(lambda screen: screen.glyph("1.edx.0") == "✗", at="1.edx.0"),
    ("ChangingApp", "mark"): Case(lambda screen: screen.grid.selection is not None),
    ("ChangingApp", "set_bits(1)"): Case(bit_is(1)),
    ("ChangingApp", "set_bits(0)"): Case(bit_is(0), ("space",)),
    ("ChangingApp", "enter"): Case(title("4.0.eax[31:26]"), at="4.0.eax.31"),
    ("ViewingApp", "choose_filter"): Case(title("Show")),
    ("ViewingApp", "guest_view"): Case(lambda screen: screen.grid.shown.guest is not None),
    ("ViewingApp", "legend"): Case(title("Legend")),
    ("ViewingApp", "mouse"): Case(says("mouse")),
    ("BitGrid", "move_row(-1)"): Case(cursor("7.0.ebx.5")),
    ("BitGrid", "move_row(1)"): Case(cursor("7.0.edx.5")),
    ("BitGrid", "move_bit(1)"): Case(cursor("7.0.ecx.6")),
    ("BitGrid", "move_bit(-1)"): Case(cursor("7.0.ecx.4")),
    ("BitGrid", "page(-1)"): Case(cursor("4.3.eax.5")),
    ("BitGrid", "page(1)"): Case(cursor("a.eax.5")),
    ("BitGrid", "edge(0)"): Case(cursor("0.eax.31")),
    ("BitGrid", "edge(-1)"): Case(cursor("80000008.eax.31")),
    ("BitGrid", "move_leaf(-1)"): Case(cursor("6.eax.5")),
    ("BitGrid", "move_leaf(1)"): Case(cursor("7.1.eax.5")),
    ("BitGrid", "flexible(-1)"): Case(cursor("7.0.ecx.6")),
    ("BitGrid", "flexible(1)"): Case(cursor("7.0.ecx.3")),
    ("BitGrid", "flip_bit"): Case(bit_is(1)),
    ("LeafList", "move(-1)"): Case(leaf(0), at="1.eax.0", pane="leaves"),
    ("LeafList", "move(1)"): Case(leaf(2), at="1.eax.0", pane="leaves"),
    ("LeafList", "page(-1)"): Case(leaf(0), at="4.0.eax.0", pane="leaves"),
    ("LeafList", "page(1)"): Case(lambda screen: screen.app._list._selected > 10, at="1.eax.0", pane="leaves"),
    ("LeafList", "move(-1000)"): Case(leaf(0), pane="leaves"),
    ("LeafList", "move(1000)"): Case(leaf(-1), pane="leaves"),
    ("LeafList", "leave"): Case(focus("grid"), pane="leaves"),
    ("SwitchPane", "move(0, -1)"): Case(switch(0), ("G", "g", "j"), pane="xfam"),
    ("SwitchPane", "move(0, 1)"): Case(switch(1), ("G", "g"), pane="xfam"),
    ("SwitchPane", "move(-1, 0)"): Case(switch(0), ("G", "g", "l"), pane="xfam"),
    ("SwitchPane", "move(1, 0)"): Case(switch(5), ("G", "g"), pane="xfam"),
    ("SwitchPane", "edge(0)"): Case(switch(0), ("G",), pane="xfam"),
    ("SwitchPane", "edge(-1)"): Case(switch(-1), ("G", "g"), pane="xfam"),
    ("SwitchPane", "flip"): Case(lambda screen: "■ PT" in screen.text, ("g", *"jjjj"), pane="xfam"),
    ("SwitchPane", "enter"): Case(title("TSC"), ("g",), pane="td"),
    ("WhyPane", "follow"): Case(focus("xfam"), at="7.0.ebx.16", pane="why"),
    ("WhyPane", "move(-1)"): Case(condition(0), ("j",), at="7.0.ebx.16", pane="why"),
    ("WhyPane", "move(1)"): Case(condition(1), at="7.0.ebx.16", pane="why"),
    ("WhyPane", "page(-1)"): Case(_at_top, ("pagedown",), at="7.0.ebx.16", pane="why"),
    ("WhyPane", "page(1)"): Case(_scrolled, at="7.0.ebx.16", pane="why"),
    ("WhyPane", "edge(0)"): Case(_at_top, ("pagedown",), at="7.0.ebx.16", pane="why"),
    ("WhyPane", "edge(1)"): Case(_scrolled, at="7.0.ebx.16", pane="why"),
    ("FindingsApp", "findings"): Case(title("Findings")),
    ("LayeringApp", "choose_layers"): Case(title("VMM layers")),
    ("NearestApp", "fit_model"): Case(title("Make this change?")),
    ("ComparingApp", "diff"): Case(title("Differences to which module?")),
    ("FindingsList", "dismiss(None)"): Case(closed, ("i",)),
    ("Chooser", "dismiss(None)"): Case(closed, ("m",)),
    ("Pick", "dismiss(None)"): Case(closed, ("question_mark",)),
    ("Question", "dismiss('escape')"): Case(closed, ("space", "q")),
    ("FileName", "dismiss(None)"): Case(closed, ("S",)),
    ("Help", "dismiss(None)"): Case(closed, ("L",)),
    ("ValueDialog", "dismiss(None)"): Case(closed, ("t", "g", "enter")),
    ("Preview", "dismiss(True)"): Case(_cured, ("space", "enter"), at="7.0.ebx.17"),
    ("Preview", "dismiss(False)"): Case(closed, ("space", "enter"), at="7.0.ebx.17"),
    ("ExportPreview", "next"): Case(format_is(1), ("e",)),
    ("ExportPreview", "next(-1)"): Case(format_is(0), ("e", "tab")),
    ("ExportPreview", "dismiss(None)"): Case(closed, ("e",)),
}


# Bindings that other tests press, by the test's module and name.
ELSEWHERE = {
    ("ExportPreview", "allow"): ("test_exporting", "test_a_conflicting_model_is_exported_only_on_a_word_of_its_own"),
    ("FindingsList", "cure"): (
        "test_asking", "test_c_looks_at_the_cure_at_once_and_a_wish_that_nothing_cures_is_given_up"
    ),
    ("FindingsList", "view(1)"): ("test_asking", "test_tab_goes_through_conflicts_vmm_and_warnings"),
    ("FindingsList", "view(-1)"): ("test_asking", "test_tab_goes_through_conflicts_vmm_and_warnings"),
    ("ExportPreview", "write"): ("test_exporting", "test_a_conflicting_model_is_exported_only_on_a_word_of_its_own"),
    ("LessonApp", "step(1)"): ("test_learning", "test_all_that_is_to_be_done_in_a_lesson_is_seen_on_a_small_screen"),
    ("LessonApp", "step(-1)"): ("test_learning", "test_the_keys_of_a_lesson"),
    ("LessonApp", "hint"): ("test_learning", "test_a_hint_is_shown_when_it_is_asked_for"),
    ("LessonApp", "fold"): ("test_learning", "test_folding_leaves_what_there_is_to_do"),
    **{("LessonApp", f"answer({number})"): ("test_learning", "test_the_keys_of_a_lesson") for number in range(4)},
}


async def press(screen: Screen, *keys: str) -> None:
    """Press keys, waiting only until all widgets have seen what comes of them: `Pilot.press` waits for an idle CPU."""
    for name in keys:
        screen.app.post_message(events.Key(name, name if len(name) == 1 else None))
        for _ in range(4):
            await screen.pilot._wait_for_screen()


async def make_ready(screen: Screen, at: str, pane: str = "grid") -> None:
    """As it was opened, but for the cursor and the focus."""
    while len(screen.app.screen_stack) > 1:
        await press(screen, "escape")
    await press(screen, "escape")
    if screen.grid.shown.guest is not None:
        await press(screen, "r")
    await press(screen, "escape", "escape")
    while screen.editor.undo().done:
        pass
    screen.app.show_outcome(screen.editor.go_to(0))
    screen.app.say("")
    screen.app.show_pane("grid")
    await screen.go("0.eax.30")
    await screen.go(at)
    assert screen.app.show_pane(pane)
