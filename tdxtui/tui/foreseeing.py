"""What Space would do is worked out while the user looks: the key then only shows it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from tdxtui.cpuid import Leaf
from tdxtui.evaluate import Situation
from tdxtui.flipping import changed
from tdxtui.tui.changing import ChangingApp
from tdxtui.tui.layering import LayeringApp
from tdxtui.tui.why_pane import WhyPane

# Seconds without a key. A key that repeats comes sooner.
LULL = 0.03


class ForeseeingApp(LayeringApp, ChangingApp):
    """An app that looks one edit ahead. Those who would work it out keep what they find; nothing depends on it."""

    _why: WhyPane

    def __init__(self, ansi_color: bool = False) -> None:
        super().__init__(ansi_color=ansi_color)
        self._foreseeing: asyncio.TimerHandle | None = None

    def foresee_soon(self) -> None:
        """Look ahead unless another key comes at once."""
        if self._foreseeing is not None:
            self._foreseeing.cancel()
        self._foreseeing = asyncio.get_running_loop().call_later(LULL, self.foresee)

    def foresee(self) -> None:
        """Work out Space on the bit under the cursor."""
        editor, bit = self.editor, self.editor.module.entry_field(self._grid.cursor)
        if not self.is_running or editor.read_only or bit is None or self._grid.selection is not None:
            return
        found = editor.flip_of(bit)
        if found.after is None or not found.at_once:
            return
        drawn = self.drawn_for(found.after, changed(editor.situation, found.after))
        self._grid.foresee(found.after, drawn)
        if not self.asks:  # their remarks are of what is shown now
            self._why.foresee(found.after, bit)

    def drawn_for(self, after: Situation, masks: Mapping[Leaf, int]) -> dict[Leaf, int]:
        """The leaves to be drawn again for a situation that follows, with the packed masks of what changes there."""
        looked_at = [*self._grid.shown.situation.conflict_leaves(), *after.conflict_leaves(), self._grid.cursor.leaf]
        return {**dict.fromkeys(looked_at, 0), **masks}
