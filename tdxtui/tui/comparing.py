"""A second module laid over the grid: which bits have another value there, and which are decided otherwise."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding, BindingType

from tdxtui import library
from tdxtui.cpuid import Field, Leaf
from tdxtui.errors import TdxtuiError
from tdxtui.tui.layering import LayeringApp
from tdxtui.tui.search import Hits
from tdxtui.tui.signs import NOTHING, Masks, Sign, Signs
from tdxtui.tui.why_lines import Part

if TYPE_CHECKING:
    from tdxtui.diff.at_bit import BitDiff
    from tdxtui.evaluate import Situation


class ComparingApp(LayeringApp):
    """An app that shows what another module would do to the model."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("d", "diff", "Differences to a second module; again: none"),
    ]

    def __init__(self, ansi_color: bool = False) -> None:
        super().__init__(ansi_color=ansi_color)
        self._diff: BitDiff | None = None
        self._there: Situation | None = None
        self._compared = ""

    @property
    def asks(self) -> bool:
        """Whether there is anything to answer."""
        return super().asks or self._diff is not None

    @property
    def badge(self) -> str:
        """What the header tells of the view."""
        words = [f"≠ {self._diff.new.version}"] if self._diff is not None else []
        return " · ".join([*words, *[super().badge] * bool(super().badge)])

    # -- choosing --

    def action_diff(self) -> None:
        """Choose the second module, or leave it."""
        if self.leave_diff():
            return
        from tdxtui.tui.dialogs import Chooser

        here = self.editor.module.version
        others = [name for name in library.files("modules") if name != here]
        newer = [name for name in others if name > here]
        present = self._compared if self._compared in others else next(iter(newer), "")
        lines = [(name, f"{name:10} {self._about_module(name)}") for name in others]
        self.push_screen(Chooser("Differences to which module?", lines, present), self._module_chosen)

    def _module_chosen(self, name: str | None) -> None:
        if name is None:
            return
        try:
            self.compare_with(name)
        except TdxtuiError as error:
            self.say(str(error), alarm=True)

    def compare_with(self, name: str) -> None:
        """Lay a module over the grid. Raises TdxtuiError for a file that can't be used."""
        from tdxtui.diff.at_bit import BitDiff

        self._diff = BitDiff(self.editor.module, library.module(name))
        self._compared = name
        # n and N go through the differences now, no longer through what was searched for before.
        self._text, self._found = "", Hits(())
        self.answer()
        self.show_settings()
        self.say(self._differences_told(), alarm=self._there is None)

    def leave_diff(self) -> bool:
        """Show no second module any more; whether there was one."""
        if self._diff is None:
            return False
        self._diff = self._there = None
        self.answer()
        self.show_settings()
        self.say("No second module any more")
        return True

    def _differences_told(self) -> str:
        """How much differs, in fewer words where the way back would find no room."""
        assert self._diff is not None
        signs, version = self._grid.shown.signs, self._diff.new.version
        values, classes = (sum(mask.bit_count() for mask in masks.values()) for masks in signs[:2])
        more, keys = len(self._diff.only_there), "n N go there, d leaves"
        if self._there is None:
            told = f"≈ {classes} decided otherwise; it refuses this CPU, so no values"
        else:
            told = f"≠ {values} with another value, ≈ {classes} decided otherwise"
        only = f", {more} leaves only there" if more else ""
        long, short = f"Module {version}: {told}{only}; {keys}", f"{version}: ≠ {values} ≈ {classes}; {keys}"
        return long if len(long) + 2 <= self._width else short

    # -- the differences --

    def ask_again(self) -> None:
        """The situation is another one; on the second module itself nothing differs."""
        if self._diff is not None and self.editor.module is self._diff.new:
            self.leave_diff()
        super().ask_again()

    def answer(self) -> None:
        """Find the answers, and show them."""
        if self._diff is not None:
            self._hold_there()
        super().answer()

    def _hold_there(self) -> None:
        """The model on the second module; None where that refuses the CPU."""
        from tdxtui.diff.at_bit import BitDiff
        from tdxtui.evaluate import evaluate

        situation, diff = self.editor.situation, self._diff
        assert diff is not None
        if situation.module is not diff.old:
            diff = self._diff = BitDiff(situation.module, diff.new)
        there = evaluate(situation.model, diff.new, situation.platform)
        self._there = None if there.platform_refusal and not situation.platform_refusal else there

    def signs(self) -> Signs:
        """The signs on the bits."""
        if self._diff is None:
            return super().signs()
        values, classes = self._other_values(), self._diff.other_class
        return super().signs()._replace(
            other_value=values,
            other_class={leaf: rest for leaf, mask in classes.items() if (rest := mask & ~values.get(leaf, 0))},
        )

    def _other_values(self) -> Masks:
        """The bits that come out otherwise there; what no guest can read has no value."""
        if self._there is None:
            return NOTHING
        from tdxtui.flipping import changed

        here, there = self.editor.situation, self._there
        silent = {*here.module.exit.faulting, *there.module.exit.faulting}
        found = changed(here, there)
        return {leaf: mask for leaf, mask in found.items() if leaf in here.module.by_leaf and leaf not in silent}

    def action_match(self, step: int) -> None:
        """To the next difference, if nothing was searched for since; else to the next match."""
        if self._diff is None or self._text:
            super().action_match(step)
            return
        signs = self._grid.shown.signs

        def differing(leaf: Leaf) -> int:
            return signs.other_value.get(leaf, 0) | signs.other_class.get(leaf, 0)

        self.mark()
        if not self._grid.step_to(step, differing):
            self.say(f"Nothing here is otherwise on module {self._diff.new.version}")

    # -- why --

    def remarks(self, bit: Field) -> Sequence[Part]:
        """What becomes of a bit on the second module, then what the VMM layers say."""
        return [*self._of_second(bit), *super().remarks(bit)]

    def _of_second(self, bit: Field) -> Iterator[Part]:
        if self._diff is None:
            return
        version, changes = self._diff.new.version, self._diff.at(bit)
        sign = next((sign for sign, mask in self._grid.shown.signs.at(bit.leaf) if mask & bit.mask), None)
        style = self.palette.name if sign in (Sign.OTHER_VALUE, Sign.OTHER_CLASS) else self.palette.text
        yield Part(f"Module {version}: {self._value_there(bit)}{'' if changes else ', decided as here'}.", style)
        for change in changes:
            yield Part(f"  {change.group.value}: {change.old} -> {change.new}.", style)

    def _value_there(self, bit: Field) -> str:
        assert self._diff is not None
        if self._there is None:
            return "refuses this CPU"
        at = self._diff.new.entry_field(bit)
        if at is None:
            return f"no entry {bit.leaf.sdm}"
        if at.leaf in self._diff.new.exit.faulting:
            return "#VE"
        td, here = self._there.td, self.editor.situation.td
        if not td.known_at(at.leaf) & at.mask:
            return "not known without a CPU"
        same = here.known_at(bit.leaf) & bit.mask and here.get(bit) == td.get(at)
        return f"{td.get(at)}{', as here' if same else f' instead of {here.get(bit)}'}"
