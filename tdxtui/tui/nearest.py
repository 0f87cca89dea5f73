"""The nearest legal model to the present one, looked at before it is taken."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import groupby
from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding, BindingType

from tdxtui.model import VcpuModel
from tdxtui.td import NAMED_BITS, names_of
from tdxtui.tui.layering import LayeringApp

if TYPE_CHECKING:
    from tdxtui.fit import Fit, Target
    from tdxtui.fit.changes import Change
    from tdxtui.sources import Source
    from tdxtui.tui.preview_text import Block

WORDS: Mapping[str, str] = {"XFAM": "xfam", "ATTRIBUTES": "attributes", "CONFIG_FLAGS": "config_flags"}


class NearestApp(LayeringApp):
    """An app that makes its model legal in one step."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f", "fit_model", "Fit: the nearest legal model"),
    ]

    def action_fit_model(self) -> None:
        """Show what the nearest legal model would change, and take it if the user wants it."""
        situation = self.editor.situation
        self._judge_layers()
        if not (situation.conflict_count or self._verdicts):
            self.say("Nothing to fit: the TD gets all that the model wants")
            return
        from tdxtui import fit

        try:
            found = fit.fit(self._as_source(), self._target())
        except fit.Unfit as unfit:
            self.say(f"Nothing fits: {unfit}", alarm=True)
            return
        self._ask_for_fit(found)

    def _target(self) -> Target:
        from tdxtui.fit import Target

        model = self.editor.model_here()
        names = model.module, model.platform
        return Target.of(self.editor.module, self.editor.platform, self.layers, names)

    def _as_source(self) -> Source:
        """The model as a source: what it was made from says whether its TD settings are its own."""
        from tdxtui.sources import Source

        model, of = self.editor.model, self.source
        if of is None:
            return Source(model.name, "model", model.description or model.name, model, states_td=True)
        own = any(getattr(model, word) != getattr(of.model, word) for word in WORDS.values())
        return replace(of, model=model, states_td=of.states_td or own, imported=None)

    def _ask_for_fit(self, found: Fit) -> None:
        from tdxtui.evaluate import evaluate
        from tdxtui.tui.preview import Preview
        from tdxtui.tui.preview_text import blocks

        now = self.editor.situation
        # The name and the file's own text stay what they are.
        model = replace(found.model, origin=self.editor.model.origin)
        after = evaluate(model, now.module, now.platform)
        label = f"fit to {found.target.name}"
        told = [*_told(found, self.editor.model), *blocks(now, after, None, self.editor.preview(after))]
        self.push_screen(
            Preview(told, str(self.palette.conflict)),
            lambda wanted: self.show_outcome(self.editor.accept(label, after)) if wanted else None,
        )


def _told(found: Fit, before: VcpuModel) -> Iterator[Block]:
    """What becomes of the model's wishes, the most important first."""
    from tdxtui.fit.changes import changes, kept
    from tdxtui.fit.report import HEADS, notes
    from tdxtui.tui.preview_text import Block

    got, total = kept(found)
    head = f"The nearest legal model on {found.target.name}: {got} of {total} wanted features"
    yield Block(head, tuple(_settings(before, found.model)))
    for outcome, group in groupby(changes(found), lambda item: item.outcome):
        lines = [(item.name, f"{item.field.key}: {_value(item)}{item.because}") for item in group]
        yield Block(f"{HEADS[outcome]} ({len(lines)})", tuple(lines))
    if said := notes(found):
        yield Block("Notes", tuple(said))


def _settings(before: VcpuModel, after: VcpuModel) -> Iterator[tuple[str, str]]:
    """What changes of the TD's own words."""
    for what, word in WORDS.items():
        old, new = getattr(before, word), getattr(after, word)
        names = NAMED_BITS[what]
        turned = [f"{name} on" for name in names_of(new & ~old, names)]
        turned += [f"{name} off" for name in names_of(old & ~new, names)]
        if turned:
            yield what, ", ".join(turned)
    for what, word in (("TSC", "tsc_mhz"), ("MAX_VCPUS", "max_vcpus"), ("L2 VMs", "num_l2_vms")):
        old, new = getattr(before, word), getattr(after, word)
        if old != new:
            yield what, f"{old} → {new}"


def _value(item: Change) -> str:
    if item.field.is_bit:
        return ""
    got = "the CPU's own" if item.got is None else f"{item.got:#x}"
    return f"{item.wanted:#x} → {got}: "
