"""What the fields of each entry say together, behind the entry's title."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

from tdxtui import catalog
from tdxtui.cpuid import Leaf
from tdxtui.tui.shown import Shown


class EntryWords:
    """The words of the entries as shown, each worked out once. The first one asked for loads the decoders."""

    def __init__(self, shown: Shown) -> None:
        self._shown = shown
        self._kept: dict[Leaf, str] = {}

    def of(self, leaf: Leaf) -> str:
        """An entry's first line of words, "" for nothing."""
        if leaf not in self._kept:
            self._kept[leaf] = self._find(leaf)
        return self._kept[leaf]

    def after(self, shown: Shown, changed: Mapping[Leaf, int] | None) -> EntryWords:
        """The same for what is shown now; entries of which no field is in the `changed` masks say what they said."""
        new = EntryWords(shown)
        if changed is not None:
            new._kept = {leaf: text for leaf, text in self._kept.items() if not changed.get(leaf, 0) & spoken(leaf)}
        return new

    def _find(self, leaf: Leaf) -> str:
        from tdxtui import words

        here = self._shown.leaf(leaf)
        return "" if here.value is None else next(iter(words.lines(leaf, here.value, here.known)), "")


@lru_cache(maxsize=1024)
def spoken(leaf: Leaf) -> int:
    """The bits of an entry that its words tell of: those of fields of several bits, as a packed mask."""
    mask = 0
    for named in catalog.fields_of(leaf):
        mask |= 0 if named.field.is_bit else named.field.mask
    return mask
