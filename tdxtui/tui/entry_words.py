"""What the fields of each entry say, in the line below its bits."""

from __future__ import annotations

from tdxtui.cpuid import Leaf, Register
from tdxtui.evaluate import Situation


class EntryWords:
    """The words of one situation's entries, each worked out once. The first one asked for loads the decoders."""

    def __init__(self, situation: Situation) -> None:
        self._situation = situation
        self._kept: dict[tuple[Leaf, Register | None], str] = {}

    def of(self, leaf: Leaf, register: Register | None = None) -> str:
        """A register's fields; the entry's first line where it has none, and for no register; "" for nothing."""
        key = leaf, register
        if key not in self._kept:
            self._kept[key] = self._find(leaf, register)
        return self._kept[key]

    def _find(self, leaf: Leaf, register: Register | None) -> str:
        from tdxtui import words

        value, known = self._situation.td.at(leaf), self._situation.td.known_at(leaf)
        if register is not None:
            return words.register_line(leaf, register, value, known) or self.of(leaf)
        return next(iter(words.lines(leaf, value, known)), "")
