"""Changing bits: wishes, marked blocks, fields as values, and the numbers among the TD parameters."""

from __future__ import annotations

from typing import ClassVar

from textual.binding import Binding, BindingType

from tdxtui.cpuid import Field
from tdxtui.editor import Outcome
from tdxtui.naming import field_name
from tdxtui.td_values import TD_VALUES
from tdxtui.tui.choosing import ChoosingApp
from tdxtui.tui.switches import SwitchPane
from tdxtui.tui.viewing import ViewingApp

MOST_BITS = 1024
MARKED = "1 sets, 0 clears, w wishes, Esc ends"


class ChangingApp(ViewingApp, ChoosingApp):
    """An app that changes bits by more than their switch."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("w", "wish", "Wish it otherwise; again: not"),
        Binding("v", "mark", "Mark a block of bits"),
        Binding("1", "set_bits(1)", "Set the marked bits"),
        Binding("0", "set_bits(0)", "Clear the marked bits"),
        Binding("enter", "enter", "Look at the offer; edit a field"),
    ]
    _said: tuple[str, bool]
    _offer: Outcome | None
    _offered_for: Field | None

    # -- marked blocks --

    def action_mark(self) -> None:
        """Begin to mark bits, or mark none."""
        self._grid.select(self._grid.selection is None)
        self.show_pane("grid")
        self.say_marked()

    def say_marked(self) -> None:
        """Say what can be done with the marked bits, or nothing."""
        marked = self._grid.selection
        self.say(f"{marked.size} bit{'s' * (marked.size > 1)} marked: {MARKED}" if marked is not None else "")

    def _marked(self) -> list[Field] | None:
        """The marked bits, or the one under the cursor; None if there are too many, or one is in another pane."""
        if self.here().pane not in ("grid", "why"):
            self.say("That key changes bits of the grid; Esc goes there")
            return None
        marked = self._grid.selection
        if marked is None:
            return [self._grid.cursor]
        if marked.size > MOST_BITS:
            self.say(f"{marked.size} bits are marked; {MOST_BITS} at most can be changed at once", alarm=True)
            return None
        return marked.bits(self._grid.leaves)

    def action_set_bits(self, value: int) -> None:
        """Set or clear the marked bits, or the one under the cursor."""
        bits = self._marked()
        if bits is not None:
            self._show_changed(self.editor.set_bits(bits, value))

    def action_wish(self) -> None:
        """Wish the marked bits, or the one under the cursor, otherwise."""
        bits = self._marked()
        if bits is not None:
            self._show_changed(self.editor.wish(bits))

    def _show_changed(self, outcome: Outcome) -> None:
        if outcome.done:
            self._grid.select(False)
        self.show_outcome(outcome)

    def flip_bit(self) -> None:
        """Space on a bit."""
        if self._grid.selection is not None:
            self.say_marked()
            return
        bit = self._grid.cursor
        self.show_outcome(self.editor.toggle(bit))
        self._offered_for = bit

    # -- fields --

    def action_enter(self) -> None:
        """Show all that the last message's offer would change; without one, edit the field under the cursor."""
        if self._offer is not None and self._offer.cure is not None:
            self.ask_for(self._offer.cure_label, self._offer.cure, self._offered_for)
            return
        from tdxtui.tui.field_line import field_at

        field = field_at(self._grid.cursor)
        if self.here().pane != "grid":
            return
        if field is not None:
            self.edit_field(field)
        elif not self._said[0]:
            self.say("Space changes this bit; Enter edits fields of several bits")

    def edit_field(self, field: Field) -> None:
        """Ask for a field's value, in words or as a number."""
        from tdxtui.tui.field_line import words_of
        from tdxtui.tui.value_dialog import ValueDialog

        shown = self._grid.shown
        now = "" if shown.value_of(field) is None else words_of(shown, field)
        title = f"{field.key} {field_name(field)}"
        self.push_screen(ValueDialog(title, now, _expected(field), lambda text: self._set_field(field, text, now)))

    def _set_field(self, field: Field, text: str, now: str) -> str:
        """Give a field the value that a text means; what is wrong with the text, "" if nothing."""
        from tdxtui import words

        if text == now:
            self.say(f"{field.key} stays as it is")
            return ""
        try:
            value = words.encode(field, text)
        except ValueError as error:
            return str(error)
        self._show_changed(self.editor.set_field(field, value))
        return ""

    # -- settings --

    def on_switch_pane_flipped(self, event: SwitchPane.Flipped) -> None:
        """A switch was flipped, or a value chosen."""
        pane, name = event.pane.id, event.name
        if pane == "guest":
            self.flip_guest(name)
        elif name in TD_VALUES:
            self._edit_value(name)
        elif pane == "td":
            self.show_outcome(self.editor.toggle_config_flag(name))
        elif pane == "attributes":
            self.show_outcome(self.editor.toggle_attribute(name))
        else:
            self._flip_xfam(name)

    def on_switch_pane_entered(self) -> None:
        """Enter in a pane of switches."""
        self.action_enter()

    def _flip_xfam(self, name: str) -> None:
        """Flip a component, and offer to ask for the bits that it lets through."""
        outcome = self.editor.toggle_xfam(name)
        found = self.editor.opened_by("XFAM", name) if outcome.done else None
        if found is None or f"XFAM.{name} = 1" not in outcome.message:
            self.show_outcome(outcome)
            return
        from tdxtui.evaluate import evaluate

        model, count = found
        cure = evaluate(model, self.editor.module, self.editor.platform)
        message = f"{outcome.message}: Enter asks for the {count} bits that it lets through"
        label = f"CPUID_CONFIG asks for {count} bits"
        self.show_outcome(outcome._replace(message=message, cure=cure, cure_label=label))

    def _edit_value(self, name: str) -> None:
        from tdxtui.tui.value_dialog import ValueDialog

        value = TD_VALUES[name]
        expected = f"{name} is {value.expected(self.editor.module)}"
        self.push_screen(ValueDialog(name, value.text(self.editor.model), expected, lambda text: self._set(name, text)))

    def _set(self, name: str, text: str) -> str:
        try:
            outcome = self.editor.set_value(name, text)
        except ValueError as error:
            return str(error)
        self.show_outcome(outcome)
        return ""


def _expected(field: Field) -> str:
    from tdxtui.words.table import codec_of

    return f"{codec_of(field).expected}; or the bits themselves as 0x…"
