"""Copying what the cursor is on to the terminal's clipboard (OSC 52, which works over ssh too)."""

from __future__ import annotations

from tdxtui.cpuid import REGISTER_KEYS, WORD, Field, Leaf, Register
from tdxtui.evaluate import Situation
from tdxtui.naming import bit_name, field_name
from tdxtui.tui.base import EditorApp
from tdxtui.tui.bit_grid import BitGrid

WIDER = ("register", "leaf", "bit")


class CopyingApp(EditorApp):
    """An app that copies a bit; asked again, its register, then its leaf."""

    _grid: BitGrid
    _copied: tuple[Field, int] | None = None

    def action_copy(self) -> None:
        """Copy what the cursor is on; pressed again on the same bit, the next larger thing."""
        bit, situation = self._grid.cursor, self.editor.situation
        size = (self._copied[1] + 1) % 3 if self._copied and self._copied[0] == bit else 0
        self._copied = bit, size
        lines = (_bit(situation, bit), _register(situation, bit.leaf, bit.register), _leaf(situation, bit.leaf))[size]
        self.copy_to_clipboard("\n".join(lines))
        what = lines[0] if len(lines) == 1 else f"{bit.leaf.sdm}, {len(lines)} lines"
        self.say(f"Copied {what}; y again copies the {WIDER[size]}")


def _bit(situation: Situation, bit: Field) -> list[str]:
    known = situation.td.known_at(bit.leaf) & bit.mask == bit.mask
    name = bit_name(bit) if bit.is_bit else field_name(bit)
    return [f"{bit.key} = {situation.td.get(bit) if known else '?'}" + (f"  # {name}" if name else "")]


def _register(situation: Situation, leaf: Leaf, register: Register) -> list[str]:
    word = situation.td.at(leaf) >> register.shift & WORD
    known = situation.td.known_at(leaf) >> register.shift & WORD
    note = "" if known == WORD else f"  # known bits: {known:#010x}"
    return [f"{leaf.key}.{REGISTER_KEYS[register]} = {word & known:#010x}{note}"]


def _leaf(situation: Situation, leaf: Leaf) -> list[str]:
    return [line for register in Register for line in _register(situation, leaf, register)]
