"""VMM layers on top of the module: chosen, shown in the header, what they refuse marked on the grid and in Why."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding, BindingType

from tdxtui.cpuid import Field, Leaf
from tdxtui.errors import TdxtuiError
from tdxtui.tui.choosing import ChoosingApp
from tdxtui.tui.panes import Asked
from tdxtui.tui.signs import NO_SIGNS, Masks, Signs
from tdxtui.tui.viewing import ViewingApp
from tdxtui.tui.why_lines import Part
from tdxtui.tui.why_pane import WhyPane

if TYPE_CHECKING:
    from tdxtui.check import Finding
    from tdxtui.sources import Source
    from tdxtui.vmm_layer import VmmLayer


class LayeringApp(ViewingApp, ChoosingApp):
    """An app whose model is held against VMM layers too, if the user wants it.

    `source` is what the model was made from, None for a model of ours. What is asked besides the module's own answer
    is answered after the frame that shows an edit, and costs nothing where nothing is asked.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("V", "choose_layers", "VMM: what KVM and QEMU refuse, too"),
    ]
    _why: WhyPane

    def __init__(self, ansi_color: bool = False) -> None:
        super().__init__(ansi_color=ansi_color)
        self.layers: tuple[VmmLayer, ...] = ()
        self.source: Source | None = None
        self._verdicts: list[Finding] = []
        self._asks = False
        self._told_asked = Asked()

    @property
    def asked(self) -> Asked:
        """What the header tells of the layers."""
        return Asked(tuple(layer.label for layer in self.layers), len(self._verdicts))

    # -- asking --

    def begin_asking(self) -> None:
        """The first frame is drawn: answer what was asked from the start."""
        self._why.remarks = self.remarks
        self.ask_again()

    @property
    def asks(self) -> bool:
        """Whether there is anything to answer."""
        return bool(self.layers)

    def ask_again(self) -> None:
        """The situation is another one: answer again, after the frame that shows it."""
        if self.asks and not self._asks:
            self._asks = True
            self.call_after_refresh(self.answer)

    def answer(self) -> None:
        """Find the answers, and show them."""
        self._asks = False
        self._judge_layers()
        signs = self.signs()
        if signs != self._grid.shown.signs:
            self._grid.sign(signs)
            self._list.sign(signs)
        if self._told_asked != self.asked:
            self._told_asked = self.asked
            self.show_settings()
        self._why.remark()

    def signs(self) -> Signs:
        """The signs on the bits."""
        return NO_SIGNS._replace(refused=self._refused())

    # -- what the layers say --

    def _judge_layers(self) -> None:
        if not self.layers:
            self._verdicts = []
            return
        from tdxtui.check import Severity
        from tdxtui.checking.vmm_verdicts import verdicts

        found = verdicts(self.editor.situation, self.layers)
        self._verdicts = [item for item in found if item.severity is Severity.CONFLICT]

    def _refused(self) -> Masks:
        masks: dict[Leaf, int] = {}
        for _, bit in self._placed():
            masks[bit.leaf] = masks.get(bit.leaf, 0) | bit.mask
        return masks

    def _placed(self) -> Iterator[tuple[Finding, Field]]:
        """The bits and fields that are refused, by the module's own entries."""
        for item in self._verdicts:
            for field in item.bits or ((item.field,) if item.field else ()):
                if (here := self.editor.module.entry_field(field)) is not None:
                    yield item, here

    def refused_bits(self) -> list[Field]:
        """Every bit that a layer refuses."""
        return [bit for _, field in self._placed() for bit in field.bits()]

    def remarks(self, bit: Field) -> Sequence[Part]:
        """What the layers say of a bit: first why they refuse it now, else what they would make of it."""
        if not self.layers:
            return []
        now = [item for item, field in self._placed() if field.leaf == bit.leaf and field.mask & bit.mask]
        if now:
            return [Part(f"! {item.message}.", self.palette.conflict) for item in now]
        from tdxtui.checking.at_bit import sayings

        return [Part(text, self.palette.text) for text in sayings(self.editor.module, self.layers, bit)]

    # -- choosing --

    def action_choose_layers(self) -> None:
        """A list of the VMM versions; one of each kind at most."""
        from tdxtui import vmm
        from tdxtui.tui.dialogs import Chooser

        on = {f"{layer.kind}-{layer.version}" for layer in self.layers}
        names = [*vmm.layers(), *(name for name in sorted(on) if name not in vmm.layers())]
        lines = [(name, f"{'■' if name in on else '□'} {name.partition('-')[0].upper()} {name.partition('-')[2]}")
                 for name in names]
        lines.append(("", f"{'□' if on else '■'} none: what the module takes is enough"))
        present = next((name for name in names if name in on), names[0])
        ask = Chooser("VMM layers", lines, present, "Enter turns one on or off")
        self.push_screen(ask, self._layer_chosen)

    def _layer_chosen(self, name: str | None) -> None:
        if name is None:
            return
        kind, _, version = name.partition("-")
        others = [layer for layer in self.layers if kind and layer.kind != kind]
        was_on = any((layer.kind, layer.version) == (kind, version) for layer in self.layers)
        from tdxtui import vmm

        try:
            self.use_layers([*others, *([vmm.layer(kind, version)] if kind and not was_on else [])])
        except TdxtuiError as error:
            self.say(str(error), alarm=True)

    def use_layers(self, layers: Sequence[VmmLayer]) -> None:
        """Hold the model against these layers from now on, and say what comes of it."""
        from tdxtui.vmm_layer import KINDS

        self.layers = tuple(sorted(layers, key=lambda layer: KINDS.index(layer.kind)))
        self.answer()
        labels = " and ".join(layer.label for layer in self.layers)
        count = len(self._verdicts)
        if not self.layers:
            self.say("No VMM layer: what the module takes is enough")
        elif count:
            self.say(f"{labels}: {count} refused that the module would take; i lists them, ] goes there", alarm=True)
        else:
            self.say(f"{labels} take{'s' * (len(self.layers) == 1)} all that the module takes of this model")
