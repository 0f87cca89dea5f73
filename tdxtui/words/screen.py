"""Words for one entry, or one register of it, as a screen shows them below the bits."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import NamedTuple

from tdxtui.cpuid import Field, Leaf, Register
from tdxtui.words.names import multi_bit_fields, name_of
from tdxtui.words.recipes import quantities
from tdxtui.words.table import codec_of

_WIDTH = 90
_DOT = " · "
_EXTENDED = 0x80000000
_NOTHING = {"0", "0x0", "empty", "none", "off"}
UNKNOWN = "?"


class _Item(NamedTuple):
    """A field as it is painted; ``mask`` and ``shift`` are of the packed leaf."""

    field: Field
    mask: int
    shift: int
    name: str
    decode: Callable[[int], str]

    def words(self, packed: int, known: int) -> str:
        """Name and value; the value is a question mark if one of its bits isn't known."""
        if known & self.mask != self.mask:
            return f"{self.name} {UNKNOWN}"
        return f"{self.name} {self.decode((packed & self.mask) >> self.shift)}"

    def says_nothing(self, packed: int, known: int) -> bool:
        """Whether it is a zero without meaning; what Intel reserves in extended leaves may have one for AMD only."""
        if packed & self.mask or known & self.mask != self.mask:
            return False
        return self.field.leaf.leaf >= _EXTENDED or self.decode(0).split()[0] in _NOTHING


def register_line(leaf: Leaf, register: Register, packed: int, known: int) -> str:
    """The multi-bit fields of a register in one line, the lowest first; ``""`` if it has none.

    ``cache_type data · cache_level 1 · num_threads_sharing 2``; one with a bit that isn't in known is ``?``.
    """
    return _DOT.join([item.words(packed, known) for item in _items(leaf)[register]])


def lines(leaf: Leaf, packed: int, known: int) -> list[str]:
    """An entry's words in short lines of at most 90 columns: what its fields say together, then the fields left.

    A quantity of which a bit isn't in known is left out, and its fields stand for themselves, unknown ones as ``?``.
    Fields that are 0 and mean nothing by it are left out too.
    """
    out: list[str] = []
    told: set[Field] = set()
    for words, fields in _told(leaf, packed, known):
        out += _wrapped(words)
        told.update(fields)
    items = [item for register in _items(leaf) for item in register if item.field not in told]
    return out + _joined([item.words(packed, known) for item in items if not item.says_nothing(packed, known)])


def _told(leaf: Leaf, packed: int, known: int) -> Iterator[tuple[str, tuple[Field, ...]]]:
    """The quantities that can be read, in words, with their fields."""
    for found in quantities(leaf):
        own = [field for field in found.fields if field.leaf == leaf]
        if found.recipe.line and all(known & field.mask == field.mask for field in own):
            words = found.read({field: field.get(packed) for field in own})
            if words:
                yield found.recipe.line.format(words), found.fields


def _joined(words: list[str]) -> list[str]:
    out: list[str] = []
    for text in words:
        if out and len(out[-1]) + len(_DOT) + len(text) <= _WIDTH:
            out[-1] += _DOT + text
        else:
            out += _wrapped(text)
    return out


def _wrapped(words: str) -> list[str]:
    return [words] if len(words) <= _WIDTH else textwrap.wrap(words, _WIDTH)


@lru_cache(maxsize=1024)
def _items(leaf: Leaf) -> tuple[tuple[_Item, ...], ...]:
    """The multi-bit fields of an entry by register, the lowest first."""
    registers: tuple[list[_Item], ...] = ([], [], [], [])
    for field in reversed(multi_bit_fields(leaf)):
        registers[field.register].append(_item(field))
    return tuple(map(tuple, registers))


def _item(field: Field) -> _Item:
    return _Item(field, field.mask, field.shift, name_of(field), codec_of(field).decode)
