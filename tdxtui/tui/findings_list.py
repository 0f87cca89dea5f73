"""The dialog that lists findings, with the one under the cursor told in full below."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from tdxtui.check import Finding, Kind
from tdxtui.check_text import details, values
from tdxtui.naming import field_name
from tdxtui.tui.dialog import Dialog, Options
from tdxtui.tui.lines import clean, shortened

MARKS = {Kind.REFUSAL: "✗", Kind.CONFLICT: "✗", Kind.VMM: "!", Kind.DRIFT: "~", Kind.WARNING: "·"}
# What Tab goes through: a word, and the kinds that are listed then.
VIEWS: tuple[tuple[str, tuple[Kind, ...]], ...] = (
    ("all", tuple(Kind)), ("conflicts", (Kind.REFUSAL, Kind.CONFLICT)), ("VMM", (Kind.VMM,)),
    ("warnings", (Kind.WARNING, Kind.DRIFT)),
)
WIDTH, FRAME, NARROW = 110, 8, 90
NO_LAYER = "no VMM layer is chosen; V chooses"
# A note on where the model is from is no finding, and has nowhere to go to.
Row = Finding | str


class FindingsList(Dialog["tuple[str, Finding] | None"]):
    """Findings, one a line, the most important first; returns the chosen one with "go" or "cure", None for none."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q", "dismiss(None)", "Back"),
        Binding("c", "cure", "Look at its cure"),
        Binding("tab", "view(1)", "Next kind", priority=True),
        Binding("shift+tab", "view(-1)", "Previous kind", priority=True),
    ]

    def __init__(self, findings: Sequence[Finding], notes: Sequence[str], has_layers: bool) -> None:
        super().__init__()
        self._findings, self._notes, self._has_layers = findings, notes, has_layers
        self._view = 0
        self._rows: list[Row] = []

    def compose(self) -> ComposeResult:
        """The list, and the details below."""
        with Vertical(classes="box findings"):
            yield Options()
            yield Static(classes="details")

    def on_mount(self) -> None:
        """All of them."""
        self._show()

    def _show(self) -> None:
        word, kinds = VIEWS[self._view]
        notes = self._notes if self._view == 0 else ()
        self._rows = [*(item for item in self._findings if item.kind in kinds), *notes]
        options = self.query_one(OptionList)
        nothing = NO_LAYER if word == "VMM" and not self._has_layers else "none"
        width = min(WIDTH, self.app.size.width * 96 // 100) - FRAME
        lines = [Option(Text(shortened(clean(line(row, width)), width))) for row in self._rows]
        options.set_options(lines or [Option(nothing, disabled=True)])
        options.highlighted = 0 if self._rows else None
        box = self.query_one(".box")
        only = f", only {word}" if self._view else ""
        box.border_title = f"Findings{only}: {_counts(self._findings)}"
        following = VIEWS[(self._view + 1) % len(VIEWS)][0]
        box.border_subtitle = f"Enter goes, c cures, Tab: {following}, Esc: back"
        self._tell()

    def on_option_list_option_highlighted(self) -> None:
        """Tell the one under the cursor in full."""
        self._tell()

    def _tell(self) -> None:
        row = self._chosen
        told = [] if row is None else [row] if isinstance(row, str) else details(row)
        self.query_one(".details", Static).update(Text("\n".join(clean(part) for part in told)))

    @property
    def _chosen(self) -> Row | None:
        at = self.query_one(OptionList).highlighted
        return self._rows[at] if at is not None and at < len(self._rows) else None

    def action_view(self, step: int) -> None:
        """Other kinds of findings."""
        self._view = (self._view + step) % len(VIEWS)
        self._show()

    def on_option_list_option_selected(self) -> None:
        """Go there."""
        self._leave("go")

    def action_cure(self) -> None:
        """Look at the cure."""
        self._leave("cure")

    def _leave(self, what: str) -> None:
        if isinstance(self._chosen, Finding):
            self.dismiss((what, self._chosen))


def line(row: Row, width: int) -> str:
    """A finding in one line: sort, place, name, values, and with room for it who decides."""
    if isinstance(row, str):
        return f"  note  {row}"
    field = row.field
    if field is None:
        names = ", ".join(dict.fromkeys(map(field_name, row.bits)))
        return f"{MARKS[row.kind]} {f'{len(row.bits)} bits: {names}' if names else row.message}"
    wide = width >= NARROW
    said = values(row) if not wide or row.kind is Kind.CONFLICT else ""
    name = field_name(field)
    head = f"{MARKS[row.kind]} {field.key:18} {name:22} " if wide else f"{MARKS[row.kind]} {field.key:15} {name:18} "
    return f"{head}{said:18} {row.message}" if said else head + row.message


def _counts(findings: Sequence[Finding]) -> str:
    """How many there are of each kind; conflicting bits are counted singly, as everywhere on the screen."""
    found = []
    for word, kinds in VIEWS[1:]:
        single = Kind.CONFLICT in kinds
        count = sum(max(len(item.bits), 1) if single else 1 for item in findings if item.kind in kinds)
        name = word if word == "VMM" else word.removesuffix("s") if count == 1 else word
        found += [f"{count} {name}"] * bool(count)
    return ", ".join(found) or "none"
