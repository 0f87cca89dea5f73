"""The findings on the model as a list: to the bit, and on to the cure."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding, BindingType

from tdxtui.editor import refused
from tdxtui.edits import WORDS
from tdxtui.evaluate import Situation, evaluate
from tdxtui.flipping import edited
from tdxtui.phrase import edit_list
from tdxtui.tui.jumps import first_bit
from tdxtui.tui.layering import LayeringApp
from tdxtui.tui.why_lines import PANES, Setting, Target

if TYPE_CHECKING:
    from tdxtui.check import Finding


class FindingsApp(LayeringApp):
    """An app that lists what a check says."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("i", "findings", "Findings: all that a check says"),
    ]

    def action_findings(self) -> None:
        """The list; Enter goes to a finding, c shows its cure."""
        from tdxtui.check import check
        from tdxtui.tui.findings_list import FindingsList

        found = check(self.editor.situation, self.layers)
        notes = self.source.notes if self.source is not None else ()
        if not (found or notes):
            self.say(f"No finding: {self._where_held} gives the TD all that the model wants")
            return
        self.push_screen(FindingsList(found, notes, bool(self.layers)), self._finding_chosen)

    @property
    def _where_held(self) -> str:
        cpu = [f"CPU {self.editor.platform.name}"] if self.editor.platform else ["without a CPU"]
        return ", ".join([f"module {self.editor.module.version}", *cpu, *(layer.label for layer in self.layers)])

    def _finding_chosen(self, chosen: tuple[str, Finding] | None) -> None:
        if chosen is None:
            return
        what, finding = chosen
        self._go_to_finding(finding)
        cured = cure(self.editor.situation, finding)
        if cured is None:
            self.say(f"{finding.message}{': there is no cure on this module and CPU' * (what == 'cure')}")
        elif what == "cure":
            self.ask_for(cured[0], cured[1], None)
        else:
            self.say(f"{finding.message}: Enter shows the cure", True, refused("", cured[1], cured[0]))

    def _go_to_finding(self, finding: Finding) -> None:
        target = _target_of(finding)
        if isinstance(target, Setting):
            self.follow(target)
        elif target is not None and (field := self.editor.module.entry_field(target)) is not None:
            self.mark()
            self._grid.go_to(first_bit(field))
            self.show_pane("grid")


def _target_of(finding: Finding) -> Target | None:
    """Where a finding is: its bit, or the setting that its cure changes."""
    if finding.field is not None or finding.bits:
        return finding.field or finding.bits[0]
    if finding.refusal is not None and finding.refusal.at is not None:
        from tdxtui.cpuid import Field, Register

        return Field(finding.refusal.at, Register.EAX, 31, 0)
    edit = next((edit for edit in finding.cure or () if edit.what in WORDS), None)
    return Setting(PANES[edit.what], edit.name) if edit is not None else None


def cure(situation: Situation, finding: Finding) -> tuple[str, Situation] | None:
    """What a cure is called and the situation that it makes; where nothing else helps, the wishes are given up."""
    from tdxtui.check import Kind

    edits = finding.cure
    if edits:
        return edit_list(edits), edited(situation, edits)
    model, keys = situation.model, []
    for leaf, (_, mask) in situation.model.wishes.items():
        entry = situation.module.entry_for(leaf)
        at = entry.leaf if entry is not None else leaf
        for bit in finding.bits if finding.kind is not Kind.WARNING else ():
            if bit.leaf in (leaf, at) and mask & bit.mask:
                model = model.wish(bit._replace(leaf=leaf), None)
                keys.append(bit.key)
    if not keys:
        return None
    what = keys[0] if len(keys) == 1 else f"{len(keys)} bits of {finding.name or finding.bits[0].leaf.key}"
    return f"no wish for {what}", evaluate(model, situation.module, situation.platform)

