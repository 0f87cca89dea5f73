"""The dialog that tries themes."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from textual.containers import Vertical
from textual.widgets import OptionList, Static

from tdxtui.tui.dialogs import Chooser
from tdxtui.tui.palette import Palette
from tdxtui.tui.panes import bit_legend


class ThemeChooser(Chooser):
    """The themes; the one under the cursor is shown at once, by the glyphs below and by what lies behind."""

    def __init__(
        self, choices: Sequence[tuple[str, str]], present: str, palette: Palette, show: Callable[[str], bool]
    ) -> None:
        super().__init__("Theme", choices, present, "Enter takes it")
        self._palette, self._show = palette, show

    def on_mount(self) -> None:
        """Begin at the present theme."""
        super().on_mount()
        self.query_one(Vertical).mount(Static(bit_legend(self._palette), classes="legend"))

    def on_option_list_option_highlighted(self, event: OptionList.OptionHighlighted) -> None:
        """Show the theme."""
        if self._show(self._choices[event.option_index][0]):
            for sample in self.query(".legend").results(Static):
                sample.update(bit_legend(self._palette))
