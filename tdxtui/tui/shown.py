"""What the grid shows of a situation: all of it, through a filter, or as a guest reads it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

from tdxtui.bit_state import BitState, states
from tdxtui.cpuid import ALL_ONES, WORD, Field, Leaf, Register
from tdxtui.dynamic import GuestState
from tdxtui.evaluate import Situation
from tdxtui.tui.signs import NO_SIGNS, Sign, Signs

if TYPE_CHECKING:
    from tdxtui.filters import Filter, Sieve

LEFT_OUT = "·"
VE_WORD = "#VE"


class ShownLeaf(NamedTuple):
    """An entry's registers: 32 glyphs each, and their states or signs, None for what a filter leaves out.

    `value` and `known` are packed; `value` is None where the guest gets #VE.
    """

    glyphs: tuple[str, ...]
    states: tuple[list[BitState | Sign | None], ...]
    value: int | None
    known: int

    def hex(self, register: Register) -> str:
        """A register's value, a ? for each digit that isn't known."""
        if self.value is None:
            return VE_WORD
        value, known = self.value >> register.shift & WORD, self.known >> register.shift & WORD
        if known == WORD:
            return f"0x{value:08X}"
        digits = (f"{value >> shift & 0xF:X}" if known >> shift & 0xF == 0xF else "?" for shift in _SHIFTS)
        return "0x" + "".join(digits)


_SHIFTS = range(28, -4, -4)


def _sieve(chosen: Filter, situation: Situation) -> Sieve:
    from tdxtui.filters import Sieve  # not before the first frame

    return Sieve(chosen, situation)


class Shown:
    """A situation's entries as they are shown, each worked out once."""

    def __init__(
        self, situation: Situation, chosen: Filter | None = None, guest: GuestState | None = None,
        signs: Signs = NO_SIGNS,
    ) -> None:
        self.situation, self.guest, self.signs = situation, guest, signs
        self.filter = chosen
        self._sieve = _sieve(chosen, situation) if chosen else None
        self._kept: dict[Leaf, ShownLeaf] = {}

    def after(self, situation: Situation, changed: Mapping[Leaf, int] | None) -> Shown:
        """The same view of another situation; the entries that are not in `changed` are as before."""
        new = Shown(situation, self.filter, self.guest, self.signs)
        if changed is not None and self._sieve is None:
            new._kept = {leaf: kept for leaf, kept in self._kept.items() if leaf not in changed}
        return new

    def signed(self, signs: Signs) -> Shown:
        """The same with other signs."""
        new = Shown(self.situation, self.filter, self.guest, signs)
        new._sieve, moved = self._sieve, set(self.signs.moved(signs))
        new._kept = {leaf: kept for leaf, kept in self._kept.items() if leaf not in moved}
        return new

    def alike(self, before: Shown, leaf: Leaf) -> list[bool]:
        """Whether each register of an entry looks as it did before."""
        old, new = before._kept.get(leaf), self.leaf(leaf)
        if old is None or (old.value is None) is not (new.value is None):
            return [False] * len(Register)
        return [
            old.glyphs[register] == new.glyphs[register]
            and old.states[register] == new.states[register]
            and (old.value is new.value or old.hex(register) == new.hex(register))
            for register in Register
        ]

    def passes(self, leaf: Leaf) -> int:
        """The bits of an entry that the filter lets through, as a packed mask."""
        return self._sieve.mask(leaf) if self._sieve is not None else ALL_ONES

    def leaf(self, leaf: Leaf) -> ShownLeaf:
        """An entry as it is shown."""
        found = self._kept.get(leaf)
        if found is None:
            found = self._kept[leaf] = self._sifted(leaf, self._signed(leaf, self._find(leaf)))
        return found

    def value_of(self, field: Field) -> int | None:
        """A field's value as shown, None where some of it isn't known."""
        here = self.leaf(field.leaf)
        known = here.value is not None and here.known & field.mask == field.mask
        return field.get(here.value) if known and here.value is not None else None

    def _find(self, leaf: Leaf) -> ShownLeaf:
        if self.guest is None:
            rows = states(self.situation, leaf)
            glyphs = tuple("".join(row) for row in rows)
            value, known = self.situation.td.at(leaf), self.situation.td.known_at(leaf)
            return ShownLeaf(glyphs, rows, value, known)  # type: ignore[arg-type]
        from tdxtui.guest_view import guest_view

        view = guest_view(self.situation, leaf, self.guest)
        rows = view.states()
        glyphs = tuple(self._digits(row, view.value, register) for register, row in zip(Register, rows, strict=True))
        return ShownLeaf(glyphs, rows, view.value, view.known)  # type: ignore[arg-type]

    @staticmethod
    def _digits(row: list[BitState], value: int | None, register: Register) -> str:
        """What the guest reads is known digits, whoever decides them."""
        if value is None:
            return "".join(row)
        digits = f"{value >> register.shift & WORD:032b}"
        return "".join("?" if state is BitState.UNKNOWN else digit for state, digit in zip(row, digits, strict=True))

    def _signed(self, leaf: Leaf, here: ShownLeaf) -> ShownLeaf:
        """The entry with its signs. A conflict keeps its style, so that both are seen; a refusal is less than one."""
        for sign, mask in self.signs.at(leaf):
            glyphs, rows = [], []
            for register, text, row in zip(Register, here.glyphs, here.states, strict=True):
                signed, styled = list(text), list(row)
                for index in (index for index in range(32) if mask >> register.shift >> 31 - index & 1):
                    conflicts = row[index] is BitState.CONFLICT
                    signed[index] = text[index] if conflicts and sign is Sign.REFUSED else sign.value
                    styled[index] = row[index] if conflicts else sign
                glyphs.append("".join(signed))
                rows.append(styled)
            here = here._replace(glyphs=tuple(glyphs), states=tuple(rows))
        return here

    def _sifted(self, leaf: Leaf, here: ShownLeaf) -> ShownLeaf:
        if self._sieve is None:
            return here
        mask = self._sieve.mask(leaf)
        if mask == ALL_ONES:
            return here
        passes = [f"{mask >> register.shift & WORD:032b}" for register in Register]
        glyphs = tuple(
            "".join(glyph if keep == "1" else LEFT_OUT for glyph, keep in zip(row, kept, strict=True))
            for row, kept in zip(here.glyphs, passes, strict=True)
        )
        rows = tuple(
            [state if keep == "1" else None for state, keep in zip(row, kept, strict=True)]
            for row, kept in zip(here.states, passes, strict=True)
        )
        return here._replace(glyphs=glyphs, states=rows)
