"""The main screen: leaves, grid, switches, the pane that says why."""

from __future__ import annotations

import gc
from collections.abc import Mapping
from typing import ClassVar

from rich.text import Text
from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.theme import Theme

from tdxtui import model_file
from tdxtui.cpuid import Field, Register
from tdxtui.editor import Editor, Outcome
from tdxtui.errors import TdxtuiError
from tdxtui.td_values import TD_VALUES
from tdxtui.tui import panes
from tdxtui.tui.acting import ActingApp
from tdxtui.tui.asking import AskingApp
from tdxtui.tui.bit_grid import BitGrid
from tdxtui.tui.copying import CopyingApp
from tdxtui.tui.exporting import ExportingApp
from tdxtui.tui.fast import Bare, Column, MainScreen, Row
from tdxtui.tui.foreseeing import ForeseeingApp
from tdxtui.tui.going import GoingApp
from tdxtui.tui.helping import HelpingApp
from tdxtui.tui.keymap import rebind, renamed
from tdxtui.tui.leaf_list import LeafList
from tdxtui.tui.lines import OneLine
from tdxtui.tui.palette import THEME_PREFIX, Palette
from tdxtui.tui.past import PastApp
from tdxtui.tui.search_line import SearchLine
from tdxtui.tui.settings import as_guest, attribute_switches, guest_switches, td_switches, xfam_switches
from tdxtui.tui.switches import SwitchPane
from tdxtui.tui.why_pane import WhyPane

# The theme of the terminal's own colours, by its name since Textual 8.2.6 and before.
NO_COLOR_THEMES = "ansi-dark", "textual-ansi"
HINTS = {
    "xfam": "Space flips it, Esc: the grid",
    "attributes": "Space flips it, Esc: the grid",
    "td": "Space flips a flag, Enter changes a value, Esc: the grid",
    "why": "↑ ↓ choose a condition, Enter goes there, Esc: the grid",
}


class TdxApp(ActingApp, GoingApp, AskingApp, ExportingApp, ForeseeingApp, HelpingApp, CopyingApp, PastApp, whole=True):
    """Shows an `Editor` and turns keys into its calls."""

    CSS_PATH = "app.tcss"
    ENABLE_COMMAND_PALETTE = False
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("W", "focus_pane('why')", "To the reasons (Why)"),
        Binding("ctrl+o", "return", "Back to before the last jump"),
        Binding("slash", "search", "Search names and notations"),
        Binding("n", "match(1)", "Next match"),
        Binding("N", "match(-1)", "Previous match"),
        Binding("x", "focus_pane('xfam')", "To XFAM"),
        Binding("a", "focus_pane('attributes')", "To ATTRIBUTES"),
        Binding("t", "focus_pane('td')", "To the other TD parameters"),
        Binding("escape", "escape", "Back to the grid; show everything"),
        Binding("m", "choose_module", "Choose the module"),
        Binding("c", "choose_platform", "Choose the CPU"),
        Binding("right_square_bracket", "conflict(1)", "Next conflict"),
        Binding("left_square_bracket", "conflict(-1)", "Previous conflict"),
        Binding("u,ctrl+z", "undo", "Undo"),
        Binding("U,ctrl+y", "redo", "Redo"),
        Binding("s,ctrl+s", "save", "Save"),
        Binding("S", "save_as", "Save as"),
        Binding("e", "export", "Look at an export and write it"),
        Binding("y", "copy", "Copy the bit; again: its register, its leaf"),
        Binding("Z", "history", "List of all edits"),
        Binding("T", "choose_theme", "Choose the theme"),
        Binding("ctrl+p", "commands", "Commands by name"),
        Binding("question_mark", "help", "All keys"),
        Binding("f1", "explain", "Explain the pane in focus"),
        Binding("q,ctrl+q,ctrl+c", "leave", "Quit", priority=False, id="quit"),
    ]

    def __init__(
        self, editor: Editor, theme: Theme, palette: Palette, no_color: bool = False, notice: str = "",
        keys: Mapping[str, tuple[str, ...]] | None = None,
    ) -> None:
        self._no_color = no_color
        super().__init__(ansi_color=no_color)
        self.editor = editor
        self.palette = palette
        self.theme_name = theme.name.removeprefix(THEME_PREFIX)
        self.key_map = dict(keys or {})
        self._renamed = renamed(self.key_map)
        self._start_with(theme)
        self._said = (notice, False)
        self._shown_settings: tuple[object, object, object] | None = None
        self._told_header: tuple[object, ...] = ()
        self._shown_message: tuple[tuple[str, bool], int] | None = None
        self._offer: Outcome | None = None
        self._offered_for: Field | None = None
        self._listed: Field | None = None
        self.problem = ""

    def _start_with(self, theme: Theme) -> None:
        """Use a theme before anything is laid out: a change of theme later would lay everything out twice."""
        self.register_theme(theme)
        name = next(name for name in NO_COLOR_THEMES if name in self.available_themes) if self._no_color else theme.name
        self.set_reactive(App.theme, name)
        self.stylesheet.set_variables(self.get_css_variables())

    def get_theme_variable_defaults(self) -> dict[str, str]:
        """The stylesheet's own variables, for themes that say nothing of them."""
        return {"edge": "ansi_default" if self._no_color else "#808080"}

    def get_default_screen(self) -> MainScreen:
        """The screen that all panes lie on."""
        return MainScreen(id="_default")

    # -- laying out --

    def compose(self) -> ComposeResult:
        """Everything of the main screen."""
        self._header = OneLine(self.palette, id="header")
        self._ruler = OneLine(self.palette, id="ruler")
        calls = self._moved, self.mark, self.flip_bit, self._ruled
        self._grid = BitGrid(self.editor.situation, self.palette, *calls, id="grid")
        self._list = LeafList(self.editor.situation, self._grid.leaves, self.palette, id="leaves")
        self._xfam = SwitchPane("XFAM", 2, xfam_switches(self.editor), self.palette, id="xfam")
        self._attributes = SwitchPane("ATTRIBUTES", 1, attribute_switches(self.editor), self.palette, id="attributes")
        self._td = SwitchPane("TD parameters", 1, td_switches(self.editor), self.palette, id="td")
        guest = guest_switches(self.editor.module, as_guest(self.editor))
        self._guest = SwitchPane("Guest at run time", 1, guest, self.palette, id="guest")
        self._why = WhyPane(self.palette, id="why")
        panes = self._xfam, self._attributes, self._td, self._guest
        self._switches = {pane.id or "": pane for pane in panes}
        typing = self.search_typed, self.search_stepped, self.search_ended
        self._status = SearchLine(self.palette, *typing, id="status")
        self._small = OneLine(self.palette, id="small")
        self._middle, self._side = Row(id="middle"), Column(id="side")
        self.fit_panes(*self.size)
        self.show_all()
        yield self._header
        with self._middle:
            with self._side:
                yield self._list
                yield from panes
            with Column(id="main"):
                yield self._ruler
                yield self._grid
                yield self._why
        yield self._status
        yield self._small

    def on_mount(self) -> None:
        """The first layout, and focus."""
        if self.key_map:
            for node in (self, *self.screen.query(Bare)):
                rebind(node, self.key_map)
        self.focus_on(self._grid)
        self.fit(self.size.width, self.size.height)
        self.show_all()
        self.call_after_refresh(self._started)

    def _started(self) -> None:
        """What can wait until the first frame is drawn."""
        gc.freeze()
        gc.enable()
        self._grid.show_words()
        self._list.count()
        self.begin_asking()
        self.prepare_search()
        self.begin_autosave()
        if self.editor.path is not None and self.editor.path.exists():
            self.set_timer(0.1, self._validate)

    def _validate(self) -> None:
        """Check the opened file's shape: pydantic is slow to load, so the first frame goes first."""
        assert self.editor.path is not None
        try:
            model_file.validate_file(self.editor.path)
        except TdxtuiError as error:
            self.problem = str(error)
            self.exit(return_code=2)

    # -- showing --

    def show_all(self) -> None:
        """Show everything again."""
        self.show_settings()
        self._show_cursor()
        self.show_message()

    def show_settings(self) -> None:
        """Show the header and the switches."""
        self._show_header()
        model, prepared = self.editor.model, self.editor.situation.td.prepared
        words = model.xfam, model.attributes, model.config_flags, *(item.text(model) for item in TD_VALUES.values())
        if self._shown_settings == (prepared, words, self.layers):
            return
        self._shown_settings = prepared, words, self.layers
        shown = self._xfam, self._attributes, self._td
        rows = [pane.rows for pane in shown]
        for pane, listed in zip(shown, (xfam_switches, attribute_switches, td_switches), strict=True):
            pane.show(listed(self.editor, self.layers))
        if (guest := self._grid.shown.guest) is not None:
            self._guest.show(guest_switches(self.editor.module, guest))
        if rows != [pane.rows for pane in shown]:
            self.arrange()

    def _show_header(self) -> None:
        """The first line, put together anew only where it tells something else."""
        editor, situation = self.editor, self.editor.situation
        told = (
            editor.path, editor.model.name, editor.dirty, editor.module, editor.platform, situation.conflict_count,
            self._width, self.badge, self.asked, self.theme_name,
        )
        if told != self._told_header:
            self._told_header = told
            self._header.show(panes.header(editor, self.palette, self._width, self.badge, self.asked))

    def _show_cursor(self) -> None:
        bit = self._grid.cursor
        if len(self._grid.leaves) != self._list.length:
            self._list.show(self.editor.situation, self._grid.leaves)
        self._list.select(bit.leaf)
        self._why.show(self.editor.situation, bit)

    def say(self, message: str, alarm: bool = False, offer: Outcome | None = None) -> None:
        """A message in the last line; Enter then shows its offer, and no longer one of a message before."""
        self._said, self._offer, self._offered_for = (message, alarm), offer, None
        if self._shown_message != (self._said, self._width):
            self.show_message()

    def show_message(self) -> None:
        """The search being typed; else the last message, or the keys if there is none."""
        message, alarm = self._said
        self._shown_message = None if self._status.is_open else (self._said, self._width)
        if self._status.is_open:
            text = Text.assemble((f" {self.prompt} ", self.palette.strong), (self.search_words, self.palette.text))
        elif message:
            style = self.palette.conflict if alarm else self.palette.strong
            text = Text(panes.message(message, self._width), style)
        else:
            text = panes.keys(self.palette, self._width, self._renamed)
        text.truncate(self._width, overflow="ellipsis")
        self._status.show(text)

    def show_outcome(self, outcome: Outcome) -> None:
        """Show what an edit did, or why it did nothing."""
        if outcome.done:
            drawn = self.drawn_for(self.editor.situation, outcome.changed)
            guest = self._grid.shown.guest
            # What the guest reads of one leaf may depend on another one's bits.
            self._grid.show(self.editor.situation, drawn if guest is None else None)
            self._list.show(self.editor.situation, self._grid.leaves)
            self._list.count(drawn)
            self.show_settings()
            self._show_cursor()
            self.ask_again()
        self.say(outcome.message, not outcome.done, outcome)

    # -- events of the panes --

    def _moved(self) -> None:
        """The cursor moved."""
        self._show_cursor()
        self.say_marked()

    def _ruled(self) -> None:
        """The bit numbers stand above the bits; now the width of the pane that says why is known, too."""
        self._ruler.show(Text(self._grid.shape.ruler(), self.palette.muted))
        self._show_cursor()

    def on_leaf_list_chosen(self, event: LeafList.Chosen) -> None:
        """The list's selection moved. A way through the list is one jump."""
        if self._grid.cursor != self._listed:
            self.mark()
        self._listed = Field.bit(event.leaf, Register.EAX, 31)
        self._grid.go_to(self._listed)

    def on_leaf_list_left(self) -> None:
        """On to the grid."""
        self.focus_on(self._grid)

    # -- actions --

    def action_focus_pane(self, name: str) -> None:
        """To a pane; to the next switch that is off from one of XFAM that has the focus."""
        if name in ("xfam", "attributes") and self.here().pane == name:
            self.query_one(f"#{name}", SwitchPane).select_next_off()
        elif self.show_pane(name):
            if name == "why":
                self._why.select(self._why.selected)
            self.say(HINTS.get(name, ""))

    def action_escape(self) -> None:
        """Back by one step: to the grid, to nothing marked, to no second module, to everything shown."""
        if self.here().pane != "grid":
            self.show_pane("grid")
            self.say("")
        elif self._grid.selection is not None:
            self._grid.select(False)
            self.say("")
        elif not (self.leave_diff() or self.leave_filter()):
            self.say("")

    def action_undo(self) -> None:
        """Take the last edit back."""
        self.show_outcome(self.editor.undo())

    def action_redo(self) -> None:
        """Make it again."""
        self.show_outcome(self.editor.redo())

