"""The main screen: leaves, grid, switches, the pane that says why."""

from __future__ import annotations

import gc
from collections.abc import Mapping
from typing import ClassVar

from rich.text import Text
from textual import events
from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.theme import Theme
from textual.widget import Widget

from tdxtui import model_file
from tdxtui.cpuid import Field, Register
from tdxtui.editor import Editor, Outcome
from tdxtui.errors import TdxtuiError
from tdxtui.tui import panes
from tdxtui.tui.bit_grid import BitGrid, ruler
from tdxtui.tui.copying import CopyingApp
from tdxtui.tui.exporting import ExportingApp
from tdxtui.tui.fast import Bare, Column, MainScreen, Row
from tdxtui.tui.helping import HelpingApp
from tdxtui.tui.keymap import rebind, renamed
from tdxtui.tui.leaf_list import LeafList
from tdxtui.tui.lines import OneLine
from tdxtui.tui.palette import THEME_PREFIX, Palette
from tdxtui.tui.past import PastApp
from tdxtui.tui.search_line import SearchLine
from tdxtui.tui.searching import SearchingApp
from tdxtui.tui.switches import SwitchPane, attribute_switches, xfam_switches
from tdxtui.tui.why_pane import WhyPane

MIN_WIDTH, MIN_HEIGHT = 44, 10
SIDE_FROM_WIDTH, SWITCHES_FROM_HEIGHT = 78, 20
WHY_FROM_HEIGHT, TALL_WHY_FROM_HEIGHT = 16, 36
# The theme of the terminal's own colours, by its name since Textual 8.2.6 and before.
NO_COLOR_THEMES = "ansi-dark", "textual-ansi"
HINTS = {
    "xfam": "Space flips it, Esc goes back to the grid",
    "attributes": "Space flips it, Esc goes back to the grid",
    "why": "Up and Down choose a condition, Enter goes to what it names, Esc goes back to the grid",
}


class TdxApp(SearchingApp, HelpingApp, ExportingApp, CopyingApp, PastApp):
    """Shows an `Editor` and turns keys into its calls."""

    CSS_PATH = "app.tcss"
    ENABLE_COMMAND_PALETTE = False
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("w", "focus_pane('why')", "To the reasons (Why)"),
        Binding("ctrl+o", "return", "Back to before the last jump"),
        Binding("slash", "search", "Search names and notations"),
        Binding("n", "match(1)", "Next match"),
        Binding("N", "match(-1)", "Previous match"),
        Binding("x", "focus_pane('xfam')", "To XFAM"),
        Binding("a", "focus_pane('attributes')", "To ATTRIBUTES"),
        Binding("escape", "focus_pane('grid')", "To the grid", show=False),
        Binding("enter", "show_offer", "Show what the message offers"),
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
        self._offer: Outcome | None = None
        self._offered_for: Field | None = None
        self._listed: Field | None = None
        self._width, self._height, self._tiny = 0, 0, False
        self._asked = "grid"
        self.problem = ""
        self._shown_conflicts = editor.situation.conflict_leaves()

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
        self._grid = BitGrid(self.editor.situation, self.palette, self._moved, self.mark, id="grid")
        self._list = LeafList(self.editor.situation, self._grid.leaves, self.palette, id="leaves")
        self._xfam = SwitchPane("XFAM", 2, xfam_switches(self.editor), self.palette, id="xfam")
        self._attributes = SwitchPane("ATTRIBUTES", 1, attribute_switches(self.editor), self.palette, id="attributes")
        self._why = WhyPane(self.palette, id="why")
        typing = self.search_typed, self.search_stepped, self.search_ended
        self._status = SearchLine(self.palette, *typing, id="status")
        self._small = OneLine(self.palette, id="small")
        yield self._header
        with Row(id="middle"):
            with Column(id="side"):
                yield self._list
                yield self._xfam
                yield self._attributes
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
        self._fit(self.size.width, self.size.height)
        self.show_all()
        self.call_after_refresh(self._started)

    def _started(self) -> None:
        """What can wait until the first frame is drawn."""
        gc.freeze()
        gc.enable()
        self._grid.show_words()
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

    def on_resize(self, event: events.Resize) -> None:
        """Another size may want another layout."""
        self._fit(event.size.width, event.size.height)
        self.show_all()

    def _fit(self, width: int, height: int) -> None:
        # While a dialog is open, `size` follows a resize only later.
        self._width, self._height = width, height
        tiny = width < MIN_WIDTH or height < MIN_HEIGHT
        if tiny and self._status.is_open:
            self.search_ended(True)
        for name in ("header", "middle", "status"):
            self.query_one(f"#{name}").display = not tiny
        self._small.display = tiny
        if tiny:
            message = f"tdxtui needs {MIN_WIDTH}x{MIN_HEIGHT}; this is {width}x{height}"
            self._small.show(Text(message, self.palette.text))
        self.query_one("#side").display = width >= SIDE_FROM_WIDTH
        self._fit_switches()
        self._why.display = height >= WHY_FROM_HEIGHT
        self._why.set_class(height >= TALL_WHY_FROM_HEIGHT, "tall")
        self.query_one("#side").set_class(width >= 110, "wide")
        focused = self.screen_stack[0].focused
        if focused is None or not _seen(focused) or self._tiny:
            self.focus_on(self._grid)
        self._tiny = tiny

    def _fit_switches(self) -> None:
        """Show XFAM and ATTRIBUTES, or where there is no room for both the one that was asked for."""
        both = self._height >= SWITCHES_FROM_HEIGHT + self._attributes.rows
        one = self._height >= SWITCHES_FROM_HEIGHT
        self._xfam.display = both or (one and self._asked != "attributes")
        self._attributes.display = both or (one and self._asked == "attributes")
        for pane in (self._xfam, self._attributes):
            pane.styles.height = pane.rows + 2

    # -- showing --

    def show_bit(self, bit: Field) -> None:
        """Put the cursor on a bit."""
        self._grid.go_to(bit)

    def show_all(self) -> None:
        """Show all panes again."""
        self.show_settings()
        self._show_cursor()
        self.show_message()

    def show_settings(self) -> None:
        """Show the header and the switches."""
        width = self._width
        self._header.show(panes.header(self.editor, self.palette, width))
        rows = self._xfam.rows, self._attributes.rows
        self._xfam.show(xfam_switches(self.editor))
        self._attributes.show(attribute_switches(self.editor))
        if rows != (self._xfam.rows, self._attributes.rows):
            self._fit_switches()

    def _show_cursor(self) -> None:
        bit = self._grid.cursor
        self._list.select(bit.leaf)
        self._why.show(self.editor.situation, bit)

    def say(self, message: str, alarm: bool = False, offer: Outcome | None = None) -> None:
        """A message in the last line; Enter then shows its offer, and no longer one of a message before."""
        self._said, self._offer, self._offered_for = (message, alarm), offer, None
        self.show_message()

    def show_message(self) -> None:
        """The search being typed; else the last message, or the keys if there is none."""
        message, alarm = self._said
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
            before = self._shown_conflicts
            self._shown_conflicts = self.editor.situation.conflict_leaves()
            drawn = {**outcome.changed, **dict.fromkeys([*before, *self._shown_conflicts, self._grid.cursor.leaf], 0)}
            self._grid.show(self.editor.situation, drawn)
            self._list.show(self.editor.situation, self._grid.leaves)
            self.show_settings()
            self._show_cursor()
        self.say(outcome.message, not outcome.done, outcome)

    # -- events of the panes --

    def _moved(self) -> None:
        """The cursor moved."""
        self._show_cursor()
        self.say("")

    def on_bit_grid_resized(self) -> None:
        """The bit numbers stand above the bits; now the width of the pane that says why is known, too."""
        self._ruler.show(Text(ruler(self._grid.size.width), self.palette.muted))
        self._show_cursor()

    def on_bit_grid_toggle(self) -> None:
        """Space on a bit."""
        bit = self._grid.cursor
        self.show_outcome(self.editor.toggle(bit))
        self._offered_for = bit

    def on_leaf_list_chosen(self, event: LeafList.Chosen) -> None:
        """The list's selection moved. A way through the list is one jump."""
        if self._grid.cursor != self._listed:
            self.mark()
        self._listed = Field.bit(event.leaf, Register.EAX, 31)
        self._grid.go_to(self._listed)

    def on_leaf_list_left(self) -> None:
        """On to the grid."""
        self.focus_on(self._grid)

    def on_switch_pane_flipped(self, event: SwitchPane.Flipped) -> None:
        """A switch was flipped."""
        flip = self.editor.toggle_xfam if event.pane is self._xfam else self.editor.toggle_attribute
        self.show_outcome(flip(event.name))

    # -- actions --

    def focus_on(self, pane: Widget) -> None:
        """Focus at once: keys that come in one piece with the one that asked for it belong to the pane."""
        self.screen_stack[0].set_focus(pane)

    def show_pane(self, name: str) -> bool:
        """Focus a pane by its name; whether there is room for it."""
        pane, self._asked = self.query_one(f"#{name}", Widget), name
        self._fit_switches()
        if _seen(pane):
            self.focus_on(pane)
            return True
        self.say("The window is too small for that pane", alarm=True)
        return False

    def action_focus_pane(self, name: str) -> None:
        """To a pane."""
        if self.show_pane(name):
            if name == "why":
                self._why.select(self._why.selected)
            self.say(HINTS.get(name, ""))

    def action_show_offer(self) -> None:
        """Show all that the last message's offer would change, and ask whether to make it."""
        if self._offer is not None and self._offer.cure is not None:
            self.ask_for(self._offer.cure_label, self._offer.cure, self._offered_for)

    def action_undo(self) -> None:
        """Take the last edit back."""
        self.show_outcome(self.editor.undo())

    def action_redo(self) -> None:
        """Make it again."""
        self.show_outcome(self.editor.redo())


def _seen(widget: Widget) -> bool:
    return all(node.display for node in widget.ancestors_with_self if isinstance(node, Widget))
